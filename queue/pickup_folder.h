/*
 * pickup_folder.h - the target folders of a queue: where its own messages begin, and which messages
 * other queues of the database know.
 *
 * Names: a folder is named by account and folder as the server names it, e.g.
 *        "robot@imap.example.com/INBOX.Archive"; an account by what is before the folder,
 *        "robot@imap.example.com/".
 *
 * Errors, threads, times: as in store.h. Functions that write make their own transaction unless one
 * is open.
 */
#ifndef QUEUE_PICKUP_FOLDER_H
#define QUEUE_PICKUP_FOLDER_H

#include "queue/pickup.h"

struct pickup_folder {
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
 * by its lowest UID there how long the queue has used the folder.
 */
int pickup_folder_note(struct store *store, int64_t queue_id, const char *folder,
		       enum pickup_target target, uint32_t uid_validity, uint32_t uid_next,
		       int64_t now_ms, struct error *err);

/* Whose messages of which folder are asked for. */
struct pickup_place {
	int64_t queue_id;      /* all queues but this one are looked at */
	const char *account;   /* their messages of this account */
	const char *folder;    /* as noted */
	const char *source;    /* the same folder as one that mail is picked up from */
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

/* Has another queue picked up such a message (bytes, size, date) from the account. */
int pickup_elsewhere_find(struct store *store, const struct pickup_place *place,
			  const struct pickup *like, bool *ret_found, struct error *err);

enum pickup_own {
	PICKUP_OWN_NONE,
	PICKUP_OWN_KNOWN, /* the queue has picked up such a message */
	PICKUP_OWN_GONE	  /* and somebody has accepted that it is gone: there it is again */
};

/* What this queue knows of such a message (bytes, size, date), and its entry. */
int pickup_own_find(struct store *store, int64_t queue_id, const struct pickup *like,
		    enum pickup_own *ret_own, int64_t *ret_entry_id, struct error *err);

#endif
