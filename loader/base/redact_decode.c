/* Decodes what peers write a secret in: escapes of IMAP, JSON, HTML and URLs in one pass, since a
 * text does not say which it uses; runs of base64 and of hexadecimal digits at every offset. */
#include "loader/base/redact_internal.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* ---- views ---- */

static struct redact_view *view_alloc(size_t room)
{
	struct redact_view *view = g_new0(struct redact_view, 1);
	view->room = room;
	view->bytes = g_malloc(room);
	view->from = g_new(uint32_t, room);
	view->to = g_new(uint32_t, room);
	return view;
}

/* No realloc(): it would leave what was decoded, which may be a secret, in memory that nobody wipes. */
static void view_put(struct redact_view *view, unsigned char byte, uint32_t from, uint32_t to)
{
	if (view->size == view->room) {
		view->room = view->room * 2 + 64;
		unsigned char *larger = g_malloc(view->room);
		if (view->size > 0) {
			memcpy(larger, view->bytes, view->size);
			explicit_bzero(view->bytes, view->size);
		}
		g_free(view->bytes);
		view->bytes = larger;
		view->from = g_renew(uint32_t, view->from, view->room);
		view->to = g_renew(uint32_t, view->to, view->room);
	}
	view->bytes[view->size] = byte;
	view->from[view->size] = from;
	view->to[view->size++] = to;
}

struct redact_view *redact_view_new(const char *bytes, size_t size)
{
	struct redact_view *view = view_alloc(size);
	for (size_t i = 0; i < size; i++)
		view_put(view, (unsigned char)bytes[i], (uint32_t)i, (uint32_t)i + 1);
	return view;
}

/* Wiped: a decoded secret is one. */
void redact_view_free(struct redact_view *view)
{
	if (view == NULL)
		return;
	if (view->bytes != NULL)
		explicit_bzero(view->bytes, view->size);
	g_free(view->bytes);
	g_free(view->from);
	g_free(view->to);
	g_free(view);
}

/* ---- escapes ---- */

/* One escape: how long it is, and what it stands for, as UTF-8. */
struct escape {
	size_t length;
	size_t size;
	char bytes[6];
};

static bool escape_is_byte(struct escape *escape, size_t length, int byte)
{
	escape->length = length;
	escape->size = 1;
	escape->bytes[0] = (char)byte;
	return true;
}

/* No secret has a NUL in it (secret.c), and beyond 0x10ffff there are no characters. */
static bool escape_is_character(struct escape *escape, size_t length, gunichar c)
{
	if (c == 0 || c > 0x10ffff)
		return false;
	escape->length = length;
	escape->size = (size_t)g_unichar_to_utf8(c, escape->bytes);
	return true;
}

/* The number that `digits` digits stand for; -1 where they are none. */
static int read_hex(const char *text, size_t size, size_t digits)
{
	int number = 0;
	if (size < digits)
		return -1;
	for (size_t i = 0; i < digits; i++) {
		const int digit = g_ascii_xdigit_value(text[i]);
		if (digit < 0)
			return -1;
		number = number * 16 + digit;
	}
	return number;
}

/* "%41" */
static bool read_percent(const char *text, size_t size, struct escape *escape)
{
	const int byte = read_hex(text + 1, size - 1, 2);
	return byte >= 0 && escape_is_byte(escape, 3, byte);
}

/* Behind "\u": four digits, or eight with another "\u" between, for what lies beyond U+FFFF. */
static bool read_unicode(const char *text, size_t size, struct escape *escape)
{
	const int high = read_hex(text + 2, size - 2, 4);
	if (high < 0)
		return false;
	if (high < 0xd800 || high > 0xdbff)
		return escape_is_character(escape, 6, (gunichar)high);
	const int low = size >= 12 && text[6] == '\\' ? read_hex(text + 8, size - 8, 4) : -1;
	return low >= 0xdc00 && low <= 0xdfff &&
	       escape_is_character(escape, 12,
				   0x10000 + (((gunichar)high - 0xd800) << 10) +
				       ((gunichar)low - 0xdc00));
}

/* Any other character behind a backslash stands for itself, but letters and digits only where
 * somebody writes them so: "C:\temp" is a path. */
static bool read_backslash(const char *text, size_t size, struct escape *escape)
{
	static const char letters[] = "bfnrt";
	static const char meant[] = "\b\f\n\r\t";
	if (size < 2)
		return false;
	if (text[1] == 'u')
		return read_unicode(text, size, escape);
	if (text[1] == 'x') {
		const int byte = read_hex(text + 2, size - 2, 2);
		return byte >= 0 && escape_is_byte(escape, 4, byte);
	}
	const char *letter = text[1] != '\0' ? strchr(letters, text[1]) : NULL;
	if (letter != NULL)
		return escape_is_byte(escape, 2, meant[letter - letters]);
	return g_ascii_ispunct(text[1]) && escape_is_byte(escape, 2, text[1]);
}

/* "&#65;", "&#x41;" */
static bool read_number(const char *text, size_t length, struct escape *escape)
{
	const bool hex = length > 4 && (text[2] == 'x' || text[2] == 'X');
	gunichar c = 0;
	for (size_t i = hex ? 3 : 2; i < length - 1; i++) {
		const int digit =
		    hex ? g_ascii_xdigit_value(text[i]) : g_ascii_digit_value(text[i]);
		if (digit < 0 || c > 0x10ffff)
			return false;
		c = c * (hex ? 16 : 10) + (gunichar)digit;
	}
	return escape_is_character(escape, length, c);
}

/* The names that HTML and XML need for writing any text. */
static bool read_entity(const char *text, size_t size, struct escape *escape)
{
	static const struct {
		const char *name;
		char byte;
	} entities[] = {
	    {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	enum { ENTITY_MAX = 16 };
	const char *end = memchr(text, ';', MIN(size, ENTITY_MAX));
	if (end == NULL)
		return false;
	const size_t length = (size_t)(end - text) + 1;
	if (length > 3 && text[1] == '#')
		return read_number(text, length, escape);
	for (size_t i = 0; i < G_N_ELEMENTS(entities); i++) {
		if (length == strlen(entities[i].name) &&
		    memcmp(text, entities[i].name, length) == 0)
			return escape_is_byte(escape, length, entities[i].byte);
	}
	return false;
}

static bool read_escape(const char *text, size_t size, struct escape *escape)
{
	switch (*text) {
	case '\\':
		return read_backslash(text, size, escape);
	case '%':
		return read_percent(text, size, escape);
	case '&':
		return read_entity(text, size, escape);
	case '+': /* a blank in a form */
		return escape_is_byte(escape, 1, ' ');
	default:
		return false;
	}
}

/* NULL where nothing was escaped: the same text again would be searched for nothing. */
struct redact_view *redact_unescape(const struct redact_view *view)
{
	scoped(redact_view_free) struct redact_view *plain = view_alloc(view->size);
	bool found = false;
	for (size_t i = 0; i < view->size;) {
		struct escape escape;
		if (!read_escape((const char *)view->bytes + i, view->size - i, &escape)) {
			view_put(plain, view->bytes[i], view->from[i], view->to[i]);
			i++;
			continue;
		}
		found = true;
		for (size_t j = 0; j < escape.size; j++)
			view_put(plain, (unsigned char)escape.bytes[j], view->from[i],
				 view->to[i + escape.length - 1]);
		i += escape.length;
	}
	return found ? steal(&plain) : NULL;
}

/* ---- runs of digits ---- */

/* Of base64 in both alphabets, -1 for any other character. */
static int base64_value(unsigned char c)
{
	if (g_ascii_isupper(c))
		return c - 'A';
	if (g_ascii_islower(c))
		return c - 'a' + 26;
	if (g_ascii_isdigit(c))
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

static int hex_value(unsigned char c)
{
	return g_ascii_xdigit_value((char)c);
}

/* Places in a view of the digits of a run. Line breaks inside are passed over, as base64 may have
 * them. */
struct run {
	const struct redact_view *view;
	int (*value)(unsigned char c);
	int bits; /* of a digit */
	GArray *places;
	struct redact_view *decoded;
};

/* A byte comes of the whole run, with the signs that fill its last group: half of a blob that holds
 * a secret is of use to nobody. */
static void run_decode_from(struct run *run, guint first)
{
	const struct redact_view *view = run->view;
	size_t last = g_array_index(run->places, size_t, run->places->len - 1);
	unsigned bits = 0;
	int count = 0;
	while (last + 1 < view->size && view->bytes[last + 1] == '=')
		last++;
	for (guint i = first; i < run->places->len; i++) {
		const size_t place = g_array_index(run->places, size_t, i);
		bits = bits << run->bits | (unsigned)run->value(view->bytes[place]);
		count += run->bits;
		if (count < 8)
			continue;
		count -= 8;
		view_put(run->decoded, (unsigned char)(bits >> count),
			 view->from[g_array_index(run->places, size_t, 0)], view->to[last]);
		bits &= (1U << count) - 1;
	}
}

/* At each offset of a whole group: four digits of base64, two of hexadecimal. */
static void run_decode(struct run *run)
{
	const guint offsets = run->bits == 6 ? 4 : 2;
	for (guint first = 0; first < offsets && first + 1 < run->places->len; first++) {
		run_decode_from(run, first);
		view_put(run->decoded, '\0', 0, 0);
	}
	g_array_set_size(run->places, 0);
}

static bool is_line_break(unsigned char c)
{
	return c == '\r' || c == '\n';
}

static struct redact_view *decode_runs(const struct redact_view *view,
				       int (*value)(unsigned char c), int bits)
{
	g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(size_t));
	scoped(redact_view_free) struct redact_view *decoded = view_alloc(view->size);
	struct run run = {view, value, bits, places, decoded};
	for (size_t i = 0; i < view->size; i++) {
		if (value(view->bytes[i]) >= 0)
			g_array_append_val(places, i);
		else if (!is_line_break(view->bytes[i]))
			run_decode(&run);
	}
	run_decode(&run);
	return decoded->size > 0 ? steal(&decoded) : NULL;
}

struct redact_view *redact_decode_base64(const struct redact_view *view)
{
	return decode_runs(view, base64_value, 6);
}

struct redact_view *redact_decode_hex(const struct redact_view *view)
{
	return decode_runs(view, hex_value, 4);
}
