#include "loader/imap/wire/transport_internal.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>

/* TLS may hold bytes that the socket does not show, so curl is asked before the socket is. */
static bool take_early(struct transport *transport)
{
	size_t received = 0;

	if (*transport->greeting || transport->early_start < transport->early_end ||
	    transport->failure != TRANSPORT_FAILED_NOT)
		return true;

	CURLcode result =
	    transport_receive(transport, transport->early, sizeof transport->early, &received);

	if (result == CURLE_AGAIN)
		return false;
	transport->early_start = 0;
	transport->early_end = received;
	if (received == 0) {
		transport->curl_error = result;
		transport->failure = result == CURLE_OK ? TRANSPORT_CLOSED : TRANSPORT_NETWORK;
	}
	return true;
}

enum transport_event transport_wait(struct transport *transport, int wake, int64_t timeout_ms)
{
	int64_t end_us = g_get_monotonic_time() + timeout_ms * 1000;

	while (!take_early(transport)) {
		struct pollfd waiting[] = {{.fd = wake, .events = POLLIN},
					   {.fd = transport->socket, .events = POLLIN}};
		int64_t left_ms = (end_us - g_get_monotonic_time() + 999) / 1000;

		if (left_ms <= 0)
			return TRANSPORT_TIME_IS_UP;
		if (poll(waiting, G_N_ELEMENTS(waiting), (int)MIN(left_ms, G_MAXINT)) > 0 &&
		    waiting[0].revents)
			return TRANSPORT_WOKEN;
	}
	return TRANSPORT_READABLE;
}
