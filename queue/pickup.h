/*
 * pickup.h - the ledger: which message of which mailbox has become which entry, and whether the
 * server has been brought up to date. It is what makes "nothing twice" true.
 *
 * Names: a message is known by (queue, source, uid_validity, uid); `source` names account and
 *        folder, e.g. "robot@imap.example.com/INBOX", so that a queue pointed at another mailbox
 *        starts afresh.
 * Calls: functions that write make their own transaction unless one is open.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_PICKUP_H
#define QUEUE_PICKUP_H

#include "queue/store.h"

#include <stdbool.h>
#include <stddef.h>

enum pickup_state {
	PICKUP_STORED, /* the entry is committed; the server still has to be changed */
	PICKUP_COPIED, /* a copy is in the target folder; the original still has to go */
	PICKUP_MOVED,  /* finished: gone from the source */
	PICKUP_LEFT,   /* finished: copied, the original flagged \Deleted; the server cannot expunge
			  one UID */
	PICKUP_AWAITING, /* the entry is committed; the message stays unread until its delivery has
			    been answered, which makes the row `stored` */
	PICKUP_READ	 /* finished: it stays in the source, marked \Seen */
};

enum pickup_target { PICKUP_DROPBOX, PICKUP_BADMAIL };

/* Where copies of messages lie. */
struct pickup_copies {
	uint32_t folder; /* as target_folder below */
	uint32_t uid_validity;
	const uint32_t *uids; /* one for each message; 0 = not known */
};

struct pickup_source {
	int64_t queue_id;
	const char *source;
	uint32_t uid_validity;
};

struct pickup {
	uint32_t uid;
	enum pickup_state state;
	enum pickup_target target;
	int64_t entry_id;
	unsigned char raw_sha256[32];
	uint64_t raw_size;
	int64_t internal_date_s;      /* seconds since 1970-01-01 UTC */
	uint32_t target_folder;	      /* its number (pickup_repair.h); 0 = not known */
	uint32_t target_uid_validity; /* of the message in the target folder; 0 = not known */
	uint32_t target_uid;
	uint32_t uid_next; /* of the mailbox when the run began; 0 = not known; only pickup_put()
			      takes it, nothing gives it */
	bool on_delivery;  /* the server is told when the target has answered, not before */
};

/* Adds a row, in the open transaction when there is one. EXISTS when the ledger has this UID. */
int pickup_put(struct store *store, const struct pickup_source *source, const struct pickup *pickup,
	       int64_t now_ms, struct error *err);

/*
 * Calls `each`, by UID, for rows with uid_first <= UID <= uid_last; only the unfinished ones
 * (stored, copied) if `unfinished`. Non-zero ends the list and is returned. No lock is held
 * meanwhile: `each` may write.
 */
int pickup_list(struct store *store, const struct pickup_source *source, uint32_t uid_first,
		uint32_t uid_last, bool unfinished,
		int (*each)(const struct pickup *, void *context), void *context,
		struct error *err);

/* As pickup_list(), for rows that are `awaiting`. */
int pickup_list_awaiting(struct store *store, const struct pickup_source *source,
			 int (*each)(const struct pickup *, void *context), void *context,
			 struct error *err);

/*
 * Finds the row of a message with the same bytes, size and internal date that this queue picked up
 * under another source or UIDVALIDITY, and that no row of the present generation has taken over
 * yet. MISSING when there is none.
 */
int pickup_match(struct store *store, const struct pickup_source *source,
		 const unsigned char raw_sha256[32], uint64_t raw_size, int64_t internal_date_s,
		 struct pickup *ret_pickup, struct error *err);

/*
 * How often a message has been moved away and come back: in how many runs of load, since the queue
 * was defined, altered or resumed last, a message with the bytes, size and internal date of `like`
 * was moved out of this source (states copied, moved, left) that was there before the UID of `like`
 * was given.
 */
int pickup_count_returns(struct store *store, const struct pickup_source *source,
			 const struct pickup *like, uint64_t *ret_count, struct error *err);

/*
 * Counts the messages with the same bytes that this queue, under any source, and other queues of the
 * account have put into a target folder (account and folder as in pickup_repair.h; states copied,
 * moved, left). Those whose internal date differs by more than a week are not looked at: who looks
 * for them in the target looks at a few days.
 */
int pickup_count_delivered(struct store *store, int64_t queue_id, const char *account,
			   const char *folder, const struct pickup *like, uint64_t *ret_count,
			   struct error *err);

/*
 * Finishes the rows of other generations that stand for the same entry as `pickup`, which took them
 * over: their UIDs name nothing any more.
 */
int pickup_retire(struct store *store, const struct pickup_source *source,
		  const struct pickup *pickup, int64_t now_ms, struct error *err);

/*
 * Sets the state of `count` UIDs in one transaction, and where their copies lie; copies = NULL: that
 * stays as it is noted. Rows that do not exist are passed over. PICKUP_READ also passes over a row
 * that waits for an answer again.
 */
int pickup_mark(struct store *store, const struct pickup_source *source, const uint32_t *uids,
		size_t count, enum pickup_state state, const struct pickup_copies *copies,
		int64_t now_ms, struct error *err);

/* ---- messages that a run could not get past ---- */

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
