/* Judges addresses: by the registries of special-purpose addresses, and, for this machine's own, by
 * asking the kernel. */
#include "loader/http/address.h"

#include "queue/base/scoped.h"

#include <glib.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

/* The most IPv4 addresses that one of IPv6 holds: Teredo has a server and a client. */
enum { ADDRESS_INSIDE_MAX = 2 };

struct address_range {
	uint32_t base;
	int bits;
};

/* The special-purpose ranges of RFC 6890, multicast and the reserved rest. */
static bool address_is_special_ipv4(uint32_t address)
{
	static const struct address_range ranges[] = {
	    {0x00000000, 8},  {0x0a000000, 8},	{0x64400000, 10}, {0x7f000000, 8},
	    {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24}, {0xc0a80000, 16},
	    {0xc6120000, 15}, {0xe0000000, 4},	{0xf0000000, 4},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(ranges); i++) {
		if ((address ^ ranges[i].base) >> (32 - ranges[i].bits) == 0)
			return true;
	}
	return false;
}

static bool address_is_special_ipv6(const struct in6_addr *address)
{
	static const unsigned char local_nat64[6] = {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01};
	return memcmp(address->s6_addr, local_nat64, sizeof local_nat64) == 0 ||
	       IN6_IS_ADDR_UNSPECIFIED(address) || IN6_IS_ADDR_LOOPBACK(address) ||
	       IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_SITELOCAL(address) ||
	       IN6_IS_ADDR_MULTICAST(address) || (address->s6_addr[0] & 0xfe) == 0xfc;
}

/* ---- addresses inside others ---- */

/* Copied, because the bytes need not be aligned. */
static uint32_t address_ipv4_at(const struct in6_addr *address, size_t at)
{
	uint32_t ipv4;
	memcpy(&ipv4, address->s6_addr + at, sizeof ipv4);
	return ntohl(ipv4);
}

/* Those that hold one in their last four bytes. */
static bool address_ends_in_ipv4(const struct in6_addr *address)
{
	static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	static const unsigned char siit[12] = {[8] = 0xff, [9] = 0xff};
	static const unsigned char isatap[4] = {0x00, 0x00, 0x5e, 0xfe};
	const unsigned char *bytes = address->s6_addr;
	/* The bit says that the IPv4 address is known to all. */
	const unsigned char interface[4] = {bytes[8] & 0xfd, bytes[9], bytes[10], bytes[11]};
	return IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address) ||
	       memcmp(bytes, nat64, sizeof nat64) == 0 || memcmp(bytes, siit, sizeof siit) == 0 ||
	       memcmp(interface, isatap, sizeof isatap) == 0;
}

/* Returns how many there are. */
static size_t address_find_inside(const struct in6_addr *address,
				  uint32_t ret_inside[static ADDRESS_INSIDE_MAX])
{
	static const unsigned char teredo[4] = {0x20, 0x01};
	if (address_ends_in_ipv4(address)) {
		ret_inside[0] = address_ipv4_at(address, 12);
		return 1;
	}
	if (address->s6_addr[0] == 0x20 && address->s6_addr[1] == 0x02) { /* 6to4 */
		ret_inside[0] = address_ipv4_at(address, 2);
		return 1;
	}
	if (memcmp(address->s6_addr, teredo, sizeof teredo) != 0)
		return 0;
	ret_inside[0] = address_ipv4_at(address, 4);
	ret_inside[1] = ~address_ipv4_at(address, 12);
	return 2;
}

/* ---- this machine's own ---- */

/* getifaddrs() asks by a kind of socket that services are often denied (RestrictAddressFamilies=);
 * these two ways need none but those for connecting. */

/* Room for so many addresses is tried first. */
enum { ADDRESS_ROOM = 64 };

static bool address_is_listed(const struct ifconf *list, uint32_t address)
{
	for (size_t i = 0; i < (size_t)list->ifc_len / sizeof(struct ifreq); i++) {
		struct sockaddr_in own;
		memcpy(&own, &list->ifc_req[i].ifr_addr, sizeof own);
		if (ntohl(own.sin_addr.s_addr) == address)
			return true;
	}
	return false;
}

/* The kernel cuts the list to the room that it is given. An address that cannot be looked up
 * counts as own. */
static bool address_is_own_ipv4(uint32_t address)
{
	scoped(descriptor_close) int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (size_t room = ADDRESS_ROOM;; room *= 2) {
		const int size = (int)(room * sizeof(struct ifreq));
		g_autofree struct ifreq *items = g_new0(struct ifreq, room);
		struct ifconf list = {.ifc_len = size, .ifc_req = items};
		if (ioctl(control, SIOCGIFCONF, &list) != 0)
			return true;
		if (list.ifc_len < size)
			return address_is_listed(&list, address);
	}
}

/* Packets to an address of this machine come from that address (RFC 6724, 5, rule 1). A datagram
 * socket knows without sending one. */
static bool address_is_own_ipv6(const struct in6_addr *address)
{
	const struct sockaddr_in6 to = {
	    .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = *address};
	struct sockaddr_in6 from = {.sin6_family = AF_INET6};
	socklen_t size = sizeof from;
	scoped(descriptor_close) int probe = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return probe >= 0 && connect(probe, (const struct sockaddr *)&to, sizeof to) == 0 &&
	       getsockname(probe, (struct sockaddr *)&from, &size) == 0 &&
	       IN6_ARE_ADDR_EQUAL(&from.sin6_addr, &to.sin6_addr);
}

/* ---- both ---- */

static bool address_is_private_ipv4(uint32_t address)
{
	return address_is_special_ipv4(address) || address_is_own_ipv4(address);
}

static bool address_is_private_ipv6(const struct in6_addr *address)
{
	uint32_t inside[ADDRESS_INSIDE_MAX];
	const size_t count = address_find_inside(address, inside);
	for (size_t i = 0; i < count; i++) {
		if (address_is_private_ipv4(inside[i]))
			return true;
	}
	return address_is_special_ipv6(address) || address_is_own_ipv6(address);
}

bool address_is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in ipv4;
		memcpy(&ipv4, address, sizeof ipv4);
		return ntohl(ipv4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	if (address->sa_family != AF_INET6)
		return false;
	struct sockaddr_in6 ipv6;
	memcpy(&ipv6, address, sizeof ipv6);
	return IN6_IS_ADDR_LOOPBACK(&ipv6.sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr) &&
		address_ipv4_at(&ipv6.sin6_addr, 12) >> 24 == IN_LOOPBACKNET);
}

/* A family that is neither IPv4 nor IPv6 leads to this machine (AF_UNIX), or to what nobody has
 * thought of. */
bool address_is_private(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in ipv4;
		memcpy(&ipv4, address, sizeof ipv4);
		return address_is_private_ipv4(ntohl(ipv4.sin_addr.s_addr));
	}
	if (address->sa_family != AF_INET6)
		return true;
	struct sockaddr_in6 ipv6;
	memcpy(&ipv6, address, sizeof ipv6);
	return address_is_private_ipv6(&ipv6.sin6_addr);
}
