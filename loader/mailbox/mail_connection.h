/*
 * mail_connection.h - opened, named connections seen from a command: open, use, close, list.
 *
 * Errors: NO (no connection of that name is open, or one is already), USAGE (not a name), those of
 *         the keeper and its session.
 */
#ifndef LOADER_MAILBOX_MAIL_CONNECTION_H
#define LOADER_MAILBOX_MAIL_CONNECTION_H

#include "loader/mailbox/mail_session.h"

/* Opens: signs in, and leaves a process behind that keeps the session for idle_s after its last
 * use. */
int mail_connection_open(const char *name, struct mail_account *account, uint32_t idle_s,
			 struct error *err);

/* Borrows the session; timeout_s is the wait for others who use it, and for each command. */
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
