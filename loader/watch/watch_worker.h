/*
 * watch_worker.h - the process that watches one queue's mailbox, and what it tells its supervisor.
 *
 * Life:    watch_worker_start() .. the pipe's end. The worker ends by itself when its supervisor
 *          dies, on TERM (after what it has in hand), and on any error, of which it tells last.
 * Errors:  IO where no process can be started.
 * Threads: one.
 */
#ifndef LOADER_WATCH_WATCH_WORKER_H
#define LOADER_WATCH_WATCH_WORKER_H

#include "loader/load/load.h"
#include "loader/watch/watch.h"

#include <stdbool.h>
#include <sys/types.h>

enum watch_news {
	WATCH_STARTED, /* the server may take `command_ms` for the connection and for each command
			*/
	WATCH_SIGNED_IN,
	WATCH_ALIVE,   /* it makes progress */
	WATCH_LOOKED,  /* a run went well */
	WATCH_WAITING, /* for mail, `wait_ms` at most */
	WATCH_BUSY,    /* another process is loading the queue; it will look again */
	WATCH_REFUSED, /* `err`: the sign-in was refused, for the `refusals`th time; it ends */
	WATCH_FAILED,  /* `err`; it ends */
};

/* One write to the pipe, shorter than PIPE_BUF. */
struct watch_message {
	enum watch_news news;
	struct load_result result; /* LOOKED */
	int64_t wait_ms;	   /* WAITING */
	int64_t command_ms;	   /* STARTED */
	uint32_t refusals;	   /* REFUSED: in a row; 0 = could not be counted */
	struct error err;
};

/* In a child just forked by `parent`, the supervisor: its handling of signals is undone, its dice
 * are not the child's, and its end is. */
void watch_worker_prepare(pid_t parent);

/* The caller has no database open. `position` is kept up to date; it may be NULL. `bell`
 * (watch_bell.h) makes the worker look at once; -1 = none. *ret_pipe is non-blocking; the caller
 * closes it. */
int watch_worker_start(const char *queue_name, const struct watch_options *options,
		       struct load_position *position, int bell, pid_t *ret_child, int *ret_pipe,
		       struct error *err);

/* The next message, false when there is none at the moment; *ret_ended: the worker closed its end.
 */
bool watch_worker_listen(int pipe_end, struct watch_message *message, bool *ret_ended);

#endif
