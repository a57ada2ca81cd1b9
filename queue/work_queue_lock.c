/* Gives one process the right to load, deliver or watch a queue, by a byte of the lock file. */
#include "queue/work_queue.h"

#include "queue/store_internal.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <unistd.h>

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
