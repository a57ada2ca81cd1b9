/*
 * pickup_repair.h - the ledger beside the server: which messages of a target folder are whose, and
 * the whole ledger of a queue for those who put it in order.
 *
 * Names: a folder is named by account and folder as the server names it, e.g.
 *        "robot@imap.example.com/INBOX.Archive"; an account by what is before the folder,
 *        "robot@imap.example.com/".
 * Calls: functions that write make their own transaction unless one is open.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_PICKUP_REPAIR_H
#define QUEUE_PICKUP_REPAIR_H

#include "queue/entry.h"
#include "queue/pickup.h"

/* ---- target folders ---- */

struct pickup_folder {
	uint32_t number; /* by which the rows of this queue name it */
	uint32_t uid_validity;
	uint32_t
	    first_uid; /* messages below it were there before the queue first used the folder */
};

/* MISSING where the queue has not noted the folder. */
int pickup_folder_find(struct store *store, int64_t queue_id, const char *folder,
		       struct pickup_folder *ret_folder, struct error *err);

/*
 * Notes the folder, of which the server says UIDVALIDITY and UIDNEXT, before the queue's first move
 * into it; changes nothing where it is noted already. A ledger that is older than such notes tells
 * by its lowest UID there how long the queue has used the folder. Rows that are too old to name
 * their folder name the one that was noted before.
 */
int pickup_folder_note(struct store *store, int64_t queue_id, const char *folder,
		       enum pickup_target target, uint32_t uid_validity, uint32_t uid_next,
		       int64_t now_ms, struct error *err);

/*
 * *ret_new: the queue has not noted this folder, but another one as the same target and with this
 * UIDVALIDITY: rows that are too old to name their folder lie in that one.
 */
int pickup_folder_is_new(struct store *store, int64_t queue_id, const char *folder,
			 enum pickup_target target, uint32_t uid_validity, bool *ret_new,
			 struct error *err);

/* The highest UID in the folder that the ledger of this queue knows, or that was there before it; 0:
 * none is known. */
int pickup_folder_last_uid(struct store *store, int64_t queue_id, const char *folder,
			   enum pickup_target target, uint32_t uid_validity, uint32_t *ret_uid,
			   struct error *err);

/*
 * Calls `each` for every source that the ledgers of other queues have of this account, once for each
 * spelling: sources are named as operators write them, so that the server has to be asked whether
 * two are one folder. `each` may not use the store.
 */
int pickup_source_list(struct store *store, int64_t queue_id, const char *account,
		       void (*each)(const char *source, void *context), void *context,
		       struct error *err);

/* Which folder is looked at, and for which queue. */
struct pickup_place {
	int64_t queue_id;    /* all queues but this one are looked at */
	const char *account; /* their messages of this account */
	const char *folder;  /* as noted */
	/* The same folder as a source of other queues, in one spelling; NULL: of none. */
	const char *source;
	uint32_t uid_validity; /* of the folder */
};

/* A message that another queue knows, and that may be in the folder. */
struct pickup_elsewhere {
	uint32_t uid;	      /* in the folder; 0: only its bytes can tell */
	uint64_t header_size; /* size of the message where only its header was fetched, else 0 */
};

/*
 * Calls `each` for the messages of other queues that have a UID in the folder, and for those of
 * which only the header is known. No lock is held meanwhile. Non-zero ends the walk and is
 * returned.
 */
int pickup_elsewhere_walk(struct store *store, const struct pickup_place *place,
			  int (*each)(const struct pickup_elsewhere *, void *context),
			  void *context, struct error *err);

/* Has another queue picked up such a message (bytes, size, date) from the account, or put it where it
 * is (UIDVALIDITY of the place, target_uid) from an account that it may spell differently? */
int pickup_elsewhere_find(struct store *store, const struct pickup_place *place,
			  const struct pickup *like, bool *ret_found, struct error *err);

/* Has another queue picked up, from the folder `source` of the place, the message that the ledger of
 * this queue has there: by its UID in the target, where that is known, else by bytes, size and date? */
int pickup_taken_find(struct store *store, const struct pickup_place *place,
		      const struct pickup *moved, bool *ret_taken, struct error *err);

enum pickup_own {
	PICKUP_OWN_NONE,
	PICKUP_OWN_KNOWN, /* the queue has picked up such a message */
	PICKUP_OWN_GONE	  /* and somebody has accepted that it is gone: there it is again */
};

/* Finds out whether this queue knows such a message (bytes, size, date), and by which entry. */
int pickup_own_find(struct store *store, int64_t queue_id, const struct pickup *like,
		    enum pickup_own *ret_own, int64_t *ret_entry_id, struct error *err);

/* ---- the whole ledger of a queue ---- */

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

/* Sets where the message of an entry lies now (state, target, folder and its UID there), and its
 * digest and size. */
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
