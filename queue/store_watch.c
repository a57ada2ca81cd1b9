/* Notices that other processes have changed the database: inotify tells of their writes at once,
 * a timer looks again until the writer has finished. A stamp of the files' times tells it
 * without opening them. */
#include "queue/store.h"

#include "queue/store_internal.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* While somebody writes, the watch looks again after this long, doubled each time. */
enum { FIRST_LOOK_MS = 1, LAST_LOOK_MS = 256 };

struct store_watch {
	struct engine *engine; /* the store's */
	int descriptor;	       /* epoll, of the other two */
	int writes;	       /* inotify */
	int timer;	       /* while somebody is writing */
	int look_ms;
};

static int fail(struct store *store, struct error *err)
{
	const int error = errno;
	return error_because(err, REASON_IO, "cannot watch database '%s': %s%s",
			     engine_location(store->engine), g_strerror(error),
			     error == EMFILE || error == ENOSPC
				 ? "; raise fs.inotify.max_user_instances or max_user_watches"
				 : "");
}

/* A commit writes to the log. Emptying the log, or a commit where there is none yet, writes to
 * the database. */
static int watch_files(struct store_watch *watch)
{
	static const char *const suffixes[] = {"", "-wal"};
	for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *path = engine_sibling(watch->engine, suffixes[i]);
		if (inotify_add_watch(watch->writes, path, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF) <
		    0)
			return -1;
	}
	return 0;
}

static int join(struct store_watch *watch, int descriptor)
{
	struct epoll_event event = {.events = EPOLLIN};
	return epoll_ctl(watch->descriptor, EPOLL_CTL_ADD, descriptor, &event);
}

/* One epoll descriptor stands for the two others, so that the caller polls one. */
int store_watch_open(struct store *store, struct store_watch **ret_watch, struct error *err)
{
	struct store_watch *watch = g_new0(struct store_watch, 1);
	watch->engine = store->engine;
	watch->descriptor = epoll_create1(EPOLL_CLOEXEC);
	watch->writes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	watch->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (watch->descriptor < 0 || watch->writes < 0 || watch->timer < 0 ||
	    watch_files(watch) != 0 || join(watch, watch->writes) != 0 ||
	    join(watch, watch->timer) != 0) {
		fail(store, err);
		store_watch_close(watch);
		return -1;
	}
	*ret_watch = watch;
	return 0;
}

int store_watch_descriptor(const struct store_watch *watch)
{
	return watch->descriptor;
}

/* Was there anything? */
static bool forget(int descriptor)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;
	ssize_t size;
	while ((size = read(descriptor, events, sizeof events)) > 0 || errno == EINTR)
		any = any || size > 0;
	return any;
}

/* Others see a commit only when its last write to the log is on disk, and nothing tells of that
 * moment. But the commit is over before its writer releases the lock. A writer that holds the
 * lock now may have made the writes that are forgotten here, so a timer looks again. */
void store_watch_clear(struct store_watch *watch)
{
	struct itimerspec again = {0};
	/* A commit of many writes wakes us many times: only looks that came too early by themselves make the next
	 * one later. */
	if (forget(watch->writes))
		watch->look_ms = 0;
	forget(watch->timer);
	const bool writes = engine_another_writes(watch->engine);
	watch->look_ms = writes ? CLAMP(watch->look_ms * 2, FIRST_LOOK_MS, LAST_LOOK_MS) : 0;
	again.it_value.tv_nsec = watch->look_ms * 1000000L;
	timerfd_settime(watch->timer, 0, &again, NULL);
}

void store_watch_close(struct store_watch *watch)
{
	if (watch == NULL)
		return;
	const int descriptors[] = {watch->timer, watch->writes, watch->descriptor};
	for (size_t i = 0; i < G_N_ELEMENTS(descriptors); i++)
		if (descriptors[i] >= 0)
			close(descriptors[i]);
	g_free(watch);
}

/* ---- without opening it ---- */

/* The file's number is in it, too: a database that was replaced by another one has changed. */
static uint64_t stamp_file(const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return 0;
	return (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec +
	       (uint64_t)status.st_ino + (uint64_t)status.st_size;
}

uint64_t store_stamp(const char *location)
{
	char *path = realpath(location, NULL);
	if (path == NULL)
		return 0;
	/* A commit is written to the log, and to the database by whoever empties that. */
	g_autofree char *log = g_strconcat(path, "-wal", NULL);
	const uint64_t stamp = 31 * stamp_file(path) + stamp_file(log);
	free(path);
	return stamp;
}
