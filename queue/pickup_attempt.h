/*
 * pickup_attempt.h - messages that a run could not get past: how often it was tried, and why it
 * failed.
 *
 * A row appears when a worker dies or loses its connection at a message, and goes when the message
 * is picked up. Messages with a row are loaded one by one, after all others, so that one of them
 * never keeps the rest.
 *
 * Errors, threads, times: as in store.h. Functions that write make their own transaction unless one
 * is open.
 */
#ifndef QUEUE_PICKUP_ATTEMPT_H
#define QUEUE_PICKUP_ATTEMPT_H

#include "queue/pickup.h"

struct pickup_attempt {
	uint32_t uid;
	uint32_t tries; /* counted; 0 = whether it was this message's fault is not known */
	const char *reason;
};

/* Notes that a run failed at these messages; `counted`: it is theirs, and one more try in vain. */
int pickup_attempt_add(struct store *store, const struct pickup_source *source,
		       const uint32_t *uids, size_t count, bool counted, const char *reason,
		       int64_t now_ms, struct error *err);

/* Calls `each` for every row of the source, by UID; non-zero ends the list and is returned. */
int pickup_attempt_list(struct store *store, const struct pickup_source *source,
			int (*each)(const struct pickup_attempt *, void *context), void *context,
			struct error *err);

/* Takes the row of a message away, where there is one. */
int pickup_attempt_clear(struct store *store, const struct pickup_source *source, uint32_t uid,
			 struct error *err);

#endif
