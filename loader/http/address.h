/*
 * address.h - which addresses lead to this machine or network.
 *
 * An IPv6 address that holds IPv4 ones (mapped, SIIT, NAT64, 6to4, Teredo, ISATAP) is judged by
 * these as well.
 *
 * Source: RFC 6890 and the IANA registries of special-purpose addresses; RFC 4291 2.5.5, RFC 2765
 *         2.1, RFC 6052, RFC 3056, RFC 4380, RFC 5214 for addresses inside others.
 */
#ifndef LOADER_HTTP_ADDRESS_H
#define LOADER_HTTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Whether bytes to this address stay on this machine. */
bool address_is_loopback(const struct sockaddr *address);

/* Whether it is one of this machine's own, or only this network knows it: loopback, private,
 * link-local, shared, multicast, reserved. Other families count as private. Sends nothing. */
bool address_is_private(const struct sockaddr *address);

#endif
