/*
 * transport.h - the bytes between us and the server: curl opens the way, libetpan reads and writes.
 *
 * Internal to loader/imap/. dial.c connects to the address that answers first; curl does
 * proxies, TLS with verification, STARTTLS and the greeting; it never sees a user name. Then
 * transport_stream() hands the connection to libetpan.
 *
 * Life:    transport_open() .. transport_close(); the stream dies with its mailimap and before the
 *          transport.
 * Waiting: a command may wait for the server `timeout_s` in all. Bytes from the server, and bytes
 *          that it takes, give time back, a second for 16 KiB, never above `timeout_s`: so silence
 *          and a drip of single bytes end, a slow but steady line does not. In all it waits for
 *          twice `timeout_s`, and a second for each 16 KiB that were to come or that it has sent: so
 *          what comes steadily for ever ends as well. Time that passes elsewhere does not count.
 * Size:    no more is taken than transport_expect() allows.
 * Memory:  libetpan keeps what it reads until it makes sense of it; more than 4 MiB without
 *          transport_progress() in between is an error.
 * Errors:  a read or write that fails breaks the transport for good; transport_explain() tells.
 * Threads: one at a time.
 */
#ifndef LOADER_IMAP_WIRE_TRANSPORT_H
#define LOADER_IMAP_WIRE_TRANSPORT_H

#include "loader/imap/names/connection_string.h"
#include "queue/base/scoped.h"

#include <libetpan/mailstream.h>

struct transport;

/* What the connection turned out to be; borrowed from the transport. */
struct transport_facts {
	char *tls; /* NULL: without TLS */
	char *cipher;
	char *certificate_subject;
	char *certificate_issuer;
	char *certificate_expires;
	int64_t certificate_begins_s; /* 0 without TLS */
	int64_t certificate_ends_s;
	char *peer_address;
	bool preauthenticated; /* the greeting was PREAUTH */
};

/* Makes what every connection needs. transport_open() does it where nobody has: a process that starts many
 * others, each with a connection of its own, does it once for all of them. */
void transport_prepare(void);

/*
 * Connects and verifies as the connection string says; refuses a connection in clear that does not
 * end on this machine unless it says insecure=True. Errors: UNREACHABLE, TEMPORARY (the server is
 * full), CONFIGURATION (caFile).
 */
int transport_open(const struct connection_string *server, struct transport **ret_transport,
		   struct error *err);

/* A connection that another process has opened and signed in on; takes the socket over. */
struct transport *transport_adopt(int socket, const char *host, uint32_t timeout_ms);

/* Closes without a word; takes NULL. */
void transport_close(struct transport *transport);
SCOPED_DEFINE(struct transport *, transport_close)

const struct transport_facts *transport_facts(const struct transport *transport);

/* The stream for mailimap_connect(), which takes it over; its first line is the greeting. */
mailstream *transport_stream(struct transport *transport);

/* A command begins: it may wait for `timeout_ms`. Its answer is short. */
void transport_begin(struct transport *transport, uint32_t timeout_ms);

/* What is to come as the answer to a command, as far as it is known before. */
struct transport_expected {
	uint32_t answers;	/* twice as many may come, and 1,000 */
	uint64_t size_bytes;	/* of all of them; twice this may come, and some MiB */
	uint64_t literal_bytes; /* of the largest literal; twice this may come, and 1 MiB */
};

/* Behind transport_begin(), for an answer that is long. */
void transport_expect(struct transport *transport, const struct transport_expected *expected);

enum transport_event { TRANSPORT_READABLE, TRANSPORT_WOKEN, TRANSPORT_TIME_IS_UP };

/*
 * Between commands: waits until there is something to read (the end and an error too: the next read
 * tells), `wake` is readable, or `timeout_ms` have passed.
 */
enum transport_event transport_wait(struct transport *transport, int wake, int64_t timeout_ms);

/*
 * For a connection that is lent whole to another process (session/relay.c): moves what can be moved
 * without waiting, past the stream and the deadline. Nothing moved (0 bytes) means: not yet.
 * Returns -1 where the connection is gone.
 */
int transport_try_receive(struct transport *transport, void *bytes, size_t size,
			  size_t *ret_received);
int transport_try_send(struct transport *transport, const void *bytes, size_t size,
		       size_t *ret_sent);

/* Begins the line that announces a literal: no tag of ours does. */
enum { TRANSPORT_LITERAL = '=' };

/* The socket, to be waited for beside others. */
int transport_socket(const struct transport *transport);

/*
 * Says, where the connection belongs to another process that lends it, that the next `size` bytes
 * are the inside of a message and no commands (session/relay.h); else does nothing. The stream has
 * been flushed. -1 where the connection is gone.
 */
int transport_announce_literal(struct transport *transport, uint64_t size);

/* While `hidden`, the protocol log shows the number of bytes only. */
void transport_hide(struct transport *transport, bool hidden);

/* The caller has made sense of what came so far. */
void transport_progress(struct transport *transport);

/* Every read and write from now on fails. */
void transport_break(struct transport *transport);

/* Why the last read or write failed. Always returns -1. */
int transport_explain(const struct transport *transport, struct error *err);

#endif
