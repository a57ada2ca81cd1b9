/*
 * Carries bytes between the server and libetpan: the driver under libetpan's stream. It never
 * returns 0, which libetpan takes for a reason to ask again for ever, waits no longer than a
 * command may, and breaks the connection for good at the first failure. Between commands it waits
 * for news.
 */
#include "loader/imap/wire/protocol_log.h"
#include "loader/imap/wire/transport_internal.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM_BUFFER_SIZE   ((size_t)16 * 1024)
#define SLOWEST_BYTES_PER_S  (INT64_C(16) * 1024)
#define MICROSECONDS_PER_SEC 1000000
#define MARGIN_ANSWERS	     1000
#define MARGIN_LITERAL_BYTES (UINT64_C(1) * 1024 * 1024)
/* For all that comes beside what was asked for. */
#define MARGIN_BYTES (UINT64_C(4) * 1024 * 1024)
/* Whatever a server announces, sums stay numbers. */
#define EXPECTED_BYTES_MAX (UINT64_C(1) << 50)

/* The first failure is the one to be explained; later ones follow from it. */
static ssize_t fail(struct transport *transport, enum transport_failure failure)
{
	if (transport->failure == TRANSPORT_FAILED_NOT)
		transport->failure = failure;
	return -1;
}

/* Returns 0 when the socket is ready, -1 when the time for waiting is used up. Only waiting counts:
 * libetpan and callbacks may take their time. */
static int wait_for_socket(struct transport *transport, short events)
{
	struct pollfd poll_fd = {.fd = transport->socket, .events = events};

	while (transport->wait_left_us > 0 && transport->total_left_us > 0) {
		const int64_t start_us = g_get_monotonic_time();
		const int64_t left_us = MIN(transport->wait_left_us, transport->total_left_us);
		int ready = poll(&poll_fd, 1, (int)(left_us / 1000) + 1);
		const int64_t waited_us = g_get_monotonic_time() - start_us;

		transport->wait_left_us -= waited_us;
		transport->total_left_us -= waited_us;
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return (int)fail(transport, TRANSPORT_NETWORK);
	}
	return (int)fail(transport,
			 transport->wait_left_us > 0 ? TRANSPORT_ENDLESS : TRANSPORT_MUTE);
}

/* Bytes give time back, so that a large message needs no longer timeout than a small one. */
static int64_t earn_time(struct transport *transport, size_t size)
{
	int64_t earned_us = (int64_t)size * MICROSECONDS_PER_SEC / SLOWEST_BYTES_PER_S;
	int64_t full_us = (int64_t)transport->timeout_ms * 1000;

	transport->wait_left_us = MIN(full_us, transport->wait_left_us + earned_us);
	return earned_us;
}

/* What has come is a sign of life, but also counts against what the command may bring, and against what libetpan
 * may hold that nobody has taken from it yet. */
static ssize_t count_received(struct transport *transport, size_t size)
{
	earn_time(transport, size);
	transport->unparsed_bytes += size;
	if (transport->unparsed_bytes > UNPARSED_BYTES_MAX)
		return fail(transport, TRANSPORT_FLOOD);
	if (size > transport->bytes_left)
		return fail(transport, TRANSPORT_TOO_LONG);
	transport->bytes_left -= size;
	return (ssize_t)size;
}

/* As curl_easy_recv(), which it calls unless the socket was adopted. */
static CURLcode receive(struct transport *transport, void *bytes, size_t size, size_t *ret_received)
{
	if (transport->curl)
		return curl_easy_recv(transport->curl, bytes, size, ret_received);

	ssize_t received = recv(transport->socket, bytes, size, MSG_DONTWAIT);

	*ret_received = received > 0 ? (size_t)received : 0;
	if (received >= 0)
		return CURLE_OK;
	return errno == EAGAIN || errno == EINTR ? CURLE_AGAIN : CURLE_RECV_ERROR;
}

/* As curl_easy_send(), likewise. */
static CURLcode deliver(struct transport *transport, const void *bytes, size_t size,
			size_t *ret_sent)
{
	if (transport->curl)
		return curl_easy_send(transport->curl, bytes, size, ret_sent);

	ssize_t sent = send(transport->socket, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	*ret_sent = sent > 0 ? (size_t)sent : 0;
	if (sent >= 0)
		return CURLE_OK;
	return errno == EAGAIN || errno == EINTR ? CURLE_AGAIN : CURLE_SEND_ERROR;
}

static ssize_t read_greeting(struct transport *transport, void *bytes, size_t size)
{
	size_t length = MIN(size, strlen(transport->greeting));

	memcpy(bytes, transport->greeting, length);
	transport->greeting += length;
	return (ssize_t)length;
}

static ssize_t read_early(struct transport *transport, void *bytes, size_t size)
{
	size_t length = MIN(size, transport->early_end - transport->early_start);

	memcpy(bytes, transport->early + transport->early_start, length);
	transport->early_start += length;
	return count_received(transport, length);
}

/* The greeting and what transport_wait() has read come before what the socket has. */
static ssize_t read_bytes(struct transport *transport, void *bytes, size_t size)
{
	while (transport->failure == TRANSPORT_FAILED_NOT) {
		size_t received = 0;

		if (*transport->greeting)
			return read_greeting(transport, bytes, size);
		if (transport->early_start < transport->early_end)
			return read_early(transport, bytes, size);
		transport->curl_error = receive(transport, bytes, size, &received);
		if (transport->curl_error == CURLE_OK && received > 0)
			return count_received(transport, received);
		if (transport->curl_error == CURLE_OK)
			return fail(transport, TRANSPORT_CLOSED);
		if (transport->curl_error != CURLE_AGAIN)
			return fail(transport, TRANSPORT_NETWORK);
		wait_for_socket(transport, POLLIN);
	}
	return -1;
}

static ssize_t write_bytes(struct transport *transport, const void *bytes, size_t size)
{
	while (transport->failure == TRANSPORT_FAILED_NOT) {
		size_t sent = 0;

		transport->curl_error = deliver(transport, bytes, size, &sent);
		if (transport->curl_error == CURLE_OK) {
			/* Only we decide how much that is. */
			transport->total_left_us += earn_time(transport, sent);
			return (ssize_t)sent;
		}
		if (transport->curl_error != CURLE_AGAIN)
			return fail(transport, TRANSPORT_NETWORK);
		wait_for_socket(transport, POLLOUT);
	}
	return -1;
}

/* libetpan parses nothing that has not passed nesting.h. */
static ssize_t driver_read(mailstream_low *low, void *bytes, size_t size)
{
	struct transport *transport = low->data;
	ssize_t got = read_bytes(transport, bytes, size);

	if (got > 0)
		protocol_log_put(transport->log, PROTOCOL_SERVER, bytes, (size_t)got,
				 transport->hidden);
	if (got > 0 && nesting_feed(&transport->nesting, bytes, (size_t)got) != 0)
		return fail(transport, TRANSPORT_NESTED);
	return got;
}

static ssize_t driver_write(mailstream_low *low, const void *bytes, size_t size)
{
	struct transport *transport = low->data;
	ssize_t put = write_bytes(transport, bytes, size);

	if (put > 0)
		protocol_log_put(transport->log, PROTOCOL_CLIENT, bytes, (size_t)put,
				 transport->hidden);
	return put;
}

/* The transport belongs to the session; libetpan's closing only ends its own use of it. */
static int driver_close(mailstream_low *low)
{
	transport_break(low->data);
	return 0;
}

static int driver_get_fd(mailstream_low *low)
{
	const struct transport *transport = low->data;

	return transport->socket;
}

static void driver_free(mailstream_low *low)
{
	free(low);
}

static void driver_cancel(mailstream_low *low)
{
	transport_break(low->data);
}

static mailstream_low_driver driver = {
    .mailstream_read = driver_read,
    .mailstream_write = driver_write,
    .mailstream_close = driver_close,
    .mailstream_get_fd = driver_get_fd,
    .mailstream_free = driver_free,
    .mailstream_cancel = driver_cancel,
};

mailstream *transport_stream(struct transport *transport)
{
	mailstream_low *low = mailstream_low_new(transport, &driver);
	mailstream *stream = low ? mailstream_new(low, STREAM_BUFFER_SIZE) : NULL;

	if (!stream)
		abort();
	transport->log = protocol_log_new(transport->host);
	return stream;
}

struct transport *transport_adopt(int socket, const char *host, uint32_t timeout_ms)
{
	struct transport *transport = g_new0(struct transport, 1);

	transport->adopted = true;
	transport->socket = socket;
	transport->host = g_strdup(host);
	transport->facts.preauthenticated = true;
	/* libetpan expects a greeting; the server has given its own to the keeper. */
	transport->greeting = "* PREAUTH ready\r\n";
	transport_begin(transport, timeout_ms);
	return transport;
}

/* The limits are of one command: what an earlier one has used up does not count. */
void transport_begin(struct transport *transport, uint32_t timeout_ms)
{
	transport->timeout_ms = timeout_ms;
	transport->wait_left_us = (int64_t)timeout_ms * 1000;
	transport->unparsed_bytes = 0;
	transport->nesting.answers = 0;
	transport_expect(transport, &(struct transport_expected){0});
}

void transport_expect(struct transport *transport, const struct transport_expected *expected)
{
	const uint64_t size = MIN(expected->size_bytes, EXPECTED_BYTES_MAX);
	const uint64_t literal = MIN(expected->literal_bytes, EXPECTED_BYTES_MAX);
	const int64_t size_s = (int64_t)size / SLOWEST_BYTES_PER_S;

	transport->total_left_us =
	    2 * (int64_t)transport->timeout_ms * 1000 + size_s * MICROSECONDS_PER_SEC;
	transport->nesting.literal_max = 2 * literal + MARGIN_LITERAL_BYTES;
	transport->bytes_left = 2 * size + transport->nesting.literal_max + MARGIN_BYTES;
	transport->nesting.answers_max = 2 * MIN(expected->answers, INT32_MAX / 2) + MARGIN_ANSWERS;
}

void transport_hide(struct transport *transport, bool hidden)
{
	transport->hidden = hidden;
}

void transport_progress(struct transport *transport)
{
	transport->unparsed_bytes = 0;
}

void transport_break(struct transport *transport)
{
	fail(transport, TRANSPORT_BROKEN);
	/* The keeper is to know at once that its session is of no more use here. */
	if (transport->adopted)
		shutdown(transport->socket, SHUT_RDWR);
}

/* --- between commands ---------------------------------------------------- */

/* TLS may hold bytes that the socket does not show, so curl is asked first. It has no way to look
 * without taking: what it gives is kept for the next read. */
static bool take_early(struct transport *transport)
{
	size_t received = 0;

	if (*transport->greeting || transport->early_start < transport->early_end ||
	    transport->failure != TRANSPORT_FAILED_NOT)
		return true;

	CURLcode result = receive(transport, transport->early, sizeof transport->early, &received);

	if (result == CURLE_AGAIN)
		return false;
	transport->early_start = 0;
	transport->early_end = received;
	/* A failure counts as readable: the next read tells of it. */
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
		/* Rounded up: a wait that ends a moment early would only begin again. */
		int64_t left_ms = (end_us - g_get_monotonic_time() + 999) / 1000;

		if (left_ms <= 0)
			return TRANSPORT_TIME_IS_UP;
		if (poll(waiting, G_N_ELEMENTS(waiting), (int)MIN(left_ms, G_MAXINT)) > 0 &&
		    waiting[0].revents)
			return TRANSPORT_WOKEN;
	}
	return TRANSPORT_READABLE;
}

/* --- lent to another process ------------------------------------------- */

int transport_try_receive(struct transport *transport, void *bytes, size_t size,
			  size_t *ret_received)
{
	CURLcode code = receive(transport, bytes, size, ret_received);

	if (code == CURLE_AGAIN) {
		*ret_received = 0;
		return 0;
	}
	return code == CURLE_OK && *ret_received > 0 ? 0 : -1;
}

int transport_try_send(struct transport *transport, const void *bytes, size_t size,
		       size_t *ret_sent)
{
	CURLcode code = deliver(transport, bytes, size, ret_sent);

	if (code == CURLE_AGAIN)
		*ret_sent = 0;
	return code == CURLE_OK || code == CURLE_AGAIN ? 0 : -1;
}

int transport_announce_literal(struct transport *transport, uint64_t size)
{
	if (!transport->adopted)
		return 0;

	g_autofree char *line = g_strdup_printf("%c%" PRIu64 "\n", TRANSPORT_LITERAL, size);
	size_t length = strlen(line);

	for (size_t done = 0; done < length;) {
		ssize_t put = write_bytes(transport, line + done, length - done);

		if (put < 0)
			return -1;
		done += (size_t)put;
	}
	return 0;
}

int transport_socket(const struct transport *transport)
{
	return transport->socket;
}

/* --- the end ------------------------------------------------------------- */

void transport_close(struct transport *transport)
{
	if (!transport)
		return;
	/* curl closes the socket it has opened. */
	if (transport->curl)
		curl_easy_cleanup(transport->curl);
	else if (transport->adopted)
		close(transport->socket);
	protocol_log_free(transport->log);
	g_free(transport->host);
	transport_forget_facts(transport);
	g_free(transport);
}
