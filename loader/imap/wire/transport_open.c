/*
 * Opens a connection: dial.c connects, curl speaks TLS or STARTTLS on that and reads the greeting (by
 * a proxy it connects, too); then it is decided whether the connection is safe enough for a password
 * (loader/certificate judges the server). opening_fault.c has words for what can go wrong.
 */
#include "loader/base/children.h"
#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "loader/base/secret.h"
#include "loader/certificate/certificate.h"
#include "loader/imap/names/server_words.h"
#include "loader/imap/wire/foreign_internal.h"
#include "loader/imap/wire/opening_internal.h"
#include "queue/base/scoped.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <string.h>

/* A server greets at once; one that has said nothing for so long may be waiting for TLS. */
#define SILENCE_US 1500000
/* --- curl's part ------------------------------------------------------- */

static size_t take_line(char *bytes, size_t size, size_t count, void *context)
{
	struct opening *opening = context;
	char *words = server_words(bytes, size * count);

	/* The first line is the greeting. */
	if (!opening->last_words) {
		opening->preauthenticated =
		    !g_ascii_strncasecmp(words, "* PREAUTH", strlen("* PREAUTH"));
		opening->foreign = *words != '*';
	}
	g_free(opening->last_words);
	opening->last_words = words;
	opening->heard_bytes += size * count;
	if (transport_note_tls(opening->transport) && !opening->server->pin)
		opening->verdict =
		    certificate_judge(opening->trust, opening->transport->curl,
				      opening->server->url, opening->stapled, &opening->refusal);
	/* curl gives up when fewer bytes are taken than it gave. */
	return opening->verdict == CERTIFICATE_GOOD && !opening->foreign &&
		       opening->heard_bytes <= OPENING_BYTES_MAX
		   ? size * count
		   : 0;
}

/* Where a server that expects TLS and a client that expects a greeting wait for each other, curl
 * would wait until the timeout. Called about once a second; 1 ends the connection. */
static int notice_silence(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
			  curl_off_t up_now)
{
	struct opening *opening = context;
	const struct connection_string *server = opening->server;
	CURL *curl = opening->transport->curl;
	curl_off_t connected_us = 0;
	curl_off_t passed_us = 0;

	(void)total;
	(void)now;
	(void)up_total;
	(void)up_now;
	if (server->ssl || server->proxy || opening->last_words || opening->asked_for_tls)
		return 0;
	curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connected_us);
	curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &passed_us);

	g_autofree char *address = opening_address(opening);

	if (connected_us == 0 || passed_us - connected_us < SILENCE_US || !address)
		return 0;
	opening->asked_for_tls = true;
	opening->speaks_tls = foreign_speaks_tls(server->url, address, server->port, PROBE_MS);
	return opening->speaks_tls;
}

/* An IPv6 address needs brackets in a URL. */
static char *format_url(const struct connection_string *server)
{
	/* Only an address has colons: names with one have been refused. */
	bool ipv6 = strchr(server->url, ':') != NULL;

	return g_strdup_printf("%s://%s%s%s:%u/", server->ssl ? "imaps" : "imap", ipv6 ? "[" : "",
			       server->url, ipv6 ? "]" : "", server->port);
}

/* --- the connection ---------------------------------------------------- */

/* Caller frees. */
static char *format_address(const struct sockaddr_storage *peer)
{
	char text[INET6_ADDRSTRLEN] = "";
	const void *bytes =
	    peer->ss_family == AF_INET6
		? (const void *)&((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr
		: (const void *)&((const struct sockaddr_in *)(const void *)peer)->sin_addr;

	inet_ntop(peer->ss_family, bytes, text, sizeof text);
	return g_strdup(text);
}

/* curl 8.14 no longer tells the address of a connection whose handshake failed, so that it is asked about proxies
 * alone. */
char *opening_address(const struct opening *opening)
{
	const char *address = NULL;

	if (!opening->server->proxy)
		return opening->dialled.address.size > 0
			   ? format_address(&opening->dialled.address.peer)
			   : NULL;
	curl_easy_getinfo(opening->transport->curl, CURLINFO_PRIMARY_IP, &address);
	return address && *address ? g_strdup(address) : NULL;
}

/* "imap.example.com:993:192.0.2.1": so curl asks no name server. */
static char *format_resolved(const struct connection_string *server,
			     const struct dial_address *address)
{
	g_autofree char *text = format_address(&address->peer);

	return g_strdup_printf("%s:%u:%s", server->url, server->port, text);
}

/* The descriptor is curl's from now on. */
static curl_socket_t give_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct opening *opening = context;

	(void)purpose;
	(void)address;
	return descriptor_steal(&opening->dialled.descriptor);
}

/* dial() has connected the socket: curl is not to do so once more. */
static int say_connected(void *context, curl_socket_t socket, curlsocktype purpose)
{
	(void)context;
	(void)socket;
	(void)purpose;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static int connect_first(struct opening *opening, struct error *err)
{
	const struct connection_string *server = opening->server;
	CURL *curl = opening->transport->curl;
	enum dial_end end =
	    dial(server->url, server->port, opening->deadline_ms, &opening->dialled);

	if (end != DIAL_CONNECTED)
		return opening_explain_dial(opening, end, err);

	g_autofree char *resolved = format_resolved(server, &opening->dialled.address);

	opening->resolved = curl_slist_append(NULL, resolved);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, opening->resolved);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, give_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, opening);
	curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, say_connected);
	return 0;
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
	/* 0 would mean curl's own deadline. */
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)clock_left_ms(opening->deadline_ms) + 1);
	curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)server->timeout_s);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, opening->curl_text);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_line);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, opening);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, notice_silence);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, opening);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	/* Proxies of the environment are meant for browsers. */
	curl_easy_setopt(curl, CURLOPT_PROXY, server->proxy ? server->proxy : "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
	/* STARTTLS where it is offered; check_clear() decides about a connection that stays in
	 * clear. */
	curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
	certificate_prepare(opening->trust, curl, opening->stapled);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION,
			 (long)(!strcmp(server->min_tls, "1.3") ? CURL_SSLVERSION_TLSv1_3
								: CURL_SSLVERSION_TLSv1_2));
	curl_easy_setopt(curl, CURLOPT_SSLCERT, server->client_certificate);
	curl_easy_setopt(curl, CURLOPT_SSLKEY, server->client_certificate);
	if (server->pin) {
		/* The key decides: who shows it is the server, whoever has signed it. */
		curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, server->pin);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

/* They point into struct opening, which ends before the connection does. */
static void unset_options(CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, NULL);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, NULL);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 1L);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, NULL);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, NULL);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, NULL);
}

static void release_dialled(struct opening *opening)
{
	if (opening->dialled.descriptor >= 0)
		close(opening->dialled.descriptor);
	curl_slist_free_all(opening->resolved);
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

	if (!facts->tls && server->pin)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s port %u offers no TLS, and pin= demands it", server->url,
				 server->port);
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
	struct sockaddr_storage peer = {0};
	socklen_t size = sizeof peer;

	curl_easy_getinfo(transport->curl, CURLINFO_ACTIVESOCKET, &transport->socket);
	/* The socket's own: curl may have found another address of the name. */
	if (getpeername(transport->socket, (struct sockaddr *)&peer, &size) == 0)
		transport->facts.peer_address = format_address(&peer);
	transport->facts.preauthenticated = opening->preauthenticated;
	transport->greeting =
	    transport->facts.preauthenticated ? "* PREAUTH ready\r\n" : "* OK ready\r\n";
	transport_begin(transport, opening->server->timeout_s * 1000);
	unset_options(transport->curl);
}

/* curl_global_init() must not run twice at the same time. */
void transport_prepare(void)
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
	supervise_note_peer(transport->host);
	opening->deadline_ms = clock_monotonic_ms() + (int64_t)opening->server->timeout_s * 1000;
	if (!opening->server->proxy && connect_first(opening, err) < 0)
		return -1;
	set_options(opening, url);

	CURLcode code = curl_easy_perform(transport->curl);

	release_dialled(opening);

	g_autofree char *release = opening->last_words;

	*ret_verdict = opening->verdict;
	if (opening->verdict == CERTIFICATE_STAPLE)
		return 0;
	if (opening->verdict == CERTIFICATE_REFUSED) {
		*err = opening->refusal;
		redact_error(err);
		return -1;
	}
	if (code != CURLE_OK)
		return opening_explain(opening, code, err);
	note_handover(opening);
	return check_clear(opening, err);
}

static void pass_over(int64_t begins_s, int64_t ends_s, void *context)
{
	(void)begins_s;
	(void)ends_s;
	(void)context;
}

/* The file holds a key. curl has one sentence for a certificate that it cannot read and for all else
 * that goes wrong with TLS. */
static int check_client_certificate(const struct connection_string *server, struct error *err)
{
	if (!server->client_certificate)
		return 0;
	if (secret_check_file("clientCert", server->client_certificate, err) != 0)
		return -1;
	if (certificate_file_list(server->client_certificate, pass_over, NULL) > 0)
		return 0;
	return error_set(err, ERROR_CONFIGURATION,
			 "clientCert '%s' holds no certificate that can be read",
			 server->client_certificate);
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

	if (check_client_certificate(server, err) < 0 ||
	    certificate_trust_open(&files, &trust, err) < 0)
		return -1;
	transport_prepare();
	for (int stapled = 0; stapled <= 1; stapled++) {
		scoped(transport_close) struct transport *transport = g_new0(struct transport, 1);
		struct opening opening = {.transport = transport,
					  .server = server,
					  .trust = trust,
					  .dialled.descriptor = -1,
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
