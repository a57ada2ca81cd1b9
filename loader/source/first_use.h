/*
 * first_use.h - a queue notes what is in its target folders before it moves anything there, so that
 * mail that was there before is never taken for its own.
 *
 * Errors: those of the session and of the database.
 */
#ifndef LOADER_SOURCE_FIRST_USE_H
#define LOADER_SOURCE_FIRST_USE_H

#include "loader/source/mailbox.h"
#include "queue/store.h"

/* Notes dropbox and badmail, each once, when it exists: to be called before each move into one of
 * them. */
int first_use_note(struct store *store, int64_t queue_id, struct mailbox *mailbox,
		   struct error *err);

/* The account's name in the ledger, "robot@imap.example.com/", and the folder's, as
 * pickup_folder.h has them. Caller frees. */
char *first_use_account(const struct mailbox *mailbox);
char *first_use_folder(const struct mailbox *mailbox, enum mailbox_folder folder);

#endif
