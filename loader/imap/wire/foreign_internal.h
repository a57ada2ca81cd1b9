/*
 * foreign_internal.h - which protocol answers on a port where IMAP should be.
 *
 * The two probes make a connection of their own to the address that has been reached; nothing secret
 * is sent on it, and it ends within the given time.
 */
#ifndef LOADER_IMAP_WIRE_FOREIGN_INTERNAL_H
#define LOADER_IMAP_WIRE_FOREIGN_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

/* "a POP3 server", from the first line that a server says; NULL when it is not known. Static. */
const char *foreign_name(const char *words);

/* What a server says first without TLS, fit for an error text; NULL: nothing in `wait_ms`. Caller
 * frees with g_free(). */
char *foreign_listen(const char *address, uint16_t port, int wait_ms);

/* Whether it answers TLS, with whatever certificate. */
bool foreign_speaks_tls(const char *host, const char *address, uint16_t port, int wait_ms);

#endif
