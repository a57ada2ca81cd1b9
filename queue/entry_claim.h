/*
 * entry_claim.h - entries in the hands of workers. A claim gives a lease and a token; with the token
 * the worker finishes the entry or gives it back.
 *
 * Life:   entry_claim() .. one of entry_complete(), entry_fail(), entry_release(), entry_defer(). A
 *         lease that ends before that counts as an attempt, and from then on any worker can claim
 *         the entry. Until one does, the old token remains good. After the last attempt nobody can:
 *         the next claim in the queue makes the entry a failure.
 * Calls:  each makes its own transaction unless one is open; several calls in one transaction cost
 *         little more than one. Where other processes write too, begin the transaction first and
 *         take the time then: the wait for them would shorten the lease.
 * Errors: as in store.h. A token that is no longer good: REFUSED, with who has the entry or what
 *         became of it, and nothing is changed. An entry that does not exist: MISSING.
 * Threads, times: as in store.h.
 */
#ifndef QUEUE_ENTRY_CLAIM_H
#define QUEUE_ENTRY_CLAIM_H

#include "queue/store.h"

#include <stdbool.h>
#include <stddef.h>

#define ENTRY_TOKEN_SIZE 33 /* 128 random bits in hexadecimal, and NUL */

/* No lease lasts longer: one that ends later comes of a clock that was ahead, and
 * entry_overlong_list() finds it. */
#define ENTRY_LEASE_MAX_MS (INT64_C(31) * 86400 * 1000)

struct entry_lease {
	int64_t entry_id;
	int64_t until_ms;
	int32_t attempt;	      /* from 1 */
	char token[ENTRY_TOKEN_SIZE]; /* one for all that were claimed together */
};

/* The wish of a worker: which entries it takes, and for how long. Filters: NULL = any. */
struct entry_wish {
	int64_t queue_id;
	const char *worker; /* who it is, for people */
	int64_t lease_ms;   /* 1 to ENTRY_LEASE_MAX_MS */
	const char *sender; /* contains, ignoring the case of ASCII letters */
	const char *subject;
	const char *tag;       /* is one of its tags */
	const char *reference; /* is what it is about */
	int64_t due_ms;	       /* only what was due by then; 0 = now */
};

/*
 * Claims up to `room` entries, in the order of priority (higher first), deadline if the queue wants it so
 * (WORK_QUEUE_DEADLINE), due time, id, and writes how many. 0 when there is none. With filters it costs what it
 * takes to look at the entries before the first that matches, by deadline at all that wait; without them it costs the
 * same however many entries there are, by deadline besides what it takes to pass those that are not due.
 */
int entry_claim(struct store *store, const struct entry_wish *wish, int64_t now_ms,
		struct entry_lease *ret_leases, size_t room, size_t *ret_count, struct error *err);

/* When it is worth while to claim: now_ms for at once, a later time at which an entry becomes due
 * or a lease ends, 0 for not before somebody changes something. Locks nobody out. */
int entry_claim_due(struct store *store, const struct entry_wish *wish, int64_t now_ms,
		    int64_t *ret_due_ms, struct error *err);

/* Finished: state done. */
int entry_complete(struct store *store, int64_t entry_id, const char *token, int64_t now_ms,
		   struct error *err);

/* What a worker says of an entry takes at most so many bytes, and characters. */
enum { ENTRY_OUTPUT_MAX = 1024 * 1024, ENTRY_PROGRESS_MAX = 1000 };

/* The same, with what came of it: `output` is JSON, which nobody checks here, of at most ENTRY_OUTPUT_MAX bytes, else INVALID; NULL: nothing
 * but entry_complete(). */
int entry_complete_with(struct store *store, int64_t entry_id, const char *token,
			const char *output, int64_t now_ms, struct error *err);

/* How far the worker is: at most ENTRY_PROGRESS_MAX characters, not none, else INVALID. */
int entry_note_progress(struct store *store, int64_t entry_id, const char *token,
			const char *progress, int64_t now_ms, struct error *err);

enum entry_failure {
	ENTRY_BUSINESS,	  /* the entry itself is wrong: final */
	ENTRY_APPLICATION /* the work went wrong: tried again until the queue's max_attempts */
};

/*
 * Failed, for a reason. Writes when it is tried again, 0 for never: the queue's retry_delay after
 * the first attempt, doubled after each further one up to an hour, give or take a quarter at
 * random, so that what failed together does not come back together.
 */
int entry_fail(struct store *store, int64_t entry_id, const char *token, enum entry_failure failure,
	       const char *reason, int64_t now_ms, int64_t *ret_next_attempt_ms, struct error *err);

/* Given back as it was; the attempt does not count. `why` may be NULL. */
int entry_release(struct store *store, int64_t entry_id, const char *token, const char *why,
		  int64_t now_ms, struct error *err);

/* Given back, not to be claimed before due_ms; the attempt does not count. `why` may be NULL. */
int entry_defer(struct store *store, int64_t entry_id, const char *token, int64_t due_ms,
		const char *why, int64_t now_ms, struct error *err);

/* The lease goes on until until_ms, which is after now_ms, by at most ENTRY_LEASE_MAX_MS. */
int entry_extend(struct store *store, int64_t entry_id, const char *token, int64_t until_ms,
		 int64_t now_ms, struct error *err);

/* ---- leases that are too long ---- */

/* Borrowed for the call that hands it out. */
struct entry_overlong {
	int64_t entry_id;
	const char *queue_name;
	const char *worker;
	int64_t until_ms;
};

/*
 * Calls `each` for those of the queue (0 = all queues), the last to end first, at most `limit`; a
 * non-zero return ends the list and is returned. No lock is held meanwhile.
 */
int entry_overlong_list(struct store *store, int64_t queue_id, int64_t now_ms, int64_t limit,
			int (*each)(const struct entry_overlong *overlong, void *context),
			void *context, struct error *err);

/* One line for people: who has the entry until when, and the way out. Caller frees with g_free().
 */
char *entry_overlong_format(const struct entry_overlong *overlong);

#endif
