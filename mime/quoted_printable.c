#include "mime/quoted_printable.h"

#include "mime/ascii.h"

#include <glib.h>
#include <string.h>

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

static void hold(struct quoted_printable *quoted, unsigned char c)
{
	if (quoted->held_length == QUOTED_HELD_MAX) {
		sink_write(quoted->next, quoted->held, quoted->held_length);
		quoted->held_length = 0;
	}
	quoted->held[quoted->held_length++] = c;
}

static void held_pass(struct quoted_printable *quoted)
{
	sink_write(quoted->next, quoted->held, quoted->held_length);
	quoted->held_length = 0;
}

/* A soft line break ends at its newline; a CR in front of it may still come. */
static bool soft_break_goes_on(const struct quoted_printable *quoted, unsigned char c)
{
	unsigned char last = quoted->held[quoted->held_length - 1];

	return (is_blank(c) && last != '\r' && quoted->held_length < QUOTED_HELD_MAX) ||
	       (c == '\r' && last != '\r');
}

static bool is_escape_digit(const struct quoted_printable *quoted, unsigned char c)
{
	return g_ascii_isxdigit(c) &&
	       (quoted->held_length == 1 || g_ascii_isxdigit(quoted->held[1]));
}

/* held is "=…"; returns false when c does not belong to it and is still to be looked at. */
static bool escape_add(struct quoted_printable *quoted, unsigned char c)
{
	if (c == '\n' && !g_ascii_isxdigit(quoted->held[quoted->held_length - 1])) {
		quoted->held_length = 0;
		return true;
	}
	if (is_escape_digit(quoted, c)) {
		if (quoted->held_length == 1) {
			hold(quoted, c);
			return true;
		}
		unsigned char byte =
		    (unsigned char)(g_ascii_xdigit_value((char)quoted->held[1]) * 16 +
				    g_ascii_xdigit_value((char)c));
		sink_write(quoted->next, &byte, 1);
		quoted->held_length = 0;
		return true;
	}
	if (!g_ascii_isxdigit(quoted->held[quoted->held_length - 1]) &&
	    soft_break_goes_on(quoted, c)) {
		hold(quoted, c);
		return true;
	}
	/* "=\r" with no newline is a soft break of a message that has no LF. */
	if (quoted->held[quoted->held_length - 1] == '\r') {
		quoted->held_length = 0;
	} else {
		quoted->damaged = true;
		held_pass(quoted);
	}
	return false;
}

static void decode_odd(struct quoted_printable *quoted, unsigned char c)
{
	if (quoted->held_length > 0 && quoted->held[0] == '=' && escape_add(quoted, c))
		return;
	if (c == '=') {
		held_pass(quoted);
		hold(quoted, c);
		return;
	}
	if (is_blank(c)) {
		hold(quoted, c);
		return;
	}
	if (c == '\r' || c == '\n')
		quoted->held_length = 0;
	held_pass(quoted);
	sink_write(quoted->next, &c, 1);
}

/* How many bytes at the beginning stand for themselves; a blank does where something follows. */
static size_t plain_span(const unsigned char *at, size_t length)
{
	size_t span = ascii_span(at, length);

	while (span < length && at[span] >= 0x80)
		span += 1 + ascii_span(at + span + 1, length - span - 1);

	const unsigned char *sign = memchr(at, '=', span);

	if (sign)
		span = (size_t)(sign - at);
	while (span > 0 && at[span - 1] == ' ')
		span--;
	return span;
}

static void quoted_printable_write(struct sink *sink, const void *bytes, size_t length)
{
	struct quoted_printable *quoted = (struct quoted_printable *)sink;
	const unsigned char *at = bytes;
	const unsigned char *end = at + length;

	while (at < end) {
		size_t span = quoted->held_length == 0 ? plain_span(at, (size_t)(end - at)) : 0;

		sink_write(quoted->next, at, span);
		at += span;
		if (at < end)
			decode_odd(quoted, *at++);
	}
}

void quoted_printable_init(struct quoted_printable *quoted, struct sink *next)
{
	*quoted = (struct quoted_printable){.sink = {quoted_printable_write}, .next = next};
}

bool quoted_printable_finish(struct quoted_printable *quoted)
{
	if (quoted->held_length > 0 && quoted->held[0] == '=') {
		/* A last "=" is a soft break whose line end belongs to the boundary. */
		if (quoted->held_length > 1 && g_ascii_isxdigit(quoted->held[1])) {
			quoted->damaged = true;
			held_pass(quoted);
		}
		quoted->held_length = 0;
	}
	held_pass(quoted);
	return !quoted->damaged;
}
