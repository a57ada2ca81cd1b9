/* Which addresses lead to this machine or network. */
#include "loader/http/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <glib.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_private(const char *text)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1)
		return address_is_private((const struct sockaddr *)&ipv4);
	assert_int_equal(1, inet_pton(AF_INET6, text, &ipv6.sin6_addr));
	return address_is_private((const struct sockaddr *)&ipv6);
}

static void test_addresses(void **state)
{
	(void)state;
	static const char *const inside[] = {"0.0.0.0",
					     "10.1.2.3",
					     "100.64.0.1",
					     "100.127.255.255",
					     "127.0.0.1",
					     "127.255.0.1",
					     "169.254.169.254",
					     "172.16.0.1",
					     "172.31.255.255",
					     "192.168.1.1",
					     "198.18.0.1",
					     "224.0.0.1",
					     "255.255.255.255",
					     "::",
					     "::1",
					     "fe80::1",
					     "fd00::1",
					     "fc00::1",
					     "ff02::1",
					     "::ffff:127.0.0.1",
					     "::ffff:10.0.0.1",
					     "64:ff9b::7f00:1",
					     "64:ff9b:1::101:101",
					     "2002:7f00:1::",
					     "::127.0.0.1",
					     "::ffff:0:127.0.0.1",
					     "::ffff:0:10.0.0.1",
					     "2001:0:a00:1::fefe:fefe",
					     "2001:0:101:101::80ff:fffe",
					     "2606:4700::5efe:10.0.0.1",
					     "2606:4700::200:5efe:10.0.0.1"};
	static const char *const outside[] = {"1.1.1.1",
					      "9.255.255.255",
					      "11.0.0.0",
					      "100.63.255.255",
					      "100.128.0.0",
					      "126.0.0.1",
					      "128.0.0.1",
					      "169.253.0.1",
					      "172.15.0.1",
					      "172.32.0.1",
					      "192.167.0.1",
					      "223.0.0.1",
					      "2606:4700::1111",
					      "2001:db8::1",
					      "::ffff:1.1.1.1",
					      "64:ff9b::101:101",
					      "2002:101:101::",
					      "::ffff:0:1.1.1.1",
					      "2001:0:101:101::fefe:fefe",
					      "2606:4700::5efe:1.1.1.1",
					      "2001:1::a00:1"};
	for (size_t i = 0; i < G_N_ELEMENTS(inside); i++) {
		if (!is_private(inside[i]))
			fail_msg("%s is private", inside[i]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(outside); i++) {
		if (is_private(outside[i]))
			fail_msg("%s is not private", outside[i]);
	}
}

/* ---- a machine with addresses that all the world could know ---- */

static void give_ipv4(int control, const char *label, const char *text)
{
	struct ifreq request = {.ifr_name = ""};
	struct sockaddr_in address = {.sin_family = AF_INET};
	g_strlcpy(request.ifr_name, label, sizeof request.ifr_name);
	assert_int_equal(1, inet_pton(AF_INET, text, &address.sin_addr));
	memcpy(&request.ifr_addr, &address, sizeof address);
	assert_int_equal(0, ioctl(control, SIOCSIFADDR, &request));
	address.sin_addr.s_addr = INADDR_NONE;
	memcpy(&request.ifr_netmask, &address, sizeof address);
	assert_int_equal(0, ioctl(control, SIOCSIFNETMASK, &request));
}

static void give_ipv6(const char *text)
{
	struct in6_ifreq request = {.ifr6_prefixlen = 128, .ifr6_ifindex = 1};
	struct sockaddr_in6 address = {.sin6_family = AF_INET6};
	const int control = socket(AF_INET6, SOCK_DGRAM, 0);
	assert_int_equal(1, inet_pton(AF_INET6, text, &request.ifr6_addr));
	assert_int_equal(0, ioctl(control, SIOCSIFADDR, &request));
	/* The kernel takes it into use a little later. */
	address.sin6_addr = request.ifr6_addr;
	while (bind(control, (const struct sockaddr *)&address, sizeof address) != 0)
		sched_yield();
	close(control);
}

/* Leaves the network of the machine for one that has a loopback interface alone. */
static bool leave_network(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	const int control = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(0, ioctl(control, SIOCSIFFLAGS, &request));
	for (int i = 1; i <= 100; i++) {
		g_autofree char *label = g_strdup_printf("lo:%d", i);
		g_autofree char *address = g_strdup_printf("203.0.113.%d", 100 + i);
		give_ipv4(control, label, address);
	}
	close(control);
	give_ipv6("2001:db8::7");
	return true;
}

static void test_own_addresses(void **state)
{
	(void)state;
	static const char *const own[] = {"203.0.113.200",
					  "::ffff:203.0.113.200",
					  "::ffff:0:203.0.113.200",
					  "64:ff9b::203.0.113.200",
					  "2002:cb00:71c8::1",
					  "2001:0:cb00:71c8::fefe:fefe",
					  "2001:0:101:101::34ff:8e37",
					  "2001:db8::7"};
	static const char *const others[] = {"203.0.113.8", "::ffff:203.0.113.8",
					     "2002:cb00:7108::1", "2001:db8::8"};
	if (!leave_network())
		skip();
	for (size_t i = 0; i < G_N_ELEMENTS(own); i++) {
		if (!is_private(own[i]))
			fail_msg("%s is our own", own[i]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		if (is_private(others[i]))
			fail_msg("%s is not our own", others[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_own_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
