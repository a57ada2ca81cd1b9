/*
 * watch_deliver.h - the process that delivers one queue's entries as they arrive, as the supervisor
 * sees it.
 *
 * A process of its own, so that a slow target does not keep mail waiting. It ends by itself when
 * its supervisor dies, when the queue has no target any more or its target was stopped, and on an
 * error of the database; the supervisor starts it again where it is wanted, after an error with a
 * pause.
 * Errors: logged.
 * Times:  `now_ms` is monotonic.
 */
#ifndef LOADER_WATCH_WATCH_DELIVER_H
#define LOADER_WATCH_WATCH_DELIVER_H

#include "loader/watch/watch.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <sys/types.h>

struct watch_deliver {
	bool wanted;
	pid_t process;	  /* 0 = none */
	int64_t start_ms; /* not before */
	int bell; /* rung after deliveries whose answers are to be acknowledged; -1 = none */
};

/* Takes the queue's definition as it is now; NULL: it is gone. A process that works by another one
 * is told to end. */
void watch_deliver_update(struct watch_deliver *deliver, const struct work_queue *definition,
			  bool altered);

/* Starts a process where one is wanted. */
void watch_deliver_start(struct watch_deliver *deliver, const char *queue_name,
			 const struct watch_options *options, int64_t now_ms);

/* Tells the process to finish what it has in hand. */
void watch_deliver_end(const struct watch_deliver *deliver);

/* A child has ended: takes note of it where it was this one. */
void watch_deliver_reaped(struct watch_deliver *deliver, pid_t process, int status,
			  const struct watch_options *options, int64_t now_ms);

#endif
