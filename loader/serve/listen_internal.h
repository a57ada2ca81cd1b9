/*
 * listen_internal.h - the socket that is listened on.
 */
#ifndef LOADER_SERVE_LISTEN_INTERNAL_H
#define LOADER_SERVE_LISTEN_INTERNAL_H

#include "loader/serve/serve.h"

#include <stdbool.h>
#include <sys/socket.h>

struct listen_socket {
	int descriptor;
	bool is_local; /* a socket of the file system: no browser reaches it */
	char *address; /* "http://127.0.0.1:8480", "unix:/path", for people */
	char *host;    /* "127.0.0.1"; "" where there is none */
};

/* The socket that the service manager has opened (sd_listen_fds(3)), else one of our own. CONFIGURATION where others than
 * this machine reach it and there is no TLS. */
int listen_open(const struct serve_options *options, struct listen_socket *ret_socket,
		struct error *err);

/* Releases; the descriptor is closed where it is open. */
void listen_close(struct listen_socket *socket);

/* "192.0.2.7", or "local" for a socket of the file system. */
void listen_format_peer(const struct sockaddr *address, char *text, size_t room);

/* What counts as one address: in IPv6 its first 64 bits, since whoever has one address has all of these (RFC 6177). "" for
 * this machine's own. */
void listen_format_network(const struct sockaddr *address, char *text, size_t room);

#endif
