/* Converts to UTF-8: ASCII is copied, a charset of single bytes goes by a table that iconv has
 * filled once, all others go through iconv, which is given whole characters again where a piece
 * has cut one. */
#include "mime/charset.h"

#include "mime/ascii.h"
#include "mime/charset_table.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

enum { BYTE_VALUES = 256, UTF8_MAX = 4, OUT_BYTES = 8192 };

/* What a byte stands for, as UTF-8; nothing: length 0. */
struct letter {
	unsigned char length;
	char utf8[UTF8_MAX];
};

struct charset {
	const struct charset_row *row;
	bool has_converter; /* UTF-8 needs none, it is only checked; nor do letters */
	iconv_t converter;
	struct letter *letters; /* of each byte, where it alone decides; else NULL */
};

static struct charset charsets[G_N_ELEMENTS(charset_rows)];
static GHashTable *charset_by_alias;

/* Lower case letters and digits only: "ISO_8859-1:1987" -> "iso885911987". */
static void alias_normalise(const char *name, char *alias, size_t size)
{
	size_t length = 0;

	for (; *name && length + 1 < size; name++)
		if (g_ascii_isalnum(*name))
			alias[length++] = g_ascii_tolower(*name);
	alias[length] = '\0';
}

static bool is_utf8(const struct charset_row *row)
{
	return strcmp(row->converter, "UTF-8") == 0;
}

/* False where a letter waits for an accent that may follow, or ASCII is not itself. */
static bool letter_read(iconv_t converter, unsigned char byte, struct letter *letter)
{
	char *in = (char *)&byte;
	char *to = letter->utf8;
	size_t left = 1;
	size_t room = UTF8_MAX;

	bool known = iconv(converter, &in, &left, &to, &room) != (size_t)-1;
	letter->length = (unsigned char)(UTF8_MAX - room);
	if (ascii_is_printable(byte))
		return letter->length == 1 && letter->utf8[0] == (char)byte;
	return known == (letter->length > 0);
}

/*
 * The letters of a charset that has one per byte, else NULL. glibc converts to 32 bits per
 * character and back: looking them up takes a tenth of that.
 */
static struct letter *letters_read(iconv_t converter)
{
	g_autofree struct letter *letters = g_new0(struct letter, BYTE_VALUES);

	for (unsigned byte = 0; byte < BYTE_VALUES; byte++)
		if (!letter_read(converter, (unsigned char)byte, &letters[byte]))
			return NULL;
	return g_steal_pointer(&letters);
}

/* A charset that glibc lacks on this machine gets no aliases: it is unknown then. */
static void charset_register(struct charset *charset, const struct charset_row *row)
{
	charset->row = row;
	if (!is_utf8(row)) {
		charset->converter = iconv_open("UTF-8", row->converter);
		charset->has_converter = (intptr_t)charset->converter != -1;
		if (!charset->has_converter)
			return;
		charset->letters = row->multibyte ? NULL : letters_read(charset->converter);
		if (charset->letters) {
			iconv_close(charset->converter);
			charset->has_converter = false;
		}
	}
	g_auto(GStrv) aliases = g_strsplit(row->aliases, " ", -1);
	for (char **alias = aliases; *alias; alias++)
		g_hash_table_insert(charset_by_alias, g_strdup(*alias), charset);
}

/* All are opened at once, since glibc reads a file for each: later there is a sandbox. */
int charset_open(void)
{
	if (charset_by_alias)
		return 0;
	charset_by_alias = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(charset_rows); i++)
		charset_register(&charsets[i], &charset_rows[i]);
	if (charset_find("utf-8") && charset_find("windows-1252"))
		return 0;
	charset_close();
	return -1;
}

void charset_close(void)
{
	if (!charset_by_alias)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(charsets); i++) {
		if (charsets[i].has_converter)
			iconv_close(charsets[i].converter);
		g_free(charsets[i].letters);
	}
	memset(charsets, 0, sizeof(charsets));
	g_clear_pointer(&charset_by_alias, g_hash_table_unref);
}

/* A name that is cut to 39 characters is none that is known. */
const struct charset *charset_find(const char *name)
{
	char alias[40];

	alias_normalise(name, alias, sizeof(alias));
	return g_hash_table_lookup(charset_by_alias, alias);
}

const char *charset_name(const struct charset *charset)
{
	return charset->row->name;
}

bool charset_is_ascii(const struct charset *charset)
{
	return strcmp(charset->row->name, "us-ascii") == 0;
}

bool charset_is_utf8(const struct charset *charset)
{
	return is_utf8(charset->row);
}

bool charset_is_multibyte(const struct charset *charset)
{
	return charset->row->multibyte;
}

/* By the converter: several names mean one form. */
bool charset_is_wide(const struct charset *charset)
{
	return strncmp(charset->row->converter, "UTF-16", 6) == 0 ||
	       strncmp(charset->row->converter, "UTF-32", 6) == 0;
}

bool charset_is_shifted(const struct charset *charset)
{
	return strncmp(charset->row->name, "iso-2022-", 9) == 0;
}

/* A reader sees that something stood there. */
static void unreadable(struct conversion *conversion)
{
	conversion->errors++;
	if (conversion->errors > conversion->errors_max)
		conversion->failed = true;
	else
		sink_write(conversion->next, REPLACEMENT, strlen(REPLACEMENT));
}

/* How many bytes the character that begins with `lead` has; 0 when none begins so. */
static size_t utf8_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

/* A character cut off by the end of the piece: its rest may come. */
static bool utf8_is_cut(const unsigned char *at, size_t left)
{
	if (left >= utf8_length(at[0]))
		return false;
	for (size_t i = 1; i < left; i++)
		if ((at[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* Passes on what is valid; returns how many bytes at the end wait for more. */
static size_t convert_utf8(struct conversion *conversion, const unsigned char *at, size_t left)
{
	while (left > 0 && !conversion->failed) {
		const char *bad = NULL;
		g_utf8_validate_len((const char *)at, left, &bad);
		size_t good = (size_t)(bad - (const char *)at);
		sink_write(conversion->next, at, good);
		at += good;
		left -= good;
		if (left == 0)
			break;
		if (*at == '\0') {
			/* Valid, but GLib stops there; the text below has no use for it. */
			at++;
			left--;
			continue;
		}
		if (utf8_is_cut(at, left))
			return left;
		unreadable(conversion);
		do {
			at++;
			left--;
		} while (left > 0 && (*at & 0xc0) == 0x80);
	}
	return 0;
}

/* Eight characters of ASCII at a time, which is most of nearly all mail. */
static void convert_letters(struct conversion *conversion, const struct letter *letters,
			    const unsigned char *at, size_t left)
{
	char out[OUT_BYTES];
	size_t used = 0;

	for (const unsigned char *end = at + left; at < end && !conversion->failed;) {
		if (used > sizeof(out) - ASCII_WORD_BYTES) {
			sink_write(conversion->next, out, used);
			used = 0;
		}
		if (end - at >= ASCII_WORD_BYTES && ascii_word_odd(ascii_word(at)) == 0) {
			memcpy(out + used, at, ASCII_WORD_BYTES);
			used += ASCII_WORD_BYTES;
			at += ASCII_WORD_BYTES;
			continue;
		}
		const struct letter *letter = &letters[*at++];
		/* Always as many bytes: what is too much is written over by the next letter. */
		memcpy(out + used, letter->utf8, UTF8_MAX);
		used += letter->length;
		if (letter->length == 0) {
			sink_write(conversion->next, out, used);
			used = 0;
			unreadable(conversion);
		}
	}
	sink_write(conversion->next, out, used);
}

/* EINVAL says that a character is cut, whose rest may come; at any other error one byte is
 * passed over. */
static size_t convert_iconv(struct conversion *conversion, const unsigned char *at, size_t left)
{
	char out[OUT_BYTES];
	iconv_t converter = conversion->charset->converter;

	while (left > 0 && !conversion->failed) {
		char *in = (char *)at;
		char *to = out;
		size_t room = sizeof(out);
		size_t before = left;
		size_t result = iconv(converter, &in, &left, &to, &room);
		int error = errno;

		sink_write(conversion->next, out, sizeof(out) - room);
		at = (const unsigned char *)in;
		if (result != (size_t)-1 ||
		    (error == E2BIG && (left < before || room < sizeof(out))))
			continue;
		if (error == EINVAL && left < sizeof(conversion->held))
			return left;
		unreadable(conversion);
		at++;
		left--;
	}
	return 0;
}

/* Returns how many bytes at the end wait for the rest of their character. */
static size_t convert(struct conversion *conversion, const unsigned char *bytes, size_t length)
{
	if (is_utf8(conversion->charset->row))
		return convert_utf8(conversion, bytes, length);
	if (conversion->charset->letters) {
		convert_letters(conversion, conversion->charset->letters, bytes, length);
		return 0;
	}
	return convert_iconv(conversion, bytes, length);
}

static void convert_joined(struct conversion *conversion, const unsigned char *bytes, size_t length)
{
	unsigned char joined[2 * sizeof(conversion->held)];

	/* The held bytes and a few of the new ones make the cut character whole. */
	while (conversion->held_length > 0 && length > 0 && !conversion->failed) {
		size_t held = conversion->held_length;
		size_t taken = MIN(length, sizeof(conversion->held));
		memcpy(joined, conversion->held, held);
		memcpy(joined + held, bytes, taken);
		size_t rest = convert(conversion, joined, held + taken);
		if (rest <= taken) {
			conversion->held_length = 0;
			bytes += taken - rest;
			length -= taken - rest;
			break;
		}
		conversion->held_length = rest;
		memmove(conversion->held, joined + held + taken - rest, rest);
		bytes += taken;
		length -= taken;
	}

	size_t rest = convert(conversion, bytes, length);
	if (rest > 0) {
		memcpy(conversion->held, bytes + length - rest, rest);
		conversion->held_length = rest;
	}
}

/* Bytes behind the limit of errors are swallowed: another charset will be tried. */
static void conversion_write(struct sink *sink, const void *bytes, size_t length)
{
	struct conversion *conversion = (struct conversion *)sink;
	enum charset_shift_kind kind = conversion->charset->row->shift;

	if (conversion->failed)
		return;
	if (kind == SHIFT_NONE) {
		convert_joined(conversion, bytes, length);
		return;
	}
	g_autofree unsigned char *eight_bit = g_malloc(charset_shift_room(length));
	size_t count = charset_shift_decode(&conversion->shift, kind, bytes, length, eight_bit);
	convert_joined(conversion, eight_bit, count);
}

void conversion_init(struct conversion *conversion, const struct charset *charset,
		     uint64_t errors_max, struct sink *next)
{
	*conversion = (struct conversion){
	    .sink = {conversion_write},
	    .next = next,
	    .charset = charset,
	    .errors_max = errors_max,
	};
	/* The conversion before may have ended in the middle of a shift. */
	if (charset->has_converter)
		iconv(charset->converter, NULL, NULL, NULL, NULL);
}

bool conversion_finish(struct conversion *conversion)
{
	char out[64];
	char *to = out;
	size_t room = sizeof(out);

	if (conversion->held_length > 0)
		unreadable(conversion);
	/* iconv may hold a letter back until it knows whether an accent follows. */
	if (!conversion->failed && conversion->charset->has_converter &&
	    iconv(conversion->charset->converter, NULL, NULL, &to, &room) != (size_t)-1)
		sink_write(conversion->next, out, sizeof(out) - room);
	return !conversion->failed;
}
