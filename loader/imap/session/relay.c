/*
 * Lends a session: passes bytes between a client's socket and the server, whole command lines in
 * one direction and what is announced as a literal, anything in the other, and counts tags on. It
 * waits for both sides at once, and for a third descriptor, through which the keeper stays
 * reachable.
 */
#include "loader/imap/session/relay.h"

#include "loader/imap/session/folder_tree.h"
#include "loader/imap/session/session_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* Longer than any command line. */
#define BUFFER_BYTES ((size_t)16 * 1024)

/* Bytes on their way in one direction. */
struct buffer {
	size_t size;
	char bytes[BUFFER_BYTES];
};

struct relaying {
	struct imapc_session *session;
	const struct imapc_relay *relay;
	struct buffer to_server;
	size_t
	    whole_lines; /* bytes of to_server that may go: commands to their end, and literals */
	uint64_t literal_left; /* of a message that the client sends: bytes and no commands */
	struct buffer to_client;
	bool in_line; /* the server has begun a line and not ended it */
	bool drained; /* the server has nothing more for now; TLS may hold what poll() cannot see */
	bool over;    /* the client has taken its leave */
	bool eof;     /* the client is gone */
};

static void drop_front(struct buffer *buffer, size_t size)
{
	buffer->size -= size;
	memmove(buffer->bytes, buffer->bytes + size, buffer->size);
}

/* --- the client's side ------------------------------------------------- */

static bool is_logout(const char *line, size_t size)
{
	g_autofree char *text = g_strndup(line, size);
	const char *verb = strchr(text, ' ');

	return verb && !g_ascii_strncasecmp(verb + 1, "LOGOUT\r", strlen("LOGOUT\r"));
}

/* The answer to LOGOUT comes from here: the connection stays. */
static void take_leave(struct relaying *job, const char *line)
{
	size_t tag_size = strcspn(line, " ");
	g_autofree char *answer = g_strdup_printf("* BYE\r\n%.*s OK\r\n", (int)tag_size, line);

	job->over = true;
	send(job->relay->client, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The client says how long the literal is that follows. The line is for us, not for the server. */
static void begin_literal(struct relaying *job, char *line, size_t size)
{
	struct buffer *buffer = &job->to_server;

	job->literal_left = g_ascii_strtoull(line + 1, NULL, 10);
	buffer->size -= size;
	memmove(line, line + size, buffer->size - job->whole_lines);
}

/* What is inside a literal may look like a command. */
static void pass_literal(struct relaying *job)
{
	uint64_t there = job->to_server.size - job->whole_lines;
	size_t size = (size_t)MIN(job->literal_left, there);

	job->whole_lines += size;
	job->literal_left -= size;
}

/* Whole lines may go to the server; a LOGOUT among them ends the loan. */
static void take_lines(struct relaying *job)
{
	pass_literal(job);
	while (job->whole_lines < job->to_server.size && !job->over) {
		char *line = job->to_server.bytes + job->whole_lines;
		const char *newline = memchr(line, '\n', job->to_server.size - job->whole_lines);

		if (!newline)
			return;

		size_t size = (size_t)(newline - line) + 1;

		if (*line == TRANSPORT_LITERAL) {
			begin_literal(job, line, size);
			pass_literal(job);
			continue;
		}
		if (is_logout(line, size)) {
			take_leave(job, line);
			return;
		}
		job->whole_lines += size;
		/* A line is a command and uses a tag; the DONE of an IDLE only leaves a gap. */
		job->session->imap->imap_tag++;
	}
}

static void read_client(struct relaying *job)
{
	struct buffer *buffer = &job->to_server;
	ssize_t got = recv(job->relay->client, buffer->bytes + buffer->size,
			   BUFFER_BYTES - buffer->size, MSG_DONTWAIT);

	if (got > 0) {
		buffer->size += (size_t)got;
		take_lines(job);
	} else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
		job->eof = true;
	}
}

static void write_client(struct relaying *job)
{
	ssize_t put = send(job->relay->client, job->to_client.bytes, job->to_client.size,
			   MSG_NOSIGNAL | MSG_DONTWAIT);

	if (put > 0)
		drop_front(&job->to_client, (size_t)put);
	else if (put < 0 && errno != EAGAIN && errno != EINTR)
		job->eof = true;
}

/* --- the server's side ------------------------------------------------- */

/* libetpan may have read beyond the keeper's own last answer: these bytes come first. */
static size_t read_rest(struct imapc_session *session, char *bytes, size_t size)
{
	mailstream *stream = session->imap->imap_stream;
	size_t length = MIN(size, stream->read_buffer_len);

	memcpy(bytes, stream->read_buffer, length);
	stream->read_buffer_len -= length;
	memmove(stream->read_buffer, stream->read_buffer + length, stream->read_buffer_len);
	return length;
}

static int read_server(struct relaying *job)
{
	struct buffer *buffer = &job->to_client;
	size_t room = BUFFER_BYTES - buffer->size;
	char *to = buffer->bytes + buffer->size;
	size_t got = read_rest(job->session, to, room);

	if (got == 0 && room > 0) {
		if (transport_try_receive(job->session->transport, to, room, &got) < 0)
			return -1;
		job->drained = got == 0;
	}
	if (got > 0) {
		buffer->size += got;
		job->in_line = buffer->bytes[buffer->size - 1] != '\n';
	}
	return 0;
}

static int write_server(struct relaying *job)
{
	size_t put = 0;

	if (transport_try_send(job->session->transport, job->to_server.bytes, job->whole_lines,
			       &put) < 0)
		return -1;
	drop_front(&job->to_server, put);
	job->whole_lines -= put;
	return 0;
}

/* --- both -------------------------------------------------------------- */

/* Moves what can be moved without waiting. -1: the server is gone. */
static int move_bytes(struct relaying *job)
{
	if (!job->over && job->to_server.size < BUFFER_BYTES)
		read_client(job);
	if (job->whole_lines > 0 && write_server(job) < 0)
		return -1;
	if (job->to_client.size < BUFFER_BYTES && read_server(job) < 0)
		return -1;
	if (job->to_client.size > 0)
		write_client(job);
	return 0;
}

static bool is_finished(const struct relaying *job)
{
	/* A full buffer without a line's end: no command is that long. */
	bool stuffed = job->to_server.size == BUFFER_BYTES && job->whole_lines == 0;

	return job->eof || stuffed || (job->over && job->to_client.size == 0);
}

/* 0 when something may have changed, -1 when nobody has said anything for too long. */
static int wait_for_bytes(const struct relaying *job)
{
	const struct imapc_relay *relay = job->relay;
	bool room_up = job->to_server.size < BUFFER_BYTES && !job->over;
	bool room_down = job->to_client.size < BUFFER_BYTES;
	struct pollfd waits[] = {
	    {.fd = relay->client,
	     .events = (short)((room_up ? POLLIN : 0) | (job->to_client.size > 0 ? POLLOUT : 0))},
	    {.fd = transport_socket(job->session->transport),
	     .events = (short)((room_down ? POLLIN : 0) | (job->whole_lines > 0 ? POLLOUT : 0))},
	    {.fd = relay->watched, .events = POLLIN},
	};
	/* Bytes that TLS holds already do not wake poll(). */
	bool more = room_down && !job->drained;
	int ready =
	    poll(waits, G_N_ELEMENTS(waits), more ? 0 : (int)MIN(relay->quiet_ms, INT32_MAX));

	if (ready == 0 && !more)
		return -1;
	if (ready > 0 && waits[2].revents)
		relay->attend(relay->context);
	return 0;
}

int imapc_relay(struct imapc_session *session, const struct imapc_relay *relay, struct error *err)
{
	g_autofree struct relaying *job = g_new0(struct relaying, 1);

	job->session = session;
	job->relay = relay;
	while (move_bytes(job) == 0 && !is_finished(job)) {
		if (wait_for_bytes(job) < 0)
			break;
	}
	/* If a line is unfinished or commands are unsent, the next answer cannot be told from a
	 * late one. */
	if (job->over && !job->in_line && job->whole_lines == 0)
		/* The next client must not meet the folder of this one. */
		return imapc_unselect(session, err);
	imapc_kill(session);
	return error_set(err, ERROR_UNREACHABLE, "the connection to %s was left in disorder",
			 session->server->url);
}

int imapc_tag(const struct imapc_session *session)
{
	return session->imap->imap_tag;
}

int imapc_ping(struct imapc_session *session, struct error *err)
{
	return imapc_command(session, err, "NOOP");
}
