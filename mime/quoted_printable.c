/* Copies what is plain, decodes what is simple, and takes byte by byte what a line end or the
 * end of a piece makes odd. */
#include "mime/transfer.h"

#include "mime/ascii.h"

#include <glib.h>
#include <string.h>

/* Of "=3D" and "=\r\n", and of "\r\n". */
enum { ESCAPE_BYTES = 3, LINE_END_BYTES = 2 };

/* A line has 76 bytes. */
enum { PLAIN_BYTES = 128, OUT_BYTES = 2048 };

static unsigned char byte_of(unsigned char first, unsigned char second)
{
	return (unsigned char)(ascii_hex(first) * 16 + ascii_hex(second));
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

	return (ascii_is_blank(c) && last != '\r' && quoted->held_length < QUOTED_HELD_MAX) ||
	       (c == '\r' && last != '\r');
}

static bool is_escape_digit(const struct quoted_printable *quoted, unsigned char c)
{
	return ascii_hex(c) >= 0 && (quoted->held_length == 1 || ascii_hex(quoted->held[1]) >= 0);
}

/* held is "=…"; returns false when c does not belong to it and is still to be looked at. */
static bool escape_add(struct quoted_printable *quoted, unsigned char c)
{
	if (c == '\n' && ascii_hex(quoted->held[quoted->held_length - 1]) < 0) {
		quoted->held_length = 0;
		return true;
	}
	if (is_escape_digit(quoted, c)) {
		if (quoted->held_length == 1) {
			hold(quoted, c);
			return true;
		}
		unsigned char byte = byte_of(quoted->held[1], c);
		sink_write(quoted->next, &byte, 1);
		quoted->held_length = 0;
		return true;
	}
	if (ascii_hex(quoted->held[quoted->held_length - 1]) < 0 && soft_break_goes_on(quoted, c)) {
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
	if (ascii_is_blank(c)) {
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

/* Decodes a "=3D", soft line break or line end; returns its length, 0 where none lies whole in
 * front of `end`. */
static size_t sign_decode(const unsigned char *at, const unsigned char *end, unsigned char *out,
			  size_t *used)
{
	bool is_escape = at[0] == '=' && end - at >= ESCAPE_BYTES;

	if (at[0] == '\r' && end - at >= LINE_END_BYTES && at[1] == '\n') {
		memcpy(out + *used, at, LINE_END_BYTES);
		*used += LINE_END_BYTES;
		return LINE_END_BYTES;
	}
	if (is_escape && ascii_hex(at[1]) >= 0 && ascii_hex(at[2]) >= 0) {
		out[(*used)++] = byte_of(at[1], at[2]);
		return ESCAPE_BYTES;
	}
	return is_escape && at[1] == '\r' && at[2] == '\n' ? ESCAPE_BYTES : 0;
}

/*
 * Decodes what needs no look behind or ahead of the piece; nothing is held before and after it.
 * Returns where something else begins.
 */
static const unsigned char *decode_simple(struct quoted_printable *quoted, const unsigned char *at,
					  const unsigned char *end)
{
	unsigned char out[OUT_BYTES];
	size_t used = 0;

	while (at < end) {
		size_t done = sign_decode(at, end, out, &used);

		if (done == 0) {
			done = plain_span(at, MIN((size_t)(end - at), PLAIN_BYTES));
			memcpy(out + used, at, done);
			used += done;
		}
		if (done == 0)
			break;
		at += done;
		if (used > sizeof(out) - PLAIN_BYTES) {
			sink_write(quoted->next, out, used);
			used = 0;
		}
	}
	sink_write(quoted->next, out, used);
	return at;
}

static void quoted_printable_write(struct sink *sink, const void *bytes, size_t length)
{
	struct quoted_printable *quoted = (struct quoted_printable *)sink;
	const unsigned char *at = bytes;
	const unsigned char *end = at + length;

	while (at < end) {
		if (quoted->held_length == 0)
			at = decode_simple(quoted, at, end);
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
		if (quoted->held_length > 1 && ascii_hex(quoted->held[1]) >= 0) {
			quoted->damaged = true;
			held_pass(quoted);
		}
		quoted->held_length = 0;
	}
	held_pass(quoted);
	return !quoted->damaged;
}
