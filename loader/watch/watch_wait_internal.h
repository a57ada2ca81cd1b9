/*
 * watch_wait_internal.h - what a worker waits for between two runs, how long a queue is left alone
 * after an error, and the bell that ends a wait.
 *
 * Mail:      the server tells of it (IDLE), else the worker looks every `poll` of the connection
 *            string. watch_wait_init() once there is a session, for as long as that; nothing to
 *            release. The mailbox is borrowed.
 * Errors:    a pause depends on the kind of error:
 *
 *   network, server, this machine  5 s, doubled each time up to 15 min
 *   throttled, busy, full          1 min, likewise
 *   definition, folder missing     1 min, likewise; any change of the definition ends the pause
 *   no password to be had          1 min, likewise
 *   sign-in refused                1 min, then 5 min; the last one in a row stops the queue
 *
 *            All pauses have a quarter of jitter, and scale with the first (`retry_ms`).
 * Bell:      the process that delivers a queue rings it, and the one that loads its mail looks at
 *            once: there are answers to acknowledge on the mail server. The supervisor makes it,
 *            both processes inherit it; a ring that nobody hears yet is kept. Without a bell (-1)
 *            the mail waits for the loader's next look.
 * Threads:   one.
 */
#ifndef LOADER_WATCH_WATCH_WAIT_INTERNAL_H
#define LOADER_WATCH_WATCH_WAIT_INTERNAL_H

#include "loader/base/clock.h"
#include "loader/load/load.h"
#include "loader/source/mailbox.h"
#include "queue/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Between two tries to get the right to load a queue. */
enum { WATCH_BUSY_MS = 500 };

/* ---- mail ---- */

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
 * readable, or the end is wanted (service.h). Errors: those of the session.
 */
int watch_wait_for_mail(struct watch_wait *wait, const struct load_result *last, int wake,
			struct error *err);

/* Until `wake` is readable, the end is wanted, or the time is up. */
void watch_wait_sleep(int wake, int64_t pause_ms);

/* ---- errors ---- */

struct watch_policy {
	int64_t retry_ms;
	struct backoff quick; /* after errors that may be over soon */
	struct backoff slow;
};

struct watch_policy watch_policy_new(int64_t retry_ms);

/* The pause after an error that is no refused sign-in. */
int64_t watch_policy_pause_ms(struct watch_policy *policy, enum error_kind kind, uint32_t random);

/* The pause after the `refusals`th refused sign-in in a row, below REFUSAL_MAX (mailbox.h). */
int64_t watch_policy_refusal_ms(const struct watch_policy *policy, uint32_t refusals,
				uint32_t random);

/* A run went well. */
void watch_policy_reset(struct watch_policy *policy);

/* ---- the bell ---- */

/* -1 where the system gives none. */
int watch_bell_new(void);
void watch_bell_ring(int bell);

/* Forgets the rings so far. */
void watch_bell_clear(int bell);

/* A descriptor that is readable when the bell was rung or `other` is readable; -1 where the system
 * gives none. */
int watch_bell_listen(int bell, int other);

#endif
