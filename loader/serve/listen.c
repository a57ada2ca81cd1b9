/* Opens the socket that is listened on, and refuses to be heard in the clear by other machines. */
#include "loader/serve/listen_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UNIX_PREFIX "unix:"

enum { FIRST_PASSED = 3, BACKLOG = 1024 };

union listen_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

void listen_format_peer(const struct sockaddr *address, char *text, size_t room)
{
	const void *number = NULL;
	if (address != NULL && address->sa_family == AF_INET)
		number = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	else if (address != NULL && address->sa_family == AF_INET6)
		number = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	if (number == NULL || inet_ntop(address->sa_family, number, text, (socklen_t)room) == NULL)
		g_strlcpy(text, "local", room);
}

/* ---- whom it reaches ---- */

static bool is_this_machine(const union listen_address *address)
{
	switch (address->any.sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
	default:
		return false;
	}
}

/* On a socket of IPv6, a caller of IPv4 has a mapped address. */
void listen_format_network(const struct sockaddr *address, char *text, size_t room)
{
	union listen_address network = {0};
	*text = '\0';
	if (address != NULL && address->sa_family == AF_INET6) {
		const struct in6_addr *number =
		    &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(number)) {
			network.v4.sin_family = AF_INET;
			memcpy(&network.v4.sin_addr, &number->s6_addr[12], 4);
		} else if (!IN6_IS_ADDR_LOOPBACK(number)) {
			network.v6.sin6_family = AF_INET6;
			memcpy(&network.v6.sin6_addr, number, 8);
		}
		address = network.any.sa_family != AF_UNSPEC ? &network.any : NULL;
	}
	if (address != NULL && !is_this_machine((const void *)address))
		listen_format_peer(address, text, room);
}

static uint16_t port_of(const union listen_address *address)
{
	return ntohs(address->any.sa_family == AF_INET6 ? address->v6.sin6_port
							: address->v4.sin_port);
}

/* The kernel may have chosen the port. */
static int describe(const struct serve_options *options, struct listen_socket *opened,
		    struct error *err)
{
	union listen_address address = {0};
	socklen_t length = sizeof address;
	char text[INET6_ADDRSTRLEN];
	if (getsockname(opened->descriptor, &address.any, &length) != 0)
		return error_set(err, ERROR_IO, "the socket that was passed: %s",
				 g_strerror(errno));
	opened->is_local = address.any.sa_family == AF_UNIX;
	if (!is_this_machine(&address) && options->certificate == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "other machines would send their tokens in the clear: give "
				 "--tls-certificate and --tls-key, or listen on 127.0.0.1 with a "
				 "proxy in front");
	if (opened->is_local) {
		opened->host = g_strdup("");
		opened->address = g_strconcat(UNIX_PREFIX, address.local.sun_path, NULL);
		return 0;
	}
	listen_format_peer(&address.any, text, sizeof text);
	const bool v6 = address.any.sa_family == AF_INET6;
	opened->host = g_strdup_printf(v6 ? "[%s]" : "%s", text);
	opened->address =
	    g_strdup_printf("%s://%s:%u", options->certificate != NULL ? "https" : "http",
			    opened->host, port_of(&address));
	return 0;
}

/* ---- opening ---- */

/* A socket that nobody listens on is what an earlier run has left. */
static void forget_old(const struct sockaddr_un *address)
{
	struct stat status;
	if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
		return;
	const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe >= 0 &&
	    connect(probe, (const struct sockaddr *)(const void *)address, sizeof *address) != 0 &&
	    errno == ECONNREFUSED)
		unlink(address->sun_path);
	if (probe >= 0)
		close(probe);
}

static int parse_local(const char *path, union listen_address *ret_address, socklen_t *ret_length,
		       struct error *err)
{
	if (*path == '\0' || strlen(path) >= sizeof ret_address->local.sun_path)
		return error_set(err, ERROR_USAGE,
				 "--listen unix:PATH takes a path of 1 to %zu bytes",
				 sizeof ret_address->local.sun_path - 1);
	ret_address->local.sun_family = AF_UNIX;
	g_strlcpy(ret_address->local.sun_path, path, sizeof ret_address->local.sun_path);
	*ret_length = sizeof ret_address->local;
	return 0;
}

static int parse_address(const char *text, union listen_address *ret_address, socklen_t *ret_length,
			 struct error *err)
{
	*ret_address = (union listen_address){0};
	if (g_str_has_prefix(text, UNIX_PREFIX))
		return parse_local(text + strlen(UNIX_PREFIX), ret_address, ret_length, err);
	const char *colon = strrchr(text, ':');
	g_autofree char *host = g_strndup(text, colon != NULL ? (gsize)(colon - text) : 0);
	const size_t size = strlen(host);
	guint64 port = 0;
	const bool v6 = size > 2 && host[0] == '[' && host[size - 1] == ']';
	if (v6)
		host[size - 1] = '\0';
	const int family = v6 ? AF_INET6 : AF_INET;
	void *number = v6 ? (void *)&ret_address->v6.sin6_addr : (void *)&ret_address->v4.sin_addr;
	if (colon == NULL || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL) ||
	    inet_pton(family, v6 ? host + 1 : host, number) != 1)
		return error_set(err, ERROR_USAGE,
				 "--listen takes an address and a port, or the path of a socket: "
				 "127.0.0.1:8480, [::1]:8480, unix:/run/inqueue/serve.sock");
	ret_address->any.sa_family = (sa_family_t)family;
	*(v6 ? &ret_address->v6.sin6_port : &ret_address->v4.sin_port) = htons((uint16_t)port);
	*ret_length = v6 ? sizeof ret_address->v6 : sizeof ret_address->v4;
	return 0;
}

static int open_own(const struct serve_options *options, int *ret_descriptor, struct error *err)
{
	union listen_address address;
	socklen_t length;
	const int on = 1;
	if (parse_address(options->listen, &address, &length, err) != 0)
		return -1;
	if (address.any.sa_family == AF_UNIX)
		forget_old(&address.local);
	const int opened =
	    socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const mode_t mask = umask(0177);
	const bool listens =
	    opened >= 0 && setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    bind(opened, &address.any, length) == 0 && listen(opened, BACKLOG) == 0;
	const int number = errno;
	umask(mask);
	if (listens) {
		*ret_descriptor = opened;
		return 0;
	}
	if (opened >= 0)
		close(opened);
	return error_set(err, ERROR_IO, "--listen %s: %s", options->listen, g_strerror(number));
}

/* -1 where there is none for this process. Source: sd_listen_fds(3). */
static int passed_socket(void)
{
	const char *process = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	if (process == NULL || count == NULL || strtol(process, NULL, 10) != (long)getpid() ||
	    strtol(count, NULL, 10) < 1)
		return -1;
	fcntl(FIRST_PASSED, F_SETFD, FD_CLOEXEC);
	fcntl(FIRST_PASSED, F_SETFL, O_NONBLOCK);
	return FIRST_PASSED;
}

int listen_open(const struct serve_options *options, struct listen_socket *ret_socket,
		struct error *err)
{
	struct listen_socket opened = {.descriptor = passed_socket()};
	if (opened.descriptor < 0 && open_own(options, &opened.descriptor, err) != 0)
		return -1;
	if (describe(options, &opened, err) != 0) {
		listen_close(&opened);
		return -1;
	}
	*ret_socket = opened;
	return 0;
}

void listen_close(struct listen_socket *socket)
{
	if (socket->descriptor >= 0)
		close(socket->descriptor);
	socket->descriptor = -1;
	g_clear_pointer(&socket->address, g_free);
	g_clear_pointer(&socket->host, g_free);
}
