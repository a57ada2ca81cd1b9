/*
 * mail_session.h - who an action works for, and the signed-in session it works over.
 *
 * Life:    mail_account_from_queue() or mail_account_new() .. mail_account_free(); mail_session_*
 *          .. mail_session_close(). A session does not need its account any more.
 * Secrets: read when the session is opened; an access token is read anew each time.
 * Errors:  as in session.h, secret.h and connection_string.h.
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
	const char *ca_file; /* NULL: the system's authorities */
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

/* A copy of the connection string, which the caller frees. */
int mail_account_copy_server(const struct mail_account *account,
			     struct connection_string **ret_server, struct error *err);

/* Reads the secret where it has not been. */
int mail_account_read_secret(struct mail_account *account, struct error *err);

/* Connects and signs in; `server` is borrowed by the session. */
int mail_account_sign_in(struct mail_account *account, const struct connection_string *server,
			 struct imapc_session **ret_session, struct error *err);

struct mail_session {
	struct connection_string *server;
	struct imapc_session *imap;
};

/* A session of its own. */
int mail_session_open(struct mail_account *account, struct mail_session **ret_session,
		      struct error *err);

/* Signs off, or gives the session back to its keeper; takes NULL. */
void mail_session_close(struct mail_session *session);
SCOPED_DEFINE(struct mail_session *, mail_session_close)

#endif
