#include "queue/store_private.h"
#include "queue/work_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The lock on a queue is a POSIX record lock (fcntl F_SETLK) on the byte of the queue's id, in a
 * file beside the database. These locks belong to the process: a child does not inherit them and
 * cannot keep them alive, unlike the locks of an open file description, which a parser child would
 * hold on to after its worker was killed.
 *
 * Their price is that closing any descriptor of the file gives all of them up. So one descriptor
 * serves all queues and lives as long as the store, nobody else opens the file, and since a process
 * cannot exclude itself by them, `locked` remembers what this one holds. The file is never deleted:
 * a lock on a deleted file excludes nobody.
 */

struct work_queue_lock {
	struct store *store;
	int64_t number; /* of the byte */
};

/* Far behind all ids: the bytes of those who deliver. */
#define DELIVERY_OFFSET (INT64_C(1) << 60)

static int open_lock_file(struct store *store, struct queue_error *err)
{
	if (store->lock_fd >= 0)
		return 0;
	g_autofree char *path = engine_sibling(store->engine, "-lock");
	struct stat database;
	const mode_t mode =
	    stat(engine_location(store->engine), &database) == 0 ? database.st_mode & 0666 : 0600;
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
	if (store->lock_fd < 0)
		return queue_error_set(
		    err, errno == ENOSPC || errno == EDQUOT ? QUEUE_FULL : QUEUE_READ_ONLY,
		    "cannot open the lock file '%s': %s", path, g_strerror(errno));
	store->locked = g_array_new(FALSE, FALSE, sizeof(int64_t));
	return 0;
}

static struct flock byte_of(int64_t number, short type)
{
	return (struct flock){
	    .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)number, .l_len = 1};
}

static guint find_locked(const struct store *store, int64_t number)
{
	guint i = 0;
	while (i < store->locked->len && g_array_index(store->locked, int64_t, i) != number)
		i++;
	return i;
}

static int fail_busy(struct store *store, int64_t number, struct queue_error *err)
{
	const bool delivery = number >= DELIVERY_OFFSET;
	g_autofree char *name = NULL;
	{
		scoped_statement *statement =
		    engine_prepare(store->engine, "SELECT name FROM work_queue WHERE id = ?");
		statement_bind_int(statement, 1, delivery ? number - DELIVERY_OFFSET : number);
		struct queue_error ignored;
		if (statement_step(statement, &ignored) == 1)
			name = g_strdup(statement_text(statement, 0));
	}
	struct flock holder = byte_of(number, F_WRLCK);
	g_autofree char *process = NULL;
	if (fcntl(store->lock_fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK &&
	    holder.l_pid > 0)
		process = g_strdup_printf(" (process %d)", (int)holder.l_pid);
	return queue_error_set(err, QUEUE_BUSY,
			       "queue '%s' is being %s by another process%s: try again when "
			       "that has ended",
			       name != NULL ? name : "?", delivery ? "delivered" : "loaded",
			       process != NULL ? process : "");
}

static int lock(struct store *store, int64_t number, struct work_queue_lock **ret_lock,
		struct queue_error *err)
{
	if (open_lock_file(store, err) != 0)
		return -1;
	if (find_locked(store, number) < store->locked->len)
		return fail_busy(store, number, err);
	struct flock byte = byte_of(number, F_WRLCK);
	if (fcntl(store->lock_fd, F_SETLK, &byte) != 0) {
		if (errno == EACCES || errno == EAGAIN)
			return fail_busy(store, number, err);
		return queue_error_set(err, QUEUE_IO, "cannot lock beside database '%s': %s",
				       engine_location(store->engine), g_strerror(errno));
	}
	g_array_append_val(store->locked, number);
	struct work_queue_lock *held = g_new(struct work_queue_lock, 1);
	*held = (struct work_queue_lock){.store = store, .number = number};
	*ret_lock = held;
	return 0;
}

int work_queue_lock(struct store *store, int64_t queue_id, struct work_queue_lock **ret_lock,
		    struct queue_error *err)
{
	return lock(store, queue_id, ret_lock, err);
}

int work_queue_lock_delivery(struct store *store, int64_t queue_id,
			     struct work_queue_lock **ret_lock, struct queue_error *err)
{
	return lock(store, queue_id + DELIVERY_OFFSET, ret_lock, err);
}

void work_queue_unlock(struct work_queue_lock *lock)
{
	if (lock == NULL)
		return;
	struct flock byte = byte_of(lock->number, F_UNLCK);
	fcntl(lock->store->lock_fd, F_SETLK, &byte);
	g_array_remove_index_fast(lock->store->locked, find_locked(lock->store, lock->number));
	g_free(lock);
}
