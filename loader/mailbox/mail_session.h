/*
 * mail_session.h - the account that an action works for, and the signed-in session it works over: a
 * session of its own, or one that an opened, named connection lends.
 *
 * Life:    mail_account_from_queue() or mail_account_new() .. mail_account_free();
 *          mail_session_open() or mail_connection_use() .. mail_session_close(). A session does not
 *          need its account any more.
 * Secrets: read when the session is opened; an access token is read anew each time.
 * Errors:  as in session.h, secret.h and connection_string.h. Of connections: NO (none of that name
 *          is open, or one is already), USAGE (not a name), IO.
 */
#ifndef LOADER_MAILBOX_MAIL_SESSION_H
#define LOADER_MAILBOX_MAIL_SESSION_H

#include "loader/imap/session/session.h"
#include "queue/base/scoped.h"
#include "queue/work_queue.h"

struct mail_account {
	struct connection_string *server;
	char *user_name;
	enum secret_source source;
	char *reference;       /* NULL: the secret was asked for */
	struct secret *secret; /* NULL: not read yet */
};

struct mail_account_options {
	const char *server; /* host */
	uint16_t port;	    /* 0: 143, or 993 if secure */
	bool secure;	    /* TLS from the first byte */
	bool insecure;	    /* the password may cross the network in clear */
	const char *user_name;
	const char *ca_file;  /* NULL: the system's authorities */
	const char *crl_file; /* revocation lists; NULL: none but those in ca_file */
};

/* A work queue's own account. */
int mail_account_from_queue(const struct work_queue *queue, const char *database,
			    struct mail_account **ret_account, struct error *err);

/* An account that no queue has; the caller fills in source and reference, or secret. */
int mail_account_new(const struct mail_account_options *options, struct mail_account **ret_account,
		     struct error *err);

/* Wipes and releases; takes NULL. */
void mail_account_free(struct mail_account *account);
SCOPED_DEFINE(struct mail_account *, mail_account_free)

struct mail_session {
	struct connection_string *server;
	struct imapc_session *imap;
};

/* A session of its own. */
int mail_session_open(struct mail_account *account, struct mail_session **ret_session,
		      struct error *err);

/* mail_session_confine() leaves it for files to be made below; NULL is none. */
void mail_session_allow_folder(const char *folder);

/*
 * Takes from this process what its session does not need (confine.h), before it is opened, once the
 * password has been read; `account` is NULL where a session is borrowed. Files are made below
 * `folder`, unless that is NULL, and in the spool's. A starter (starter.h) is left for the command that
 * gives the password, and for the parser of who `reads_mail`.
 */
int mail_session_confine(struct mail_account *account, const char *folder, bool reads_mail,
			 struct error *err);

/* Signs off, or gives the session back to its keeper; takes NULL. */
void mail_session_close(struct mail_session *session);
SCOPED_DEFINE(struct mail_session *, mail_session_close)

/* --- opened connections ------------------------------------------------ */

/* Signs in, and leaves a process behind that keeps the session until nobody has used it for
 * idle_s. */
int mail_connection_open(const char *name, struct mail_account *account, uint32_t idle_s,
			 struct error *err);

/* Before mail_session_confine(), which leaves only this one to be used; a name that cannot be one is passed over. */
void mail_connection_allow(const char *name);

/* Borrows the session; timeout_s is how long to wait while other commands use it, and for each
 * answer of the server. */
int mail_connection_use(const char *name, uint32_t timeout_s, struct mail_session **ret_session,
			struct error *err);

/* The name is free when this returns; a use that is going on is not disturbed. */
int mail_connection_close(const char *name, struct error *err);

/* Borrowed for the callback. */
struct mail_connection {
	const char *name;
	const char *server;
	uint32_t port;
	const char *user_name;
	int64_t opened_ms;
	int64_t used_ms; /* 0: never */
	int64_t idle_s;
	int64_t uses;
	int64_t sign_ins;
	bool in_use;
	int64_t process;
};

/* Tells of each open connection, by name. */
int mail_connection_list(void (*tell)(const struct mail_connection *connection, void *context),
			 void *context, struct error *err);

#endif
