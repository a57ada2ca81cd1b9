/*
 * relay.h - one signed-in session, used by one process after the other.
 *
 * The keeper of a session (imapc_open()) lends it to a client over a local stream socket: from
 * imapc_relay() to the client's imapc_close() the bytes of IMAP pass through. The client's session
 * (imapc_adopt()) is like any other, but that its LOGOUT goes no further than the keeper.
 *
 * A message that the client sends (append.h) is announced to the keeper by a line of its own, "=SIZE":
 * what is inside it must not be taken for commands. The line goes no further.
 *
 * Tags go on counting from one client to the next. A client that ends in the middle of a command
 * costs the keeper its connection, because what is left of the answer cannot be told.
 */
#ifndef LOADER_IMAP_SESSION_RELAY_H
#define LOADER_IMAP_SESSION_RELAY_H

#include "loader/imap/session/session.h"

struct imapc_relay {
	int client;	   /* the socket */
	uint32_t quiet_ms; /* a client that says nothing for so long is let go */
	int watched;	   /* another descriptor; when it is readable `attend` is called */
	void (*attend)(void *context);
	void *context;
};

/*
 * Lends the session until the client takes its leave. Afterwards no mailbox is selected. Returns -1
 * where the session has died or the client has left it in the middle of something; then only
 * imapc_close() is useful.
 */
int imapc_relay(struct imapc_session *session, const struct imapc_relay *relay, struct error *err);

/* The last tag that was used on this connection. */
int imapc_tag(const struct imapc_session *session);

/* Asks the server whether it is still there, and takes in what it has to tell. Errors: those of
 * session.h. */
int imapc_ping(struct imapc_session *session, struct error *err);

/*
 * A session on a socket to its keeper, which has said `tag`. `server` gives names and deadlines and
 * is borrowed until imapc_close(); the socket is taken over, also on failure.
 */
int imapc_adopt(const struct connection_string *server, int socket, int tag,
		struct imapc_session **ret_session, struct error *err);

#endif
