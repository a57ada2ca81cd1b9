/*
 * watch.h - the service: every queue's mailbox is watched, and new mail loaded as it arrives.
 *
 * A supervisor keeps one worker process for each queue that is neither paused nor stopped. The
 * worker holds one connection, signed in once; between runs it waits with IDLE, or looks every
 * `poll` of its connection string. A worker that fails ends; the supervisor starts it again after a
 * pause that depends on what went wrong (watch_wait_internal.h). Definitions are read again when the
 * database changes.
 *
 * A queue that another process watches is left to that one until it ends.
 *
 * Signals: TERM and INT let each worker finish what it has in hand, at most WATCH_STOP_MS; a second
 *          one ends all at once, which is safe at any moment. HUP reads the definitions again,
 *          ends the pauses, and opens the file of --log-imap anew. USR1 logs the status.
 * systemd: is told READY, STATUS and STOPPING where it runs the service, and WATCHDOG from each
 *          round of the loop.
 * Errors:  those of opening the database; USAGE for a queue that does not exist. What goes wrong
 *          with a queue is logged and kept in its row.
 * Threads: one per process; nothing else of the process may use children or these signals.
 */
#ifndef LOADER_WATCH_WATCH_H
#define LOADER_WATCH_WATCH_H

#include "queue/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { WATCH_STOP_MS = 8000 };

struct watch_options {
	const char *database;
	char *const *names; /* the queues to watch */
	size_t name_count;  /* 0 = all */
	uint64_t run_limit; /* messages that one run takes; the next run follows at once */
	int64_t renew_ms;   /* at most so long between two looks at a mailbox, and for one IDLE */
	int64_t retry_ms;   /* the first pause after an error; the others follow from it */
};

/* Until it is told to stop. */
int watch_run(const struct watch_options *options, struct error *err);

#endif
