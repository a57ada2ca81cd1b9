/* Words the first failure of a connection: what the server did, and what became of the connection. */
#include "loader/imap/wire/transport_internal.h"

#include <inttypes.h>

/* An answer that nesting.h has kept away. */
static int explain_answer(const struct transport *transport, struct error *err)
{
	const struct nesting *nesting = &transport->nesting;

	switch (nesting->fault) {
	case NESTING_LONG_LITERAL:
		return error_set(err, ERROR_PROTOCOL,
				 "%s began to send %" PRIu64 " bytes where at most %" PRIu64
				 " were to come: the connection was dropped",
				 transport->host, nesting->number,
				 MIN(nesting->literal_max, UINT32_MAX));
	case NESTING_MANY_ANSWERS:
		return error_set(err, ERROR_PROTOCOL,
				 "%s sent more than %u answers to one command, which nobody asked "
				 "for: the connection was dropped",
				 transport->host, nesting->answers_max);
	case NESTING_LARGE_NUMBER:
		return error_set(err, ERROR_PROTOCOL,
				 "%s sent the number %" PRIu64
				 ", and none there is larger than %u: "
				 "the connection was dropped",
				 transport->host, nesting->numbers.value, UINT32_MAX);
	case NESTING_DEEP:
	case NESTING_NO_FAULT:
		break;
	}
	return error_set(err, ERROR_PROTOCOL,
			 "%s sent an answer of more than %d nested parentheses: the connection was "
			 "dropped",
			 transport->host, NESTING_MAX);
}

int transport_explain(const struct transport *transport, struct error *err)
{
	switch (transport->failure) {
	case TRANSPORT_MUTE:
		return error_set(err, ERROR_UNREACHABLE,
				 "no answer from %s within %u s (timeout= sets how long to wait)",
				 transport->host, transport->timeout_ms / 1000);
	case TRANSPORT_FLOOD:
		return error_set(
		    err, ERROR_PROTOCOL,
		    "%s sent more than %u MiB that make no sense: the connection was dropped",
		    transport->host, (unsigned int)(UNPARSED_BYTES_MAX >> 20));
	case TRANSPORT_ENDLESS:
		return error_set(err, ERROR_PROTOCOL,
				 "%s sends and sends, and its answer does not end in the time that "
				 "it may take: the connection was dropped",
				 transport->host);
	case TRANSPORT_TOO_LONG:
		return error_set(err, ERROR_PROTOCOL,
				 "%s sent more than twice what was to come, and some MiB: the "
				 "connection was dropped",
				 transport->host);
	case TRANSPORT_NESTED:
		return explain_answer(transport, err);
	case TRANSPORT_NETWORK:
		return error_set(err, ERROR_UNREACHABLE, "the connection to %s broke: %s",
				 transport->host, curl_easy_strerror(transport->curl_error));
	case TRANSPORT_CLOSED:
	case TRANSPORT_BROKEN:
	case TRANSPORT_FAILED_NOT:
		break;
	}
	return error_set(err, ERROR_UNREACHABLE, "%s closed the connection", transport->host);
}
