#include "queue/store_watch.h"

#include "queue/store_private.h"

#include <errno.h>
#include <glib.h>
#include <sys/inotify.h>
#include <unistd.h>

struct store_watch {
	int descriptor;
};

static int fail(struct store *store, struct queue_error *err)
{
	const int error = errno;
	return queue_error_set(err, QUEUE_IO, "cannot watch database '%s': %s%s",
			       engine_location(store->engine), g_strerror(error),
			       error == EMFILE || error == ENOSPC
				   ? "; raise fs.inotify.max_user_instances or max_user_watches"
				   : "");
}

/* A commit writes to the file before it is done; whoever looks then waits for its lock, and sees
 * what it committed. */
int store_watch_open(struct store *store, struct store_watch **ret_watch, struct queue_error *err)
{
	g_autofree char *path = engine_sibling(store->engine, "");
	const int descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (descriptor < 0)
		return fail(store, err);
	if (inotify_add_watch(descriptor, path, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF) < 0) {
		fail(store, err);
		close(descriptor);
		return -1;
	}
	*ret_watch = g_new(struct store_watch, 1);
	(*ret_watch)->descriptor = descriptor;
	return 0;
}

int store_watch_descriptor(const struct store_watch *watch)
{
	return watch->descriptor;
}

void store_watch_clear(struct store_watch *watch)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	while (read(watch->descriptor, events, sizeof events) > 0 || errno == EINTR)
		;
}

void store_watch_close(struct store_watch *watch)
{
	if (watch == NULL)
		return;
	close(watch->descriptor);
	g_free(watch);
}
