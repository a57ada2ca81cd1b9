/*
 * mailbox.h - the mailbox that a work queue is fed from: connection, sign-in, its three folders.
 *
 * Life:      mailbox_open() .. mailbox_close(). Opening changes nothing on the server.
 * Ownership: the mailbox owns all its members.
 * Errors:    as in loader/imap/session/session.h, secret.h and connection_string.h; those of the
 *            database where a store is passed.
 * Threads:   as in store.h.
 */
#ifndef LOADER_SOURCE_MAILBOX_H
#define LOADER_SOURCE_MAILBOX_H

#include "loader/imap/session/session.h"
#include "queue/base/scoped.h"
#include "queue/connection_place.h"
#include "queue/store.h"
#include "queue/work_queue.h"

enum mailbox_folder { MAILBOX_SOURCE, MAILBOX_DROPBOX, MAILBOX_BADMAIL, MAILBOX_FOLDER_COUNT };

struct mailbox {
	struct connection_string *server;
	struct imapc_session *session;
	struct connection_place *place;	     /* NULL: connections= sets no limit */
	struct work_queue_sign_in signed_in; /* what the sign-in was worth */
	char *source; /* "user@host/folder": the ledger's name of the source folder */
	struct imapc_folder folders[MAILBOX_FOLDER_COUNT];
	bool noted[MAILBOX_FOLDER_COUNT]; /* by first_use_note() */
	/* The ledger's numbers of the noted folders (pickup_repair.h); 0: it has none. */
	uint32_t numbers[MAILBOX_FOLDER_COUNT];
	bool on_delivery; /* messages stay unread in the source until their delivery is answered */
	bool stays;	  /* and they never leave it: the definition names no dropbox */
};

/*
 * Takes from this process what working on the queue's mailbox does not need (confine.h); before
 * mailbox_open(). A command that gives the password is left to a starter (starter.h), and so is what was
 * allowed to be started before, such as a parser.
 */
int mailbox_confine(const struct work_queue *queue, const char *database, struct error *err);

/* Reads the password from its source, connects, signs in and looks for the source folder. If
 * `need_source` a missing one is an error (CONFIGURATION); INBOX is not looked for, since every
 * server has it. Where the names of two folders allow that they are one, all three are looked for,
 * and one folder under two names is an error, too (CONFIGURATION). */
int mailbox_open(const struct work_queue *queue, const char *database, bool need_source,
		 struct mailbox **ret_mailbox, struct error *err);

/* Signs in again after the connection was lost; no folder is open then. On failure the lost session
 * stays. */
int mailbox_reconnect(struct mailbox *mailbox, const struct work_queue *queue, const char *database,
		      struct error *err);

/* How many other processes wait for a connection of this account (connections=), as far as 28. */
unsigned mailbox_waiting(const struct mailbox *mailbox);

/*
 * Where the account has so many connections only (connections=) and another process waits for one:
 * signs off, lets it have its turn, and signs in again when it is this one's; no folder is open then.
 * Else does nothing. On failure there is no session.
 */
int mailbox_take_turns(struct mailbox *mailbox, const struct work_queue *queue,
		       const char *database, struct error *err);

/* Signs off; takes NULL. */
void mailbox_close(struct mailbox *mailbox);
SCOPED_DEFINE(struct mailbox *, mailbox_close)

/* False where there is no mailbox, and where a client's certificate signs in alone. */
bool mailbox_needs_secret(const struct work_queue *queue);

/* Where the queue's password comes from, as secret_read() takes it. CONFIGURATION where there is
 * none yet. Caller frees the reference. */
int mailbox_find_secret(const struct work_queue *queue, const char *database,
			enum secret_source *ret_source, char **ret_reference, struct error *err);

/* The password or token that a queue, or an account of its own, signs in with: `source` and `reference` as
 * mailbox_find_secret() gives them. */
int mailbox_read_secret(enum secret_source source, const char *reference, const char *user_name,
			struct secret **ret_secret, struct error *err);

/* A process that is to read it when it has given its rights up (starter.h, confine.h) says so before. */
void mailbox_allow_secret(enum secret_source source, const char *reference);

/* A server has refused the secret: true where asking for another one may help, because it is a token that
 * was at hand for a while. */
bool mailbox_secret_is_stale(enum secret_source source, const char *reference,
			     const char *user_name, const struct secret *secret);

/* Where the answer to a password prompt is kept, beside the database. Caller frees. */
char *mailbox_secret_path(const char *database, const char *queue_name);

/* --- the folders ------------------------------------------------------- */

/* The folder's name as the operator wrote it; borrowed. */
const char *mailbox_folder_name(const struct mailbox *mailbox, enum mailbox_folder folder);

/* True if dropbox or badmail is missing, and a run cannot begin without it. Where messages wait for
 * their delivery, a badmail that may be created is created when the first message goes there. */
bool mailbox_lacks_folder(const struct mailbox *mailbox, enum mailbox_folder folder);

/* Looks for dropbox and badmail, once. CONFIGURATION when two of the three folders are one. */
int mailbox_find_targets(struct mailbox *mailbox, struct error *err);

/* Looks for them and creates what is lacking, or says (CONFIGURATION) that createFolders=False
 * forbids it. */
int mailbox_prepare_targets(struct mailbox *mailbox, struct error *err);

/* Creates one folder where it is missing, under the same condition. */
int mailbox_create_folder(struct mailbox *mailbox, enum mailbox_folder folder, struct error *err);

/*
 * Notes in the database what dropbox and badmail hold before the queue moves anything there, each
 * once, when it exists: mail that was there before is never taken for the queue's own. To be called
 * before each move into one of them.
 */
int first_use_note(struct store *store, int64_t queue_id, struct mailbox *mailbox,
		   struct error *err);

/* The account's name in the ledger, "robot@imap.example.com/", and the folder's, as
 * pickup_repair.h has them. Caller frees. */
char *first_use_account(const struct mailbox *mailbox);
char *first_use_folder(const struct mailbox *mailbox, enum mailbox_folder folder);

/* Where a message lies; 0: the server does not tell. */
struct mailbox_place {
	uint32_t folder; /* as in `numbers` above */
	uint32_t uid_validity;
	uint32_t uid;
};

/*
 * Moves one message of the selected folder to a target folder, outside of a run: creates the folder
 * if need be, notes its first use, and moves as loader/imap/session/move.h does; what is a problem
 * there is an error here. CONFIGURATION when the server can neither MOVE nor UID EXPUNGE.
 */
int mailbox_move(struct mailbox *mailbox, struct store *store, int64_t queue_id, uint32_t uid,
		 enum mailbox_folder to, struct mailbox_place *ret_place, struct error *err);

/*
 * Keeps what the sign-in was worth. A queue that mailbox_open() is given with such a memory signs in by
 * nothing weaker: CREDENTIALS, before the password is sent.
 */
int mailbox_note_sign_in(struct store *store, const struct work_queue *queue,
			 const struct mailbox *mailbox, struct error *err);

/* --- refused sign-ins -------------------------------------------------- */

/*
 * A server locks an account that is asked for with a wrong password again and again. `load` and
 * `watch` count refused sign-ins of a queue together, in the database (queue/queue_health.h): after
 * REFUSAL_MAX in a row its mail is not collected until the definition changes or an operator
 * resumes the queue; a run that goes well forgets them all. A failure before the server has
 * answered is no refusal (a password command, a missing file), nor is a busy server: struct error
 * tells.
 */
enum { REFUSAL_MAX = 3 };

/* CREDENTIALS when collecting was stopped by refusals, CONFIGURATION when by something else: the
 * text says why, and how to go on. */
int refusal_check(struct store *store, const struct work_queue *queue, struct error *err);

/* Counts one, and writes how many there have been in a row. */
int refusal_note(struct store *store, const struct work_queue *queue, const struct error *refusal,
		 uint32_t *ret_refusals, struct error *err);

#endif
