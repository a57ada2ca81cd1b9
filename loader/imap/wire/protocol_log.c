/*
 * Writes the protocol log. Each side's bytes are gathered to lines; a line is one write(), so that
 * lines of several processes do not mix in the file. Sign-ins and literals are counted instead of
 * shown, and secrets that either side repeats elsewhere are not. Children that may open no file give
 * their lines to the process that started them, as datagrams.
 */
#include "loader/imap/wire/protocol_log.h"
#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "loader/base/visible.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define LINE_MAX_BYTES	4096
#define LINE_TAIL_BYTES 24 /* kept of a longer line too: "{18446744073709551615}" */

/* A line of bytes that are all made visible, and what stands in front. */
#define RELAYED_MAX_BYTES 65536

/* A child does not wait for longer until its supervisor takes a line; no more lines are passed on in
 * one go, so that the supervisor sees its signals. */
enum { RELAY_PATIENCE_S = 5, RELAY_LINES_MAX = 1000 };

/* One file for all connections; with a relay a child has only the end that lines are sent to. */
static char *log_path;
static int log_file = -1;
static int relay_receives = -1;
static int relay_sends = -1;

struct protocol_stream {
	GString *line;
	size_t room;	       /* bytes of the line that are kept, but for its end */
	uint64_t literal_left; /* bytes of a literal that are still to come */
	uint64_t hidden;       /* bytes not shown yet */
};

struct protocol_log {
	char *host;
	struct protocol_stream sides[2];
};

static int fail(int number, struct error *err)
{
	return error_set(err, ERROR_IO, "cannot write to '%s': %s", log_path, g_strerror(number));
}

/* A file or a pipe that another user has put there would be his to read, and a pipe could keep us waiting. */
static int check_file(int opened, struct error *err)
{
	struct stat status;

	if (fstat(opened, &status) != 0)
		return fail(errno, err);
	if (S_ISCHR(status.st_mode))
		return 0;
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERROR_IO, "cannot write to '%s': it is no file", log_path);
	if (status.st_uid == geteuid())
		return 0;
	return error_set(err, ERROR_IO,
			 "'%s' belongs to user %u, who can read what is written to it: run this as "
			 "user %u, chown it, or name a file of your own",
			 log_path, status.st_uid, status.st_uid);
}

int protocol_log_open(const char *path, struct error *err)
{
	g_free(log_path);
	log_path = g_strdup(path);
	return protocol_log_reopen(err);
}

/* The file that was open stays in use where the new one cannot be opened. */
int protocol_log_reopen(struct error *err)
{
	if (!log_path)
		return 0;

	scoped(descriptor_close) int opened = open(
	    log_path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);

	if (opened < 0)
		return fail(errno, err);
	if (check_file(opened, err) != 0)
		return -1;
	if (log_file >= 0)
		close(log_file);
	log_file = descriptor_steal(&opened);
	return 0;
}

const char *protocol_log_path(void)
{
	return log_path;
}

int protocol_log_receive(int *ret_descriptor, struct error *err)
{
	const struct timeval patience = {.tv_sec = RELAY_PATIENCE_S};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return fail(errno, err);
	setsockopt(ends[1], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	relay_receives = ends[0];
	relay_sends = ends[1];
	*ret_descriptor = relay_receives;
	return 0;
}

void protocol_log_send(void)
{
	if (relay_receives < 0)
		return;
	close(relay_receives);
	close(log_file);
	relay_receives = -1;
	log_file = relay_sends;
}

int protocol_log_pass_on(struct error *err)
{
	g_autofree char *line = g_malloc(RELAYED_MAX_BYTES);
	int failed = 0;
	ssize_t size;

	for (int i = 0; i < RELAY_LINES_MAX; i++) {
		size = recv(relay_receives, line, RELAYED_MAX_BYTES, MSG_DONTWAIT);
		if (size <= 0)
			break;
		if (write(log_file, line, (size_t)size) != size)
			failed = fail(errno, err);
	}
	return failed;
}

struct protocol_log *protocol_log_new(const char *host)
{
	if (log_file < 0)
		return NULL;

	struct protocol_log *log = g_new0(struct protocol_log, 1);

	log->host = g_strdup(host);
	for (size_t i = 0; i < G_N_ELEMENTS(log->sides); i++)
		log->sides[i].line = g_string_new(NULL);
	return log;
}

static void write_line(const struct protocol_log *log, enum protocol_side side, const char *text)
{
	char now[CLOCK_TEXT_SIZE];
	/* A server must not be able to write to the terminal of somebody who reads the log. */
	g_autofree char *printable = visible_line(text);

	clock_format_s(clock_now_ms() / 1000, now);

	g_autofree char *line = g_strdup_printf("%s %d %s %c: %s\n", now, (int)getpid(), log->host,
						side == PROTOCOL_CLIENT ? 'C' : 'S', printable);

	/* A log that cannot be written must not stop the mail. */
	(void)!write(log_file, line, strlen(line));
}

static void end_line(const struct protocol_log *log, enum protocol_side side,
		     struct protocol_stream *stream)
{
	g_autofree char *text = redact_cut(stream->line->str, stream->line->len, LINE_MAX_BYTES);

	write_line(log, side, text);
	g_string_truncate(stream->line, 0);
}

/* Says that something was left out, at the place where it was. */
static void end_hidden(const struct protocol_log *log, enum protocol_side side,
		       struct protocol_stream *stream)
{
	if (stream->hidden == 0)
		return;

	g_autofree char *text =
	    g_strdup_printf("[sign-in, %" PRIu64 " bytes are not shown]", stream->hidden);

	stream->hidden = 0;
	g_string_truncate(stream->line, 0);
	write_line(log, side, text);
}

/* The size at the end of a line such as "… BODY[] {1234}", or of "{12+}". */
static uint64_t find_literal(const GString *line)
{
	const char *brace = strrchr(line->str, '{');

	if (!brace || line->len < 3 || line->str[line->len - 1] != '}' ||
	    !g_ascii_isdigit(brace[1]))
		return 0;
	return g_ascii_strtoull(brace + 1, NULL, 10);
}

static void put_byte(const struct protocol_log *log, enum protocol_side side,
		     struct protocol_stream *stream, char byte)
{
	if (stream->literal_left > 0) {
		stream->literal_left--;
		return;
	}
	if (stream->line->len == 0)
		stream->room = redact_enough(LINE_MAX_BYTES);
	if (byte != '\n') {
		if (byte != '\r')
			g_string_append_c(stream->line, byte ? byte : '?');
		/* Of a longer line the middle goes: its end may announce a literal. */
		if (stream->line->len > stream->room + LINE_TAIL_BYTES)
			g_string_erase(stream->line, (gssize)stream->room, 1);
		return;
	}
	/* A line that was cut has kept its end, with the size of its literal. */
	stream->literal_left = find_literal(stream->line);
	end_line(log, side, stream);
}

void protocol_log_put(struct protocol_log *log, enum protocol_side side, const char *bytes,
		      size_t size, bool hidden)
{
	if (!log)
		return;

	struct protocol_stream *stream = &log->sides[side];

	if (hidden) {
		stream->hidden += size;
		return;
	}
	for (enum protocol_side each = PROTOCOL_CLIENT; each <= PROTOCOL_SERVER; each++)
		end_hidden(log, each, &log->sides[each]);
	for (size_t i = 0; i < size; i++)
		put_byte(log, side, stream, bytes[i]);
}

/* A sign-in that ends the connection is still told of. */
void protocol_log_free(struct protocol_log *log)
{
	if (!log)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(log->sides); i++) {
		end_hidden(log, (enum protocol_side)i, &log->sides[i]);
		g_string_free(log->sides[i].line, TRUE);
	}
	g_free(log->host);
	g_free(log);
}
