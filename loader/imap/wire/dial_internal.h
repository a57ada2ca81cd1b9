/*
 * dial_internal.h - a TCP connection to a server by its name, whichever of its addresses answers.
 *
 * Life:      dial() once; the descriptor is the caller's. What is asked of name servers goes on in a
 *            thread of its own that may outlive the call.
 * Deadlines: of clock_monotonic_ms(), for the name and the connection together.
 * Threads:   any.
 * Source:    RFC 8305 (Happy Eyeballs), 4 and 5: addresses of both families in turn, 250 ms apart; an
 *            address that refuses makes room for the next one at once.
 */
#ifndef LOADER_IMAP_WIRE_DIAL_INTERNAL_H
#define LOADER_IMAP_WIRE_DIAL_INTERNAL_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Further addresses of a name are not tried. */
enum { DIAL_ADDRESSES_MAX = 16 };

/* Between two addresses, while none has answered. */
enum { DIAL_PAUSE_MS = 250 };

struct dial_address {
	struct sockaddr_storage peer;
	socklen_t size;
};

struct dial_addresses {
	struct dial_address each[DIAL_ADDRESSES_MAX];
	size_t count;
};

enum dial_end {
	DIAL_CONNECTED,
	DIAL_UNKNOWN, /* nobody knows the name */
	DIAL_NO_NAME_IN_TIME,
	DIAL_NO_CONNECTION_IN_TIME,
	DIAL_REFUSED /* by every address */
};

struct dialled {
	int descriptor; /* non-blocking; -1 but for DIAL_CONNECTED */
	struct dial_address address;
	int number; /* errno of DIAL_REFUSED */
};

/* Finds the addresses of a name, or of an address in figures, in the order in which they are to be
 * tried. DIAL_CONNECTED stands for "found" here. */
enum dial_end dial_find(const char *host, uint16_t port, int64_t deadline_ms,
			struct dial_addresses *ret_addresses);

/* Connects to the first address that answers; the other attempts are given up. */
enum dial_end dial_first(const struct dial_addresses *addresses, int64_t deadline_ms,
			 struct dialled *ret_dialled);

/* Both. */
enum dial_end dial(const char *host, uint16_t port, int64_t deadline_ms,
		   struct dialled *ret_dialled);

#endif
