/*
 * entry_operate.h - what operators do with entries, one by one or many at once.
 *
 * Every change goes into the entries' history with who made it and why. Entries that the operation
 * does not fit (named with each) stay as they are and do not count. Errors, threads, times: as in
 * store.h; functions make their own transaction unless one is open.
 */
#ifndef QUEUE_ENTRY_OPERATE_H
#define QUEUE_ENTRY_OPERATE_H

#include "queue/entry.h"

enum entry_operation {
	ENTRY_RETRY, /* failed, done or waiting for its next attempt: new, at once, attempts from 0
		      */
	ENTRY_DISCARD,	/* new, bad or failed: failed for good, error_kind business */
	ENTRY_HOLD,	/* not finished: workers do not get it */
	ENTRY_UNHOLD,	/* held: workers get it again */
	ENTRY_PRIORITY, /* any */
	ENTRY_TAG,	/* any that has not got the tag */
	ENTRY_UNTAG,	/* any that has it */
	ENTRY_TAKE_BACK /* claimed: new, as if its worker had given it back; that one's token is
			   good no more */
};

struct entry_order {
	enum entry_operation operation;
	int32_t priority; /* for ENTRY_PRIORITY */
	const char *tag;  /* for ENTRY_TAG, ENTRY_UNTAG */
	const char *who;
	const char *why; /* NULL = no reason */
};

/* Does it to one entry; writes whether it was changed. MISSING when there is no such entry. */
int entry_operate(struct store *store, int64_t entry_id, const struct entry_order *order,
		  int64_t now_ms, bool *ret_changed, struct error *err);

/* Does it to all that the filter lets through (its order and limit do not matter), in one
 * transaction; writes how many were changed. */
int entry_operate_all(struct store *store, const struct entry_filter *filter,
		      const struct entry_order *order, int64_t now_ms, uint64_t *ret_changed,
		      struct error *err);

/* Puts a remark into the history. MISSING when there is no such entry. */
int entry_note(struct store *store, int64_t entry_id, const char *who, const char *text,
	       int64_t now_ms, struct error *err);

#endif
