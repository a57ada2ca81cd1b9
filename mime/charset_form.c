/*
 * Tells apart the forms that one label stands for in mail: what the bytes are allows only one of
 * them. Turns the seven-bit forms with shifts into eight bits.
 */
#include "mime/charset.h"

#include <stdbool.h>
#include <string.h>

enum { ESC = 0x1b };

static void discard(struct sink *sink, const void *bytes, size_t length)
{
	(void)sink;
	(void)bytes;
	(void)length;
}

static bool reads_into(struct text_source *source, const struct charset *charset,
		       uint64_t errors_max, struct sink *sink)
{
	struct conversion conversion;

	conversion_init(&conversion, charset, errors_max, sink);
	source->feed(source, &conversion.sink);
	return conversion_finish(&conversion);
}

bool charset_form_reads(struct text_source *source, const struct charset *charset,
			uint64_t errors_max)
{
	struct sink nowhere = {discard};

	return reads_into(source, charset, errors_max, &nowhere);
}

struct control_search {
	struct sink sink;
	bool found;
};

static void control_search_write(struct sink *sink, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i + 1 < length; i++)
		if (at[i] == 0xc2 && at[i + 1] < 0xa0)
			((struct control_search *)sink)->found = true;
}

/* glibc reads the lead bytes of Shift-JIS as controls of EUC-JP; no text has those. */
static bool reads_without_controls(struct text_source *source, const struct charset *charset)
{
	struct control_search search = {.sink = {control_search_write}};

	return reads_into(source, charset, 0, &search.sink) && !search.found;
}

struct shift_search {
	struct sink sink;
	int matched; /* of ESC $ */
	bool found;
};

/* A piece may end inside of the sequence. */
static void shift_search_write(struct sink *sink, const void *bytes, size_t length)
{
	struct shift_search *search = (struct shift_search *)sink;
	const char *at = bytes;

	for (size_t i = 0; i < length; i++) {
		if (search->matched == 0) {
			const char *escape = memchr(at + i, ESC, length - i);
			if (!escape)
				return;
			i = (size_t)(escape - at);
		}
		search->found =
		    search->found || (search->matched == 2 && (at[i] == '@' || at[i] == 'B'));
		if (at[i] == ESC)
			search->matched = 1;
		else
			search->matched = search->matched == 1 && at[i] == '$' ? 2 : 0;
	}
}

bool charset_form_has_shifts(struct text_source *source)
{
	struct shift_search search = {.sink = {shift_search_write}};

	source->feed(source, &search.sink);
	return search.found;
}

/* A text that does switch is what its label says. */
const struct charset *charset_form_eight_bit(struct text_source *source,
					     const struct charset *charset)
{
	static const struct {
		const char *label;
		const char *form;
	} forms[] = {{"iso-2022-jp", "euc-jp"},
		     {"iso-2022-jp", "shift_jis"},
		     {"iso-2022-kr", "euc-kr"},
		     {"hz-gb-2312", "gb18030"}};

	for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
		if (strcmp(charset_name(charset), forms[i].label) != 0)
			continue;
		if (charset_form_has_shifts(source))
			return NULL;
		const struct charset *form = charset_find(forms[i].form);
		if (form && reads_without_controls(source, form))
			return form;
	}
	return NULL;
}

/* Where the zero bytes of UTF-16 stand: before ASCII letters, or behind them. */
struct zero_count {
	struct sink sink;
	uint64_t size;
	uint64_t high;	   /* bytes above 127 */
	uint64_t zeros[2]; /* at even, at odd offsets */
};

static void zero_count_write(struct sink *sink, const void *bytes, size_t length)
{
	struct zero_count *count = (struct zero_count *)sink;
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++) {
		count->zeros[(count->size + i) % 2] += at[i] == 0;
		count->high += at[i] >> 7;
	}
	count->size += length;
}

/* A Latin letter has its zero byte before it in one form, and behind it in the other. */
const struct charset *charset_form_wide(struct text_source *source, const struct charset *charset)
{
	struct zero_count count = {.sink = {zero_count_write}};

	source->feed(source, &count.sink);
	if (count.zeros[0] + count.zeros[1] == 0 && count.high == 0)
		return charset_find("utf-8");
	if (strcmp(charset_name(charset), "utf-16") != 0)
		return charset;
	return charset_find(count.zeros[0] > count.zeros[1] ? "utf-16be" : "utf-16le");
}

/* --- shifts ----------------------------------------------------------------- */

/* Follows the shifts byte by byte, and puts out each character in its eight-bit form. */

/* What the bytes stand for at the moment. KANA is that of half width; EXTRA is JIS X 0212, whose
 * characters EUC writes behind SS3. */
enum mode { MODE_ASCII, MODE_KANA, MODE_KANJI, MODE_KANJI_SECOND, MODE_EXTRA, MODE_EXTRA_SECOND };

enum { SS2 = 0x8e, SS3 = 0x8f };

static void put(unsigned char **out, int byte)
{
	*(*out)++ = (unsigned char)byte;
}

static void put_in_mode(struct charset_shift *shift, unsigned char c, unsigned char **out)
{
	if (c <= ' ' || c >= 0x7f) {
		/* RFC 1468: a line begins and ends in ASCII. */
		if (c == '\n')
			shift->mode = MODE_ASCII;
		put(out, c);
		return;
	}
	switch (shift->mode) {
	case MODE_KANA:
		put(out, SS2);
		put(out, c | 0x80);
		return;
	case MODE_EXTRA:
		put(out, SS3);
		put(out, c | 0x80);
		shift->mode = MODE_EXTRA_SECOND;
		return;
	case MODE_EXTRA_SECOND:
		put(out, c | 0x80);
		shift->mode = MODE_EXTRA;
		return;
	case MODE_KANJI:
	case MODE_KANJI_SECOND:
		put(out, c | 0x80);
		shift->mode = shift->mode == MODE_KANJI ? MODE_KANJI_SECOND : MODE_KANJI;
		return;
	default:
		put(out, c);
	}
}

static const struct {
	const char *sequence;
	enum mode mode;
} jis_escapes[] = {
    {"\x1b(B", MODE_ASCII},  {"\x1b(J", MODE_ASCII},  {"\x1b(H", MODE_ASCII},
    {"\x1b(I", MODE_KANA},   {"\x1b$@", MODE_KANJI},  {"\x1b$B", MODE_KANJI},
    {"\x1b$(@", MODE_KANJI}, {"\x1b$(B", MODE_KANJI}, {"\x1b$(D", MODE_EXTRA},
};

/* True while the sequence may still become, or has become, an escape we know. */
static bool jis_escape_step(struct charset_shift *shift)
{
	for (size_t i = 0; i < G_N_ELEMENTS(jis_escapes); i++) {
		const char *known = jis_escapes[i].sequence;
		if (strncmp(known, (char *)shift->sequence, shift->sequence_length) != 0)
			continue;
		if (!known[shift->sequence_length]) {
			shift->mode = (int)jis_escapes[i].mode;
			shift->sequence_length = 0;
		}
		return true;
	}
	return false;
}

/* A sequence that is no escape stays in the text. */
static void jis_step(struct charset_shift *shift, unsigned char c, unsigned char **out)
{
	if (shift->sequence_length == 0 && c != ESC) {
		put_in_mode(shift, c, out);
		return;
	}
	shift->sequence[shift->sequence_length++] = c;
	if (jis_escape_step(shift))
		return;
	for (size_t i = 0; i < shift->sequence_length; i++)
		put(out, shift->sequence[i]);
	shift->sequence_length = 0;
}

/* ~{ and ~} switch, ~~ is a tilde, and ~ before a newline joins two lines (RFC 1843). */
static void hz_step(struct charset_shift *shift, unsigned char c, unsigned char **out)
{
	if (shift->sequence_length == 0 && c != '~') {
		put_in_mode(shift, c, out);
		return;
	}
	if (shift->sequence_length == 0) {
		shift->sequence_length = 1;
		return;
	}
	shift->sequence_length = 0;
	if (c == '{')
		shift->mode = MODE_KANJI;
	else if (c == '}')
		shift->mode = MODE_ASCII;
	else if (c == '~')
		put(out, '~');
	else if (c != '\n')
		put(out, c);
}

size_t charset_shift_decode(struct charset_shift *shift, enum charset_shift_kind kind,
			    const unsigned char *bytes, size_t length, unsigned char *eight_bit)
{
	unsigned char *out = eight_bit;

	for (size_t i = 0; i < length; i++) {
		if (kind == SHIFT_HZ)
			hz_step(shift, bytes[i], &out);
		else
			jis_step(shift, bytes[i], &out);
	}
	return (size_t)(out - eight_bit);
}
