/*
 * pickup_repair.h - the whole ledger of a queue, for those who hold it against the server and put
 * it in order.
 *
 * Errors, threads, times: as in store.h. Functions that write make their own transaction unless one
 * is open.
 */
#ifndef QUEUE_PICKUP_REPAIR_H
#define QUEUE_PICKUP_REPAIR_H

#include "queue/entry.h"
#include "queue/pickup.h"

struct pickup_with_entry {
	struct pickup_source source; /* its text is borrowed for the call */
	struct pickup pickup;
	bool has_entry; /* it may have been deleted since */
	enum entry_state entry_state;
	/* The message was too large to be fetched whole: digest and size of the row are of its
	 * header. */
	bool raw_incomplete;
	uint64_t whole_size; /* as the server announced it, where `raw_incomplete` */
	bool superseded; /* the mailbox was numbered afresh: a later row stands for the message */
	bool gone;	 /* somebody has accepted that the message is not there any more */
};

/* Calls `each` for every row of the queue; non-zero ends the walk and is returned. No lock is held
 * meanwhile: `each` may write. */
int pickup_walk(struct store *store, int64_t queue_id,
		int (*each)(const struct pickup_with_entry *, void *context), void *context,
		struct error *err);

/* The last row that stands for this entry; *ret_source is freed by the caller with free(). MISSING
 * when there is none. */
int pickup_find_entry(struct store *store, int64_t entry_id, struct pickup_with_entry *ret_row,
		      char **ret_source, struct error *err);

/* Sets where the message of an entry lies now (state, target and its UID there), and its digest and
 * size. */
int pickup_redirect(struct store *store, const struct pickup_source *source,
		    const struct pickup *pickup, int64_t now_ms, struct error *err);

/*
 * Notes that `who` has accepted that the message is gone; nothing is left to be done for it. The
 * history of its entry says so in the words of `note`; entry_id 0: it has none any more.
 * pickup_redirect() takes it back.
 */
int pickup_accept_gone(struct store *store, const struct pickup_source *source, uint32_t uid,
		       int64_t entry_id, const char *who, const char *note, int64_t now_ms,
		       struct error *err);

/* Deletes a row, so that its message is loaded anew. */
int pickup_forget(struct store *store, const struct pickup_source *source, uint32_t uid,
		  struct error *err);

#endif
