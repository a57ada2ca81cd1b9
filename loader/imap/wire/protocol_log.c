/*
 * Writes the protocol log. Each side's bytes are gathered to lines; a line is one write(), so that
 * lines of several processes do not mix in the file. Sign-ins and literals are counted instead of
 * shown, and secrets that either side repeats elsewhere are not.
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

#define LINE_MAX_BYTES	4096
#define LINE_TAIL_BYTES 24 /* kept of a longer line too: "{18446744073709551615}" */

/* One file for all connections; a worker inherits it from its supervisor. */
static int log_file = -1;

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

int protocol_log_open(const char *path, struct error *err)
{
	log_file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log_file < 0)
		return error_set(err, ERROR_IO, "cannot write to '%s': %s", path,
				 g_strerror(errno));
	return 0;
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
