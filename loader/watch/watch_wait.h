/*
 * watch_wait.h - how a worker waits for mail between two runs: told of it by the server (IDLE),
 * else every `poll` of the connection string.
 *
 * Life:      watch_wait_init() once there is a session, for as long as that; nothing to release.
 * Ownership: the mailbox is borrowed.
 * Threads:   one.
 */
#ifndef LOADER_WATCH_WATCH_WAIT_H
#define LOADER_WATCH_WATCH_WAIT_H

#include "loader/base/backoff.h"
#include "loader/load/load.h"
#include "loader/source/mailbox.h"

#include <stdbool.h>
#include <stdint.h>

struct watch_wait {
	struct mailbox *mailbox;
	int64_t renew_ms;				/* the longest IDLE */
	int64_t at_most_ms;				/* the next wait; 0 = no limit */
	bool told_of_news;				/* the last one ended with news */
	uint32_t uid_next;				/* when it began */
	struct backoff false_news;			/* pauses after news that were none */
	void (*begins)(int64_t wait_ms, void *context); /* a wait, of at most `wait_ms` */
	void *context;
};

/* `begins` is called at the beginning of each wait. */
void watch_wait_init(struct watch_wait *wait, struct mailbox *mailbox, int64_t renew_ms,
		     void (*begins)(int64_t wait_ms, void *context), void *context);

/*
 * Waits after the run that brought `last`, until there may be mail, the time is up, `wake` is
 * readable, or the end is wanted (stop.h). Errors: those of the session.
 */
int watch_wait_for_mail(struct watch_wait *wait, const struct load_result *last, int wake,
			struct error *err);

/* Until `wake` is readable, the end is wanted, or the time is up. */
void watch_wait_sleep(int wake, int64_t pause_ms);

#endif
