/* Picks the decoder by the name of the encoding, and passes bytes through it. */
#include "mime/transfer.h"

#include <string.h>

enum { LOOKED_AT = 4096, BASE64_MIN = 12 };

/* Names with "uu" are of no standard; old programs write them. */
bool transfer_parse(const char *name, enum transfer *ret_transfer)
{
	static const struct {
		const char *name;
		enum transfer transfer;
	} known[] = {
	    {"7bit", TRANSFER_IDENTITY},
	    {"8bit", TRANSFER_IDENTITY},
	    {"binary", TRANSFER_IDENTITY},
	    {"base64", TRANSFER_BASE64},
	    {"quoted-printable", TRANSFER_QUOTED_PRINTABLE},
	    {"x-uuencode", TRANSFER_UUENCODE},
	    {"x-uue", TRANSFER_UUENCODE},
	    {"uuencode", TRANSFER_UUENCODE},
	};

	*ret_transfer = TRANSFER_IDENTITY;
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
		if (g_ascii_strcasecmp(name, known[i].name) == 0) {
			*ret_transfer = known[i].transfer;
			return true;
		}
	}
	return false;
}

/* More than every tenth byte, and more than three, are no letters, no digits and none of `signs`. */
static bool is_plain(const unsigned char *bytes, size_t length, const char *signs)
{
	size_t odd = 0;

	for (size_t i = 0; i < length; i++)
		odd += !g_ascii_isalnum(bytes[i]) && !strchr(signs, bytes[i]);
	return odd > 3 && odd * 10 > length;
}

/* Some mailers say base64 of what they have not encoded. */
static bool is_plain_text(struct input *input, uint64_t begin, uint64_t end)
{
	size_t length;
	const unsigned char *bytes = input_at(input, begin, &length);

	return is_plain(bytes, (size_t)MIN(MIN((uint64_t)length, end - begin), (uint64_t)LOOKED_AT),
			"+/=-_\r\n");
}

/* Returns whether a line is of the alphabet alone, and counts its characters. */
static bool is_base64_line(const unsigned char *line, size_t length, size_t *count)
{
	for (size_t i = 0; i < length; i++) {
		if (!g_ascii_isalnum(line[i]) && !strchr("+/=\r\n", line[i]))
			return false;
		*count += line[i] != '\r' && line[i] != '\n';
	}
	return true;
}

/* Is the last line that is not blank one that nobody has encoded? */
static bool ends_plain(const unsigned char *bytes, size_t length)
{
	size_t count = 0;

	while (length > 0 && g_ascii_isspace(bytes[length - 1]))
		length--;
	const unsigned char *feed = memrchr(bytes, '\n', length);
	size_t begin = feed ? (size_t)(feed - bytes) + 1 : 0;
	return !is_base64_line(bytes + begin, length - begin, &count);
}

/* Mailing lists put their footer behind a text without a look at its encoding. Returns where it
 * begins, or `end`. Only what lies in the window is looked through, as texts do, and only where the
 * end shows that there is one; a word alone in a line is no encoded text before it. */
static uint64_t footer_begin(struct input *input, uint64_t begin, uint64_t end)
{
	size_t length;
	const unsigned char *bytes = input_at(input, begin, &length);
	size_t count = 0;
	size_t at = 0;

	if (length < end - begin || !ends_plain(bytes, (size_t)(end - begin)))
		return end;
	length = (size_t)(end - begin);
	while (at < length) {
		const unsigned char *feed = memchr(bytes + at, '\n', length - at);
		size_t next = feed ? (size_t)(feed - bytes) + 1 : length;
		size_t count_next = count;
		if (!is_base64_line(bytes + at, next - at, &count_next))
			break;
		count = count_next;
		at = next;
	}
	return count >= BASE64_MIN && count % 4 == 0 && is_plain(bytes + at, length - at, "+/=\r\n")
		   ? begin + at
		   : end;
}

static bool decode_base64(struct input *input, uint64_t begin, uint64_t end, struct sink *sink)
{
	struct base64 base64;

	uint64_t footer = begin < end ? footer_begin(input, begin, end) : end;

	if (begin < end && footer == end && is_plain_text(input, begin, end)) {
		input_copy(input, begin, end, sink);
		return false;
	}

	base64_init(&base64, sink);
	input_copy(input, begin, footer, &base64.sink);
	bool is_whole = base64_finish(&base64);
	input_copy(input, footer, end, sink);
	return is_whole && footer == end;
}

static bool decode_quoted_printable(struct input *input, uint64_t begin, uint64_t end,
				    struct sink *sink)
{
	struct quoted_printable quoted;

	quoted_printable_init(&quoted, sink);
	input_copy(input, begin, end, &quoted.sink);
	return quoted_printable_finish(&quoted);
}

bool transfer_decode(struct input *input, uint64_t begin, uint64_t end, enum transfer transfer,
		     struct sink *sink)
{
	switch (transfer) {
	case TRANSFER_BASE64:
		return decode_base64(input, begin, end, sink);
	case TRANSFER_QUOTED_PRINTABLE:
		return decode_quoted_printable(input, begin, end, sink);
	case TRANSFER_UUENCODE:
		return uuencode_decode(input, begin, end, sink);
	case TRANSFER_IDENTITY:
		break;
	}
	input_copy(input, begin, end, sink);
	return true;
}

/* A "=" in front of anything else stays: it is shown as it was written. */
static void decode_q(const char *text, size_t length, GString *bytes)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '=' && i + 2 < length && g_ascii_isxdigit(text[i + 1]) &&
		    g_ascii_isxdigit(text[i + 2])) {
			g_string_append_c(bytes, (char)(g_ascii_xdigit_value(text[i + 1]) * 16 +
							g_ascii_xdigit_value(text[i + 2])));
			i += 2;
		} else {
			g_string_append_c(bytes, text[i] == '_' ? ' ' : text[i]);
		}
	}
}

/* Whether it was damaged does not matter: a word shows what could be read of it. */
void transfer_decode_word(const char *text, size_t length, bool is_base64, GString *bytes)
{
	struct string_sink target = string_sink_to(bytes);
	struct base64 base64;

	if (!is_base64) {
		decode_q(text, length, bytes);
		return;
	}
	base64_init(&base64, &target.sink);
	sink_write(&base64.sink, text, length);
	base64_finish(&base64);
}
