/*
 * Words what can go wrong while a connection is opened, with the way out: no host, no port, no TLS,
 * another protocol, a server that turns us away.
 */
#include "loader/base/redact.h"
#include "loader/imap/names/server_words.h"
#include "loader/imap/wire/foreign_internal.h"
#include "loader/imap/wire/opening_internal.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

int opening_explain_dial(const struct opening *opening, enum dial_end end, struct error *err)
{
	const struct connection_string *server = opening->server;

	switch (end) {
	case DIAL_UNKNOWN:
		return error_set(err, ERROR_UNREACHABLE, "no host named %s is known", server->url);
	case DIAL_NO_NAME_IN_TIME:
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "no name server answers within %u s where %s is: is the network up?",
		    server->timeout_s, server->url);
	case DIAL_NO_CONNECTION_IN_TIME:
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "no connection to %s port %u within %u s: is a firewall in between?",
		    server->url, server->port, server->timeout_s);
	default:
		break;
	}
	if (opening->dialled.number == ECONNREFUSED)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s does not take connections on port %u: is the port right, and "
				 "does the server run?",
				 server->url, server->port);
	return error_set(err, ERROR_UNREACHABLE, "no connection to %s port %u: %s", server->url,
			 server->port, g_strerror(opening->dialled.number));
}

/* The host, or the proxy, was reached, and it is silent: most often since one side speaks TLS and the
 * other does not. */
static int explain_timeout(const struct opening *opening, struct error *err)
{
	const struct connection_string *server = opening->server;
	g_autofree char *address = opening_address(opening);

	if (!address)
		return opening_explain_dial(opening, DIAL_NO_CONNECTION_IN_TIME, err);
	return error_set(err, ERROR_UNREACHABLE,
			 "%s port %u takes the connection but does not speak within %u s: is it an "
			 "IMAP server, and is ssl=%s right for this port?",
			 server->url, server->port, server->timeout_s,
			 server->ssl ? "True" : "False");
}

/* Of the proxy: dial.c connects to all others. */
static int explain_no_connection(const struct opening *opening, struct error *err)
{
	const struct connection_string *server = opening->server;
	long number = 0;

	curl_easy_getinfo(opening->transport->curl, CURLINFO_OS_ERRNO, &number);
	return error_set(err, ERROR_UNREACHABLE, "the proxy %s does not take connections: %s",
			 server->proxy ? server->proxy : server->url,
			 number ? g_strerror((int)number) : opening->curl_text);
}

/* curl shows nothing of a line that it has no room for, but counts it as it comes; from 8.6 on it has a code of its
 * own for that. No greeting is as long. */
static bool is_too_long(const struct opening *opening, CURLcode code)
{
	long size = 0;

#if LIBCURL_VERSION_NUM >= 0x080600
	if (code == CURLE_TOO_LARGE)
		return true;
#endif
	curl_easy_getinfo(opening->transport->curl, CURLINFO_HEADER_SIZE, &size);
	return code == CURLE_RECV_ERROR && size > OPENING_BYTES_MAX;
}

/* A server that is full says so in its greeting; anything else here is no IMAP server. */
static int explain_greeting(const struct opening *opening, CURLcode code, struct error *err)
{
	const struct connection_string *server = opening->server;
	const char *words = opening->last_words ? opening->last_words : "";

	if (g_str_has_prefix(words, "* BYE")) {
		g_autofree char *did =
		    g_strdup_printf("%s turned the connection away", server->url);

		return server_words_explain(err, ERROR_UNREACHABLE, did,
					    words + strlen("* BYE") + strspn(words + 5, " "));
	}
	if (!*words && is_too_long(opening, code))
		return error_set(err, ERROR_PROTOCOL,
				 "%s port %u does not speak IMAP as it should: its first line is "
				 "longer than any greeting",
				 server->url, server->port);
	if (!*words)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s port %u closed the connection without a greeting", server->url,
				 server->port);
	if (foreign_name(words))
		return error_set(err, ERROR_UNREACHABLE,
				 "%s port %u answers \"%s\": %s, and no IMAP server", server->url,
				 server->port, words, foreign_name(words));
	/* One that began as IMAP does is a server for mail, and there is something wrong with it. */
	return error_set(err, opening->foreign ? ERROR_UNREACHABLE : ERROR_PROTOCOL,
			 "%s port %u does not speak IMAP as it should: it said \"%s\"", server->url,
			 server->port, words);
}

/* The TLS library has swallowed what a server says that speaks none: it is asked once more. */
static int explain_tls(const struct opening *opening, struct error *err)
{
	const struct connection_string *server = opening->server;
	g_autofree char *address = opening_address(opening);
	g_autofree char *words = NULL;

	if (server->ssl && !server->proxy && address)
		words = foreign_listen(address, server->port, PROBE_MS);
	if (certificate_explain_handshake(server->url, opening->curl_text, err) != 0)
		return -1;
	if (words && foreign_name(words))
		return error_set(err, ERROR_UNREACHABLE,
				 "%s port %u answers \"%s\" without TLS: %s, and no IMAP server",
				 server->url, server->port, words, foreign_name(words));
	if (words && *words == '*')
		return error_set(err, ERROR_UNREACHABLE,
				 "%s port %u answers \"%s\" without TLS: this port begins in clear "
				 "and needs ssl=False, with which STARTTLS follows",
				 server->url, server->port, words);
	return error_set(err, ERROR_UNREACHABLE, "no TLS %s or newer with %s port %u: %s%s",
			 server->min_tls, server->url, server->port, opening->curl_text,
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

int opening_explain(struct opening *opening, CURLcode code, struct error *err)
{
	const struct connection_string *server = opening->server;

	clean_curl_text(opening->curl_text, code);

	const char *text = *opening->curl_text ? opening->curl_text : curl_easy_strerror(code);

	if (opening->foreign || opening->heard_bytes > OPENING_BYTES_MAX)
		return explain_greeting(opening, code, err);
	if (opening->speaks_tls)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s port %u speaks TLS from the first byte: it needs ssl=True",
				 server->url, server->port);
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
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return error_set(err, ERROR_UNREACHABLE,
				 "%s shows another public key than pin= names: if its key was "
				 "replaced, pin the new one, else somebody is in between",
				 server->url);
	case CURLE_SSL_CACERT_BADFILE:
		return error_set(err, ERROR_CONFIGURATION,
				 "caFile '%s' holds no certificate that can be read",
				 server->ca_file ? server->ca_file : "of the system");
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_USE_SSL_FAILED:
		return explain_tls(opening, err);
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE:
#endif
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
		return explain_greeting(opening, code, err);
	default:
		return error_set(err, ERROR_UNREACHABLE, "no connection to %s port %u: %s",
				 server->url, server->port, text);
	}
}
