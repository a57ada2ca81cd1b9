/*
 * entry_operate.h - what operators do with entries: change one or many, read an entry's history,
 * delete the finished ones.
 *
 * History: each change is noted with who made it and why. Entries that an operation does not fit
 *          (named with each) stay as they are and do not count.
 * Calls:   each makes its own transaction unless one is open; entry_purge() makes several short
 *          ones, so that workers go on meanwhile, and none may be open.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_ENTRY_OPERATE_H
#define QUEUE_ENTRY_OPERATE_H

#include "queue/entry.h"
#include "queue/store.h"

enum entry_operation {
	/* An entry that has failed, is done or waits for its next attempt becomes new and is due at
	 * once; its attempts count from 0. */
	ENTRY_RETRY,
	/* One that is new, bad or failed becomes failed for good, error_kind business. */
	ENTRY_DISCARD,
	/* Workers do not get one that is not finished. */
	ENTRY_HOLD,
	/* Workers get a held one again. */
	ENTRY_UNHOLD,
	/* Any entry gets the priority. */
	ENTRY_PRIORITY,
	/* Any entry gets the time, or loses it. */
	ENTRY_DEADLINE,
	ENTRY_RISK,
	/* One that has not got the tag gets it, and one that has it loses it. */
	ENTRY_TAG,
	ENTRY_UNTAG,
	/* A claimed one becomes new, as if its worker had given it back, whose token is void. */
	ENTRY_TAKE_BACK
};

struct entry_order {
	enum entry_operation operation;
	int32_t priority; /* for ENTRY_PRIORITY */
	int64_t time_ms;  /* for ENTRY_DEADLINE, ENTRY_RISK; 0 = none */
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

/* ---- history ---- */

/* Texts are NULL where there is none; see entry_event in schema.sql. */
struct entry_event {
	int64_t number; /* 0: the entry was loaded */
	int64_t at_ms;
	const char *change;
	const char *state; /* afterwards */
	int64_t attempt;
	const char *who;
	const char *why;
	const char *detail;
	int64_t duration_ms; /* -1 = none */
};

/* Calls `each` for every event, oldest first; a non-zero return ends the list and is returned. Of
 * more than 100,000 events the last are left out. MISSING when there is no such entry. */
int entry_event_list(struct store *store, int64_t entry_id,
		     int (*each)(const struct entry_event *event, void *context), void *context,
		     struct error *err);

/* ---- deleting ---- */

/* Deletes the entries in state done, failed or bad that the filter lets through (its order and
 * limit do not matter), with their attachments, history, and the content nobody else uses; writes
 * how many, also on an error: those are gone. */
int entry_purge(struct store *store, const struct entry_filter *filter, uint64_t *ret_count,
		struct error *err);

/* Gives space that is not used back to the file system. */
int store_shrink(struct store *store, struct error *err);

#endif
