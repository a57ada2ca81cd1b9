/* Gives one process the right to load, deliver or watch a queue, by a byte of the lock file. */
#include "queue/work_queue.h"

#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the file whose bytes stand for rights ---- */

/* A full disk has its own reason: others can be helped by permissions. */
static int fail_open(const char *path, struct error *err)
{
	const bool full = errno == ENOSPC || errno == EDQUOT;
	return error_because(err, full ? REASON_FULL : REASON_READ_ONLY,
			     "cannot open the lock file '%s': %s", path, g_strerror(errno));
}

/* The file gets the database's owner and permissions, so that everybody who may write to the
 * database can lock, also where root comes first. */
static int create_beside(const char *path, const char *database)
{
	struct stat status;
	if (stat(database, &status) != 0)
		return -1;
	const int descriptor =
	    open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, status.st_mode & 0666);
	if (descriptor < 0)
		return errno == EEXIST ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
	fchmod(descriptor, status.st_mode & 0666);
	if (geteuid() == 0)
		(void)!fchown(descriptor, status.st_uid, status.st_gid);
	return descriptor;
}

/* Two processes may find no file at the same time: one creates it, the other one opens that. */
int lock_file_open(const char *path, const char *database, int *ret_descriptor, struct error *err)
{
	int descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (descriptor < 0 && errno == ENOENT)
		descriptor = create_beside(path, database);
	if (descriptor < 0)
		return fail_open(path, err);
	*ret_descriptor = descriptor;
	return 0;
}

/* A byte need not exist: the file stays empty. */
static struct flock byte_of(int64_t number, short type)
{
	return (struct flock){
	    .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)number, .l_len = 1};
}

/* F_SETLK does not wait. The kernel gives the lock back when the process ends, however it ends. */
int lock_file_take(int descriptor, int64_t byte, bool *ret_taken, struct error *err)
{
	struct flock lock = byte_of(byte, F_WRLCK);
	*ret_taken = fcntl(descriptor, F_SETLK, &lock) == 0;
	if (*ret_taken || errno == EACCES || errno == EAGAIN)
		return 0;
	return error_because(err, REASON_IO, "cannot lock the database's lock file: %s",
			     g_strerror(errno));
}

void lock_file_give(int descriptor, int64_t byte)
{
	struct flock lock = byte_of(byte, F_UNLCK);
	fcntl(descriptor, F_SETLK, &lock);
}

bool lock_file_is_held(int descriptor, int64_t byte)
{
	struct flock holder = byte_of(byte, F_WRLCK);
	return fcntl(descriptor, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK;
}

/* The kernel says 0 or -1 for a process that this one cannot see, as in another container. */
int lock_file_holder(int descriptor, int64_t byte)
{
	struct flock holder = byte_of(byte, F_WRLCK);
	if (fcntl(descriptor, F_GETLK, &holder) != 0 || holder.l_type == F_UNLCK)
		return 0;
	return holder.l_pid > 0 ? (int)holder.l_pid : 0;
}

/* ---- rights to queues ---- */

/*
 * One descriptor serves all queues and lives as long as the store. A process cannot exclude itself
 * by these locks: `locked` remembers what this one holds.
 */

struct work_queue_lock {
	struct store *store;
	int64_t number; /* of the byte */
};

/* Opened at the first lock: most commands take none, and readers may not be allowed to create
 * it. */
static int open_lock_file(struct store *store, struct error *err)
{
	if (store->lock_fd >= 0)
		return 0;
	g_autofree char *path = engine_sibling(store->engine, "-lock");
	if (lock_file_open(path, engine_location(store->engine), &store->lock_fd, err) != 0)
		return -1;
	store->locked = g_array_new(FALSE, FALSE, sizeof(int64_t));
	return 0;
}

/* One that is there is let alone: to close it would give up the locks that this process has. */
void lock_file_make(const char *location, const char *suffix)
{
	char *resolved = realpath(location, NULL);
	g_autofree char *path = g_strconcat(resolved != NULL ? resolved : location, suffix, NULL);
	int descriptor;
	struct error ignored;
	free(resolved);
	if (access(path, F_OK) != 0 && lock_file_open(path, location, &descriptor, &ignored) == 0)
		close(descriptor);
}

void work_queue_lock_make(const char *location)
{
	lock_file_make(location, "-lock");
}

/* The index in `locked`, or its length where the number is not there. */
static guint find_locked(const struct store *store, int64_t number)
{
	guint i = 0;
	while (i < store->locked->len && g_array_index(store->locked, int64_t, i) != number)
		i++;
	return i;
}

/* Names the queue and the process, so that the operator knows what to wait for. */
static int fail_busy(struct store *store, int64_t number, struct error *err)
{
	const bool delivery = number >= LOCK_FILE_DELIVERY;
	g_autofree char *name = NULL;
	{
		scoped_statement *statement =
		    engine_prepare(store->engine, "SELECT name FROM work_queue WHERE id = ?");
		statement_bind_int(statement, 1, delivery ? number - LOCK_FILE_DELIVERY : number);
		struct error ignored;
		if (statement_step(statement, &ignored) == 1)
			name = g_strdup(statement_text(statement, 0));
	}
	const int holder = lock_file_holder(store->lock_fd, number);
	g_autofree char *process = holder != 0 ? g_strdup_printf(" (process %d)", holder) : NULL;
	return error_because(err, REASON_BUSY,
			     "queue '%s' is being %s by another process%s: try again when "
			     "that has ended",
			     name != NULL ? name : "?", delivery ? "delivered" : "loaded",
			     process != NULL ? process : "");
}

/* Notes the byte among those that this process holds, because the lock itself would let it in
 * again. */
static int lock(struct store *store, int64_t number, struct work_queue_lock **ret_lock,
		struct error *err)
{
	bool taken;
	if (open_lock_file(store, err) != 0)
		return -1;
	if (find_locked(store, number) < store->locked->len)
		return fail_busy(store, number, err);
	if (lock_file_take(store->lock_fd, number, &taken, err) != 0)
		return -1;
	if (!taken)
		return fail_busy(store, number, err);
	g_array_append_val(store->locked, number);
	struct work_queue_lock *held = g_new(struct work_queue_lock, 1);
	*held = (struct work_queue_lock){.store = store, .number = number};
	*ret_lock = held;
	return 0;
}

int work_queue_lock(struct store *store, int64_t queue_id, struct work_queue_lock **ret_lock,
		    struct error *err)
{
	return lock(store, queue_id, ret_lock, err);
}

int work_queue_lock_delivery(struct store *store, int64_t queue_id,
			     struct work_queue_lock **ret_lock, struct error *err)
{
	return lock(store, queue_id + LOCK_FILE_DELIVERY, ret_lock, err);
}

/* The file stays open: closing any descriptor of it would give up all locks of this process. */
void work_queue_unlock(struct work_queue_lock *lock)
{
	if (lock == NULL)
		return;
	lock_file_give(lock->store->lock_fd, lock->number);
	g_array_remove_index_fast(lock->store->locked, find_locked(lock->store, lock->number));
	g_free(lock);
}

/* ---- watching ---- */

struct work_queue_watch {
	int descriptor;
};

/* Opens the lock file without opening the database: a supervisor lives for months. */
int work_queue_watch_open(const char *location, struct work_queue_watch **ret_watch,
			  struct error *err)
{
	int descriptor;
	char *resolved = realpath(location, NULL);
	if (resolved == NULL)
		return error_because(err, REASON_IO, "cannot open database '%s': %s", location,
				     g_strerror(errno));
	g_autofree char *path = g_strconcat(resolved, "-lock", NULL);
	free(resolved);
	if (lock_file_open(path, location, &descriptor, err) != 0)
		return -1;
	*ret_watch = g_new(struct work_queue_watch, 1);
	(*ret_watch)->descriptor = descriptor;
	return 0;
}

void work_queue_watch_close(struct work_queue_watch *watch)
{
	if (watch == NULL)
		return;
	close(watch->descriptor);
	g_free(watch);
}

/* 0 in *ret_holder where the process that watches cannot be seen from here. */
int work_queue_watch_take(struct work_queue_watch *watch, int64_t queue_id, int *ret_holder,
			  struct error *err)
{
	bool taken;
	if (lock_file_take(watch->descriptor, queue_id + LOCK_FILE_WATCH, &taken, err) != 0)
		return -1;
	if (!taken)
		*ret_holder = lock_file_holder(watch->descriptor, queue_id + LOCK_FILE_WATCH);
	return taken;
}

void work_queue_watch_give(struct work_queue_watch *watch, int64_t queue_id)
{
	lock_file_give(watch->descriptor, queue_id + LOCK_FILE_WATCH);
}
