/*
 * Opens a connection: curl resolves, connects, speaks TLS or STARTTLS and reads the greeting; then
 * it is decided whether the connection is safe enough for a password (loader/certificate judges the
 * server). Most of the file finds words
 * for what can go wrong, with the way out.
 */
#include "loader/base/children.h"
#include "loader/base/redact.h"
#include "loader/certificate/certificate.h"
#include "loader/imap/names/server_words.h"
#include "loader/imap/wire/transport_internal.h"
#include "queue/base/scoped.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <string.h>

/* The conversation before the handover, for errors. */
struct opening {
	struct transport *transport;
	const struct connection_string *server;
	struct certificate_trust *trust;
	bool stapled; /* the server must bring an answer about its revocation */
	enum certificate_verdict verdict;
	struct error refusal; /* why, where it is CERTIFICATE_REFUSED */
	char curl_text[CURL_ERROR_SIZE];
	char *last_words; /* of the server; NULL: it has said nothing */
	bool preauthenticated;
};

/* --- curl's part ------------------------------------------------------- */

static size_t take_line(char *bytes, size_t size, size_t count, void *context)
{
	struct opening *opening = context;
	char *words = server_words(bytes, size * count);

	/* The first line is the greeting. */
	if (!opening->last_words)
		opening->preauthenticated =
		    !g_ascii_strncasecmp(words, "* PREAUTH", strlen("* PREAUTH"));
	g_free(opening->last_words);
	opening->last_words = words;
	if (transport_note_tls(opening->transport))
		opening->verdict =
		    certificate_judge(opening->trust, opening->transport->curl,
				      opening->server->url, opening->stapled, &opening->refusal);
	/* curl gives up when fewer bytes are taken than it gave. */
	return opening->verdict == CERTIFICATE_GOOD ? size * count : 0;
}

/* An IPv6 address needs brackets in a URL. */
static char *format_url(const struct connection_string *server)
{
	/* Only an address has colons: names with one have been refused. */
	bool ipv6 = strchr(server->url, ':') != NULL;

	return g_strdup_printf("%s://%s%s%s:%u/", server->ssl ? "imaps" : "imap", ipv6 ? "[" : "",
			       server->url, ipv6 ? "]" : "", server->port);
}

/* No option here can fail but for want of memory, which curl_easy_perform() would report, too. */
static void set_options(struct opening *opening, const char *url)
{
	const struct connection_string *server = opening->server;
	CURL *curl = opening->transport->curl;

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "imap,imaps");
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)server->timeout_s * 1000);
	curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)server->timeout_s);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, opening->curl_text);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_line);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, opening);
	/* Proxies of the environment are meant for browsers. */
	curl_easy_setopt(curl, CURLOPT_PROXY, server->proxy ? server->proxy : "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
	/* STARTTLS where it is offered; check_clear() decides about a connection that stays in
	 * clear. */
	curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
	certificate_prepare(opening->trust, curl, opening->stapled);
}

/* They point into struct opening, which ends before the connection does. */
static void unset_options(CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, NULL);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, NULL);
}

/* --- what can go wrong ------------------------------------------------- */

/* With an address the host was reached: then it is silent, most often since one side speaks TLS and
 * the other does not. */
static int explain_timeout(const struct opening *opening, struct error *err)
{
	const struct connection_string *server = opening->server;
	const char *address = NULL;

	curl_easy_getinfo(opening->transport->curl, CURLINFO_PRIMARY_IP, &address);
	if (!address || !*address)
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "no connection to %s port %u within %u s: is a firewall in between?",
		    server->url, server->port, server->timeout_s);
	return error_set(err, ERROR_UNREACHABLE,
			 "%s port %u takes the connection but does not speak within %u s: is it an "
			 "IMAP server, and is ssl=%s right for this port?",
			 server->url, server->port, server->timeout_s,
			 server->ssl ? "True" : "False");
}

static int explain_no_connection(const struct opening *opening, struct error *err)
{
	const struct connection_string *server = opening->server;
	long number = 0;

	curl_easy_getinfo(opening->transport->curl, CURLINFO_OS_ERRNO, &number);
	if (server->proxy)
		return error_set(err, ERROR_UNREACHABLE,
				 "the proxy %s does not take connections: %s", server->proxy,
				 g_strerror((int)number));
	if (number == ECONNREFUSED)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s does not take connections on port %u: is the port right, and "
				 "does the server run?",
				 server->url, server->port);
	return error_set(err, ERROR_UNREACHABLE, "no connection to %s port %u: %s", server->url,
			 server->port, number ? g_strerror((int)number) : opening->curl_text);
}

/* A server that is full says so in its greeting; anything else here is no IMAP server. */
static int explain_greeting(const struct opening *opening, struct error *err)
{
	const struct connection_string *server = opening->server;
	const char *words = opening->last_words ? opening->last_words : "";

	if (g_str_has_prefix(words, "* BYE"))
		return error_set(err, server_words_kind(words + strlen("* BYE"), ERROR_UNREACHABLE),
				 "%s turned the connection away: %s", server->url, words);
	if (!*words)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s port %u closed the connection without a greeting", server->url,
				 server->port);
	return error_set(err, ERROR_UNREACHABLE,
			 "%s port %u does not speak IMAP as it should: it said \"%s\"", server->url,
			 server->port, words);
}

static int explain_tls(const struct opening *opening, struct error *err)
{
	const struct connection_string *server = opening->server;

	return error_set(err, ERROR_UNREACHABLE, "no TLS with %s port %u: %s%s", server->url,
			 server->port, opening->curl_text,
			 server->ssl ? " (a port that begins in clear needs ssl=False)" : "");
}

/* curl's words may repeat what a certificate says; a text that it has cut may end within a secret. */
static void clean_curl_text(char *text, CURLcode code)
{
	const size_t size = strlen(text);
	g_autofree char *clean =
	    size < CURL_ERROR_SIZE - 1 ? redact(text, size) : g_strdup(curl_easy_strerror(code));

	g_strlcpy(text, clean, CURL_ERROR_SIZE);
}

static int explain(const struct opening *opening, CURLcode code, struct error *err)
{
	const struct connection_string *server = opening->server;
	const char *text = *opening->curl_text ? opening->curl_text : curl_easy_strerror(code);

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return error_set(err, ERROR_UNREACHABLE, "no host named %s is known", server->url);
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_PROXY:
		return error_set(err, ERROR_UNREACHABLE,
				 "the connection through the proxy %s failed: %s", server->proxy,
				 text);
	case CURLE_COULDNT_CONNECT:
		return explain_no_connection(opening, err);
	case CURLE_OPERATION_TIMEDOUT:
		return explain_timeout(opening, err);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return certificate_explain(opening->trust, opening->transport->curl, server->url,
					   opening->stapled, text, err);
	case CURLE_SSL_CACERT_BADFILE:
		return error_set(err, ERROR_CONFIGURATION,
				 "caFile '%s' holds no certificate that can be read",
				 server->ca_file ? server->ca_file : "of the system");
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_USE_SSL_FAILED:
		return explain_tls(opening, err);
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
		return explain_greeting(opening, err);
	default:
		return error_set(err, ERROR_UNREACHABLE, "no connection to %s port %u: %s",
				 server->url, server->port, text);
	}
}

/* --- the decision ------------------------------------------------------ */

static bool is_loopback(const char *address)
{
	struct in_addr ipv4;
	struct in6_addr ipv6;

	if (inet_pton(AF_INET, address, &ipv4) == 1)
		return ntohl(ipv4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &ipv6) == 1 && IN6_IS_ADDR_LOOPBACK(&ipv6);
}

/*
 * Refuses a connection in clear that leaves this machine. The connection's own address decides, not
 * the name; behind a proxy it is the proxy's, which says nothing of the server. A server that
 * offers no STARTTLS may be an attacker in between who hides it, so there is no falling back.
 */
static int check_clear(const struct opening *opening, struct error *err)
{
	const struct connection_string *server = opening->server;
	const struct transport_facts *facts = &opening->transport->facts;

	if (facts->tls || server->insecure)
		return 0;
	if (facts->peer_address && !server->proxy && is_loopback(facts->peer_address))
		return 0;
	return error_set(err, ERROR_UNREACHABLE,
			 "%s port %u offers no TLS, so the password would cross the network in "
			 "clear: use ssl=True with the server's TLS port, or allow it with "
			 "insecure=True",
			 server->url, server->port);
}

/* curl has read the greeting, which libetpan expects to read itself: it gets one that says the
 * same, and that its parser is sure to understand. */
static void note_handover(struct opening *opening)
{
	struct transport *transport = opening->transport;
	char *address = NULL;

	curl_easy_getinfo(transport->curl, CURLINFO_ACTIVESOCKET, &transport->socket);
	if (curl_easy_getinfo(transport->curl, CURLINFO_PRIMARY_IP, &address) == CURLE_OK)
		transport->facts.peer_address = g_strdup(address);
	transport->facts.preauthenticated = opening->preauthenticated;
	transport->greeting =
	    transport->facts.preauthenticated ? "* PREAUTH ready\r\n" : "* OK ready\r\n";
	transport_begin(transport, opening->server->timeout_s * 1000);
	unset_options(transport->curl);
}

/* curl_global_init() must not run twice at the same time. */
static void init_curl(void)
{
	static gsize done = 0;

	if (g_once_init_enter(&done)) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		g_once_init_leave(&done, 1);
	}
}

/* One connection. *ret_verdict is CERTIFICATE_STAPLE where it has to be made again, stapled. */
static int open_once(struct opening *opening, enum certificate_verdict *ret_verdict,
		     struct error *err)
{
	struct transport *transport = opening->transport;
	g_autofree char *url = format_url(opening->server);

	transport->host = g_strdup(opening->server->url);
	transport->curl = curl_easy_init();
	if (!transport->curl)
		return error_set(err, ERROR_SOFTWARE, "curl cannot be started");
	set_options(opening, url);
	supervise_note_peer(transport->host);

	CURLcode code = curl_easy_perform(transport->curl);
	g_autofree char *release = opening->last_words;

	*ret_verdict = opening->verdict;
	if (opening->verdict == CERTIFICATE_STAPLE)
		return 0;
	if (opening->verdict == CERTIFICATE_REFUSED) {
		*err = opening->refusal;
		redact_error(err);
		return -1;
	}
	clean_curl_text(opening->curl_text, code);
	if (code != CURLE_OK)
		return explain(opening, code, err);
	note_handover(opening);
	return check_clear(opening, err);
}

int transport_open(const struct connection_string *server, struct transport **ret_transport,
		   struct error *err)
{
	scoped(certificate_trust_close) struct certificate_trust *trust = NULL;
	const struct certificate_files files = {.ca_file = server->ca_file,
						.crl_file = server->crl_file,
						.ca_option = "caFile",
						.crl_option = "crlFile"};
	enum certificate_verdict verdict = CERTIFICATE_STAPLE;

	if (certificate_trust_open(&files, &trust, err) < 0)
		return -1;
	init_curl();
	for (int stapled = 0; stapled <= 1; stapled++) {
		scoped(transport_close) struct transport *transport = g_new0(struct transport, 1);
		struct opening opening = {.transport = transport,
					  .server = server,
					  .trust = trust,
					  .stapled = stapled != 0};

		if (open_once(&opening, &verdict, err) < 0)
			return -1;
		if (verdict == CERTIFICATE_GOOD) {
			*ret_transport = steal(&transport);
			break;
		}
	}
	return 0;
}
