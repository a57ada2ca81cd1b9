/*
 * Recognises by its first bytes what answers where IMAP should be: another protocol, TLS where the
 * queue expects none, or none where it expects TLS.
 */
#include "loader/imap/wire/foreign_internal.h"

#include "loader/imap/names/server_words.h"
#include "queue/base/scoped.h"

#include <arpa/inet.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *foreign_name(const char *words)
{
	static const struct {
		const char *start;
		const char *inside; /* stands in the line as well; NULL: anything may */
		const char *name;
	} known[] = {
	    {"+OK", NULL, "a POP3 server"},   {"-ERR", NULL, "a POP3 server"},
	    {"220", "FTP", "an FTP server"},  {"220", NULL, "an SMTP server"},
	    {"421", NULL, "an SMTP server"},  {"554", NULL, "an SMTP server"},
	    {"200", "NNTP", "a news server"}, {"HTTP/", NULL, "a web server"},
	    {"SSH-", NULL, "an SSH server"},  {"\"IMPLEMENTATION\"", NULL, "a ManageSieve server"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
		if (g_str_has_prefix(words, known[i].start) &&
		    (!known[i].inside || strstr(words, known[i].inside)))
			return known[i].name;
	}
	return NULL;
}

static bool await(int descriptor, short events, int wait_ms)
{
	struct pollfd poll_fd = {.fd = descriptor, .events = events};

	return poll(&poll_fd, 1, wait_ms) > 0;
}

static socklen_t fill_address(const char *address, uint16_t port, struct sockaddr_storage *ret_peer)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)ret_peer;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)ret_peer;

	memset(ret_peer, 0, sizeof *ret_peer);
	if (inet_pton(AF_INET, address, &ipv4->sin_addr) == 1) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(port);
		return sizeof *ipv4;
	}
	if (inet_pton(AF_INET6, address, &ipv6->sin6_addr) != 1)
		return 0;
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons(port);
	return sizeof *ipv6;
}

static bool is_connected(int descriptor, const struct sockaddr_storage *peer, socklen_t size,
			 int wait_ms)
{
	int fault = 0;
	socklen_t fault_size = sizeof fault;

	if (connect(descriptor, (const struct sockaddr *)peer, size) == 0)
		return true;
	return await(descriptor, POLLOUT, wait_ms) &&
	       getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &fault, &fault_size) == 0 && fault == 0;
}

/* Non-blocking; -1 where there is no connection. */
static int connect_within(const char *address, uint16_t port, int wait_ms)
{
	struct sockaddr_storage peer;
	socklen_t size = fill_address(address, port, &peer);
	int descriptor =
	    size > 0 ? socket(peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;

	if (descriptor >= 0 && !is_connected(descriptor, &peer, size, wait_ms)) {
		close(descriptor);
		return -1;
	}
	return descriptor;
}

char *foreign_listen(const char *address, uint16_t port, int wait_ms)
{
	char bytes[512];
	scoped(descriptor_close) int descriptor = connect_within(address, port, wait_ms);

	if (descriptor < 0 || !await(descriptor, POLLIN, wait_ms))
		return NULL;

	ssize_t got = recv(descriptor, bytes, sizeof bytes, 0);

	if (got <= 0)
		return NULL;

	const char *end = memchr(bytes, '\n', (size_t)got);

	return server_words(bytes, end ? (size_t)(end - bytes) : (size_t)got);
}

/* True also where the handshake fails: a server that sends an alert speaks TLS. */
static bool shake_hands(gnutls_session_t tls)
{
	int result;

	do
		result = gnutls_handshake(tls);
	while (result == GNUTLS_E_INTERRUPTED || result == GNUTLS_E_WARNING_ALERT_RECEIVED);
	return result == GNUTLS_E_SUCCESS || result == GNUTLS_E_FATAL_ALERT_RECEIVED;
}

bool foreign_speaks_tls(const char *host, const char *address, uint16_t port, int wait_ms)
{
	scoped(descriptor_close) int descriptor = connect_within(address, port, wait_ms);
	gnutls_certificate_credentials_t none = NULL;
	gnutls_session_t tls = NULL;
	bool speaks = false;

	if (descriptor < 0 || gnutls_certificate_allocate_credentials(&none) < 0)
		return false;
	if (gnutls_init(&tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) >= 0) {
		gnutls_set_default_priority(tls);
		gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, none);
		if (strcmp(host, address) != 0)
			gnutls_server_name_set(tls, GNUTLS_NAME_DNS, host, strlen(host));
		gnutls_transport_set_int(tls, descriptor);
		gnutls_handshake_set_timeout(tls, (unsigned)wait_ms);
		speaks = shake_hands(tls);
		gnutls_deinit(tls);
	}
	gnutls_certificate_free_credentials(none);
	return speaks;
}
