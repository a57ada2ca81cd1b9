/*
 * mailbox.h - a work queue's mailbox on its server: connection, sign-in, the three folders.
 *
 * Life:      mailbox_open() .. mailbox_close(). Opening changes nothing on the server.
 * Ownership: the mailbox owns all its members.
 * Errors:    as in loader/imap/session/session.h, secret.h and connection_string.h.
 */
#ifndef LOADER_SOURCE_MAILBOX_H
#define LOADER_SOURCE_MAILBOX_H

#include "loader/imap/session/session.h"
#include "queue/base/scoped.h"
#include "queue/work_queue.h"

enum mailbox_folder { MAILBOX_SOURCE, MAILBOX_DROPBOX, MAILBOX_BADMAIL, MAILBOX_FOLDER_COUNT };

struct mailbox {
	struct connection_string *server;
	struct imapc_session *session;
	char *source; /* "user@host/folder": the ledger's name of the source folder */
	struct imapc_folder folders[MAILBOX_FOLDER_COUNT];
	bool noted[MAILBOX_FOLDER_COUNT]; /* by first_use_note() */
	bool on_delivery; /* messages stay unread in the source until their delivery is answered */
	bool stays; /* and for good where no dropbox is named: there is none then, whatever its name
		     * would be */
};

/* Reads the password from its source, connects, signs in and looks for the source folder. That it
 * is missing is a CONFIGURATION error if `need_source`; INBOX is not asked for. So is that two of
 * the three folders are one: where their names allow that, all are looked for. */
int mailbox_open(const struct work_queue *queue, const char *database, bool need_source,
		 struct mailbox **ret_mailbox, struct error *err);

/* Signs in again after the connection was lost; no folder is open then. On failure the lost session
 * stays. */
int mailbox_reconnect(struct mailbox *mailbox, const struct work_queue *queue, const char *database,
		      struct error *err);

/* Signs off; takes NULL. */
void mailbox_close(struct mailbox *mailbox);
SCOPED_DEFINE(struct mailbox *, mailbox_close)

/* The folder's name as the operator wrote it; borrowed. */
const char *mailbox_folder_name(const struct mailbox *mailbox, enum mailbox_folder folder);

/* Dropbox or badmail is missing, and a run cannot begin without it. Where messages wait for their
 * delivery, a badmail that may be created is not needed before there is something for it. */
bool mailbox_lacks_folder(const struct mailbox *mailbox, enum mailbox_folder folder);

/* Looks for dropbox and badmail, once. CONFIGURATION when two of the three folders are one. */
int mailbox_find_targets(struct mailbox *mailbox, struct error *err);

/* Looks for them and creates what is lacking, or says (CONFIGURATION) that createFolders=False
 * forbids it. */
int mailbox_prepare_targets(struct mailbox *mailbox, struct error *err);

/* The same for one folder, now. */
int mailbox_create_folder(struct mailbox *mailbox, enum mailbox_folder folder, struct error *err);

/* Where the queue's password comes from, as secret_read() takes it. CONFIGURATION where there is
 * none yet. Caller frees the reference. */
int mailbox_find_secret(const struct work_queue *queue, const char *database,
			enum secret_source *ret_source, char **ret_reference, struct error *err);

/* Where the answer to a password prompt is kept, beside the database. Caller frees. */
char *mailbox_secret_path(const char *database, const char *queue_name);

#endif
