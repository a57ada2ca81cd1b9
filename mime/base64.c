/* Decodes four characters at a time where they are plain, and one by one where something else
 * stands between them. */
#include "mime/transfer.h"

#include <endian.h>
#include <glib.h>
#include <string.h>

enum { BLANK = 64, PADDING = 65, OTHER = 66, PIECE = 3072 };

static unsigned char values[256];

/* The same, where it stands in a group of four; a character of none has GROUP_BAD. */
#define GROUP_BAD (UINT32_C(1) << 31)
static uint32_t group_values[4][256];

static void values_fill(void)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (int i = 0; i < 256; i++)
		values[i] = OTHER;
	for (unsigned char i = 0; i < 64; i++)
		values[(unsigned char)alphabet[i]] = i;
	values[' '] = values['\t'] = values['\r'] = values['\n'] = BLANK;
	values['='] = PADDING;
	for (int i = 0; i < 4; i++)
		for (int c = 0; c < 256; c++)
			group_values[i][c] =
			    values[c] < 64 ? (uint32_t)values[c] << (18 - 6 * i) : GROUP_BAD;
}

/* What an incomplete group holds: two characters one byte, three characters two. */
static size_t group_end(struct base64 *base64, unsigned char *out)
{
	size_t length = base64->count > 1 ? base64->count - 1 : 0;

	if (base64->count == 1)
		base64->damaged = true;
	base64->bits <<= 6 * (4 - base64->count);
	if (length > 0)
		out[0] = (unsigned char)(base64->bits >> 16);
	if (length > 1)
		out[1] = (unsigned char)(base64->bits >> 8);
	base64->count = 0;
	base64->bits = 0;
	return length;
}

static size_t group_add(struct base64 *base64, unsigned char value, unsigned char *out)
{
	if (base64->padded) {
		base64->damaged = true;
		base64->padded = false;
	}
	base64->bits = base64->bits << 6 | value;
	if (++base64->count < 4)
		return 0;
	out[0] = (unsigned char)(base64->bits >> 16);
	out[1] = (unsigned char)(base64->bits >> 8);
	out[2] = (unsigned char)base64->bits;
	base64->count = 0;
	base64->bits = 0;
	return 3;
}

/* RFC 2045, 6.8: what is none of the alphabet is passed over; it is damage all the same. */
static size_t decode_one(struct base64 *base64, unsigned char c, unsigned char *out)
{
	unsigned char value = values[c];

	if (value < 64)
		return group_add(base64, value, out);
	if (value == OTHER)
		base64->damaged = true;
	if (value != PADDING || base64->count == 0)
		return 0;
	base64->padded = true;
	return group_end(base64, out);
}

/*
 * Good groups, nearly all of any base64 text; returns how many of them there were. A byte behind
 * the last one's three is written, too. Not inlined: where the compiler knows how large `out` is,
 * each group's copy is checked, and takes twice as long.
 */
__attribute__((noinline)) static size_t decode_groups(const unsigned char *in, size_t count_max,
						      unsigned char *out)
{
	size_t count = 0;

	for (; count < count_max; count++, in += 4, out += 3) {
		uint32_t bits = group_values[0][in[0]] | group_values[1][in[1]] |
				group_values[2][in[2]] | group_values[3][in[3]];

		if (bits & GROUP_BAD)
			break;
		bits = htobe32(bits << 8);
		memcpy(out, &bits, sizeof bits);
	}
	return count;
}

/* Good groups in one go; at anything else byte by byte until the next group begins. */
static void base64_write(struct sink *sink, const void *bytes, size_t length)
{
	struct base64 *base64 = (struct base64 *)sink;
	const unsigned char *at = bytes;
	const unsigned char *end = at + length;
	unsigned char out[PIECE + 1];
	size_t filled = 0;

	while (at < end) {
		size_t groups = MIN((size_t)(end - at) / 4, (PIECE - filled) / 3);

		if (base64->count > 0 || base64->padded)
			groups = 0;
		groups = decode_groups(at, groups, out + filled);
		at += 4 * groups;
		filled += 3 * groups;
		if (filled <= PIECE - 3 && at < end)
			filled += decode_one(base64, *at++, out + filled);
		if (filled > PIECE - 3) {
			sink_write(base64->next, out, filled);
			filled = 0;
		}
	}
	sink_write(base64->next, out, filled);
}

void base64_init(struct base64 *base64, struct sink *next)
{
	if (values['='] != PADDING)
		values_fill();
	*base64 = (struct base64){.sink = {base64_write}, .next = next};
}

/* Bits that are left are bytes whose padding has gone. */
bool base64_finish(struct base64 *base64)
{
	unsigned char out[3];
	size_t length = base64->count > 0 ? group_end(base64, out) : 0;

	sink_write(base64->next, out, length);
	return !base64->damaged;
}
