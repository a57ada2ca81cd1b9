/* Follows the shifts byte by byte, and puts out each character in its eight-bit form. */
#include "mime/charset.h"

#include <stdbool.h>
#include <string.h>

/* What the bytes stand for at the moment. KANA is that of half width; EXTRA is JIS X 0212, whose
 * characters EUC writes behind SS3. */
enum mode { MODE_ASCII, MODE_KANA, MODE_KANJI, MODE_KANJI_SECOND, MODE_EXTRA, MODE_EXTRA_SECOND };

enum { SS2 = 0x8e, SS3 = 0x8f, ESC = 0x1b };

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
