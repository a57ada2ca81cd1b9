/*
 * mail_connection_internal.h - the inside of opened connections: the keeper, a background process
 * that keeps a session signed in between commands, and the sockets that commands reach it by.
 *
 * mail_connection.c is the command's side, which starts keepers; mail_keeper.c is a keeper's life,
 * mail_callers.c hears those who come to it, mail_socket.c is what both ends use.
 *
 * Life:    a keeper ends when it is told to, when nobody has used it for idle_s, when its socket is
 *          deleted, or by TERM. It connects again by itself when it is used after the server has
 *          ended the session.
 * Secrets: the password lives in the keeper's memory only, locked there where the system allows it,
 *          is never in a core dump, and is wiped at the end.
 * Sockets: in $XDG_RUNTIME_DIR/inqueue, else /run/inqueue for root, else inqueue-UID in $TMPDIR or
 *          /tmp. The folder belongs to this user alone (0700), and both ends of a socket look at
 *          the other's user id.
 * Words:   one line of JSON from the client ({"do": "use" | "describe" | "close"}), one back;
 *          {"kind", "text"} is an error. After "use" the socket carries IMAP; "hidden" in its answer
 *          lists what is to be hidden (redact.h).
 * Errors:  those of session.h, NO (the name is taken), IO, CREDENTIALS (the folder or the other end
 *          is somebody else's), TEMPORARY (no answer in time), USAGE (a name that cannot be one).
 */
#ifndef LOADER_MAILBOX_MAIL_CONNECTION_INTERNAL_H
#define LOADER_MAILBOX_MAIL_CONNECTION_INTERNAL_H

#include "loader/mailbox/mail_session.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads the account's secret where it has not been read, connects and signs in; `server` is
 * borrowed by the session. */
int mail_account_sign_in(struct mail_account *account, const struct connection_string *server,
			 struct imapc_session **ret_session, struct error *err);

/* --- the keeper -------------------------------------------------------- */

/* The keeper's process, once it is on its own: signs in, claims the name, reports that to
 * `report_end` and lives until it ends. */
_Noreturn void mail_keeper_run(const char *name, struct mail_account *account, uint32_t idle_s,
			       int report_end);

/* What a keeper reports, in one write. */
struct mail_keeper_report {
	int failed;
	struct error err;
};

/* So long a keeper waits for one that has its name already, in seconds. */
enum { MAIL_KEEPER_WORD_S = 2 };

/* --- who comes to a keeper ---------------------------------------------- */

struct mail_callers;

/* Those who come to `listener`, which is borrowed. `obey` gets the first line of each, and returns
 * whether it takes the socket over. Errors: IO. */
int mail_callers_open(int listener, bool (*obey)(void *context, int socket, const char *line),
		      void *context, struct mail_callers **ret_callers, struct error *err);
void mail_callers_close(struct mail_callers *callers); /* takes NULL */
SCOPED_DEFINE(struct mail_callers *, mail_callers_close)

/* To be waited for beside others: readable when there is something to attend to. */
int mail_callers_descriptor(const struct mail_callers *callers);

/* Takes in who has come and what they have said, without waiting. The callers are untyped for those
 * who know of a descriptor only. */
void mail_callers_attend(void *callers);

/* --- sockets ----------------------------------------------------------- */

/* Where the folder of sockets is; the caller frees it. */
char *mail_socket_folder_path(void);

/* NO: a keeper has this name. */
int mail_connection_taken(const char *name, struct error *err);

/* Opens the folder; with `create` makes it. Without, *ret_folder is -1 where there is none. */
int mail_socket_open_folder(bool create, int *ret_folder, struct error *err);

/* Connection names: 1 to 64 letters, digits, '.', '_', '-'; no '.' first. */
int mail_socket_check_name(const char *name, struct error *err);

/* The file of a connection, and its whole path; the caller frees. */
char *mail_socket_file(const char *name);
char *mail_socket_path(const char *name);

/* Listens as `name`. A file that is there is replaced: the caller has looked whether it lives. */
int mail_socket_listen(int folder, const char *name, int *ret_listener, struct error *err);

/* Connects; *ret_socket is -1 where nobody listens. Reads and writes end after timeout_s. */
int mail_socket_connect(int folder, const char *name, uint32_t timeout_s, int *ret_socket,
			struct error *err);

/* Why there is no connection, by an errno: 0 where nobody listens, else -1. */
int mail_socket_explain(const char *name, int number, struct error *err);

/* Another user's process there would get our commands. */
int mail_socket_check_peer(int socket, const char *name, struct error *err);

/* Reads and writes end after timeout_s. */
void mail_socket_limit(int socket, uint32_t timeout_s);

/* Whether the other end is a process of this user. */
bool mail_socket_is_ours(int socket);

/* One line; the caller frees. Takes no byte behind it. -1 with errno. */
int mail_socket_read_line(int socket, char **ret_line);

/* A line; the newline is added. -1 with errno. */
int mail_socket_write_line(int socket, const char *line);

#endif
