/*
 * delivery.h - attempts to post entries to their queue's target, and the places at a target that all
 * deliverers share.
 *
 * Life:    the deliverer of a queue holds work_queue_lock_delivery(). delivery_claim() gives it
 *          entries, each delivery_settle() ends one: it writes what the target answered and what
 *          becomes of the entry in one transaction, which may hold many of both.
 * Retries: those of entry_fail(), with the queue's delay and number of attempts; Retry-After can
 *          only make them later.
 * Breaker: DELIVERY_REFUSED_MAX answers 401, 403, 404 or 410 in a row stop the queue's target, and
 *          the entries they were given for wait again: the URL or the credentials are wrong, not
 *          the mail.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_DELIVERY_H
#define QUEUE_DELIVERY_H

#include "queue/base/scoped.h"
#include "queue/entry_claim.h"
#include "queue/store.h"

#include <stdbool.h>
#include <stdint.h>

#define DELIVERY_REFUSED_MAX 5
#define DELIVERY_WORKER	     "deliver" /* who has the entries that are being delivered */

enum delivery_outcome {
	DELIVERY_DELIVERED,
	DELIVERY_REJECTED,
	DELIVERY_RETRY,
	DELIVERY_UNREACHABLE,
	DELIVERY_OUTCOMES
};

/* "delivered", "rejected", "retry", "unreachable". */
const char *delivery_outcome_format(enum delivery_outcome outcome);

/* Does this answer blame the target, so that several in a row stop it? */
bool delivery_blames_target(int32_t status);

struct delivery {
	int64_t id;	  /* read only */
	char *queue_name; /* read only */
	int64_t entry_id;
	int32_t attempt; /* from 1 */
	int64_t at_ms;
	enum delivery_outcome outcome;
	int32_t status; /* 0 = none */
	int64_t duration_ms;
	char *answer; /* UTF-8 text; NULL = none */
	char *error;  /* NULL = none */
};

/* Gives entries of a deliverer that died back to the queue; their attempt counts. The holder of
 * the lock calls it before the first claim. */
int delivery_recover(struct store *store, int64_t queue_id, int64_t now_ms, struct error *err);

/* Claims like entry_claim(), for DELIVERY_WORKER and only entries that were due by due_ms. */
int delivery_claim(struct store *store, int64_t queue_id, int64_t lease_ms, int64_t due_ms,
		   int64_t now_ms, struct entry_lease *ret_leases, size_t room, size_t *ret_count,
		   struct error *err);

/* The end of an attempt: what is kept of it, and the token that proves the claim. at_ms is now. */
struct delivery_end {
	struct delivery delivery;
	const char *token;
	int64_t not_before_ms; /* of the next attempt; 0 = the queue's delay decides */
};

/* Writes when the entry is tried again (0 = never), and whether this answer has stopped the
 * queue's target. REFUSED when the lease is no longer the caller's: the attempt is kept all the
 * same, and a transaction that was open goes on. */
int delivery_settle(struct store *store, const struct delivery_end *end, int64_t *ret_next_ms,
		    bool *ret_stopped, struct error *err);

struct delivery_filter {
	int64_t queue_id; /* 0 = of all queues */
	int64_t entry_id; /* 0 = of all entries */
	uint64_t limit;	  /* 0 = none */
	bool newest_first;
};

/* Calls `each` for the attempts that the filter wants, as entry_list(). */
int delivery_list(struct store *store, const struct delivery_filter *filter,
		  int (*each)(const struct delivery *delivery, void *context), void *context,
		  struct error *err);

/* Entries of a queue by the outcome of the last attempt at each. */
int delivery_count(struct store *store, int64_t queue_id, uint64_t ret_counts[DELIVERY_OUTCOMES],
		   struct error *err);

/* ---- places ---- */

#define DELIVERY_PLACES_MAX 64

struct delivery_places;

/* Callers that mean the same target pass the same text; `most` is 1 to DELIVERY_PLACES_MAX. */
struct delivery_places *delivery_places_open(struct store *store, const char *target, int32_t most);

/* Gives all back; takes NULL. */
void delivery_places_close(struct delivery_places *places);
SCOPED_DEFINE(struct delivery_places *, delivery_places_close)

/* Is there a place for one more post beside `used` ones? Takes another place where that is
 * needed and nobody else waits. From then on the others know that a process without any place
 * waits. */
bool delivery_places_have(struct delivery_places *places, int32_t used);

/* Gives places back that others wait for: unused ones, and the last one only after a while. The
 * caller calls it now and then; now_ms is monotonic. */
void delivery_places_share(struct delivery_places *places, int32_t used, int64_t now_ms);

#endif
