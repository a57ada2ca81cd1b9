#include "queue/work_queue_watch.h"

#include "queue/lock_file.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <unistd.h>

struct work_queue_watch {
	int descriptor;
};

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
