#include "mime/base64.h"

enum { BLANK = 64, PADDING = 65, OTHER = 66, PIECE = 3072 };

static unsigned char values[256];

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

/* Four good characters at once: nearly all of any base64 text. */
static bool decode_four(const unsigned char *in, unsigned char *out)
{
	uint32_t a = values[in[0]];
	uint32_t b = values[in[1]];
	uint32_t c = values[in[2]];
	uint32_t d = values[in[3]];

	if ((a | b | c | d) >= 64)
		return false;
	uint32_t bits = a << 18 | b << 12 | c << 6 | d;
	out[0] = (unsigned char)(bits >> 16);
	out[1] = (unsigned char)(bits >> 8);
	out[2] = (unsigned char)bits;
	return true;
}

static void base64_write(struct sink *sink, const void *bytes, size_t length)
{
	struct base64 *base64 = (struct base64 *)sink;
	const unsigned char *at = bytes;
	const unsigned char *end = at + length;
	unsigned char out[PIECE];
	size_t filled = 0;

	while (at < end) {
		if (base64->count == 0 && !base64->padded && end - at >= 4 &&
		    decode_four(at, out + filled)) {
			at += 4;
			filled += 3;
		} else {
			filled += decode_one(base64, *at++, out + filled);
		}
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

bool base64_finish(struct base64 *base64)
{
	unsigned char out[3];
	size_t length = base64->count > 0 ? group_end(base64, out) : 0;

	sink_write(base64->next, out, length);
	return !base64->damaged;
}
