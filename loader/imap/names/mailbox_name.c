/*
 * Folder names to modified UTF-7 and back. Encoding is strict, because its result goes into a
 * command: control characters and the server's own delimiter are refused. Decoding takes anything,
 * because its result is only shown. libetpan has no such function, and glibc's iconv decodes what
 * is not valid.
 */
#include "loader/imap/names/mailbox_name.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 1000

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* Results are released with free(), which GLib does not promise for its own memory. */
static char *steal_as_malloced(GString *text)
{
	char *copy = strdup(text->str);

	g_string_free(text, TRUE);
	if (!copy)
		abort();
	return copy;
}

static bool is_inbox(const char *level, size_t size)
{
	return size == 5 && !g_ascii_strncasecmp(level, "INBOX", 5);
}

/* --- to the server ----------------------------------------------------- */

static int check_characters(const char *name, struct error *err)
{
	for (const char *at = name; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (g_unichar_iscntrl(c))
			return error_set(err, ERROR_CONFIGURATION,
					 "a folder name holds a control character (U+%04X)",
					 (unsigned int)c);
	}
	return 0;
}

static int check_name(const char *name, struct error *err)
{
	size_t size = strlen(name);

	if (size == 0)
		return error_set(err, ERROR_CONFIGURATION, "a folder name is empty");
	if (size > NAME_BYTES_MAX)
		return error_set(err, ERROR_CONFIGURATION, "a folder name is longer than %d bytes",
				 NAME_BYTES_MAX);
	if (!g_utf8_validate(name, -1, NULL))
		return error_set(err, ERROR_CONFIGURATION, "a folder name is not valid UTF-8");
	return check_characters(name, err);
}

/* Checks one level, such as "Work" of "INBOX/Work". */
static int check_level(const char *name, const char *level, size_t size, char delimiter,
		       struct error *err)
{
	if (size == 0)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "folder name '%s' has an empty level: write '/' only between names", name);
	if (delimiter != '/' && memchr(level, delimiter, size))
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "folder name '%s' holds '%c', which separates levels on this server: "
		    "write '/' between levels",
		    name, delimiter);
	return 0;
}

/* One run of characters outside printable ASCII: UTF-16BE in base64 without padding. */
static const char *encode_run(GString *wire, const char *at, const char *end)
{
	uint32_t bits = 0;
	unsigned int bit_count = 0;

	g_string_append_c(wire, '&');
	while (at < end && (unsigned char)*at >= 0x80) {
		gunichar c = g_utf8_get_char(at);
		uint16_t units[2] = {(uint16_t)c, 0};
		size_t unit_count = 1;

		/* Characters beyond 16 bits take two units, a surrogate pair. */
		if (c > 0xffff) {
			units[0] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
			units[1] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
			unit_count = 2;
		}
		for (size_t i = 0; i < unit_count; i++) {
			bits = bits << 16 | units[i];
			bit_count += 16;
			while (bit_count >= 6) {
				bit_count -= 6;
				g_string_append_c(wire, base64_digits[bits >> bit_count & 0x3f]);
			}
			bits &= (1U << bit_count) - 1;
		}
		at = g_utf8_next_char(at);
	}
	/* The last digit is filled up with zeros. */
	if (bit_count > 0)
		g_string_append_c(wire, base64_digits[bits << (6 - bit_count) & 0x3f]);
	g_string_append_c(wire, '-');
	return at;
}

/* Only '&' and what is outside ASCII are written otherwise (RFC 3501, 5.1.3). */
static void encode_level(GString *wire, const char *level, size_t size)
{
	const char *end = level + size;

	for (const char *at = level; at < end;) {
		if ((unsigned char)*at >= 0x80) {
			at = encode_run(wire, at, end);
			continue;
		}
		g_string_append_c(wire, *at);
		if (*at == '&')
			g_string_append_c(wire, '-');
		at++;
	}
}

int mailbox_name_encode(const char *name, char delimiter, char **ret_wire, struct error *err)
{
	if (check_name(name, err) < 0)
		return -1;

	g_autoptr(GString) wire = g_string_new(NULL);
	const char *level = name;

	for (;;) {
		size_t size = delimiter ? strcspn(level, "/") : strlen(level);

		if (delimiter && check_level(name, level, size, delimiter, err) < 0)
			return -1;
		if (level == name && is_inbox(level, size))
			g_string_append(wire, "INBOX");
		else
			encode_level(wire, level, size);
		if (!level[size])
			break;
		g_string_append_c(wire, delimiter);
		level += size + 1;
	}
	*ret_wire = steal_as_malloced(g_steal_pointer(&wire));
	return 0;
}

/* --- to the operator --------------------------------------------------- */

/* The base64 of one shift as UTF-8, or NULL if it is not UTF-16BE text without control characters.
 */
static char *decode_run(const char *digits, size_t size)
{
	g_autoptr(GArray) units = g_array_new(FALSE, FALSE, sizeof(gunichar2));
	uint32_t bits = 0;
	unsigned int bit_count = 0;

	for (size_t i = 0; i < size; i++) {
		const char *digit = strchr(base64_digits, digits[i]);

		if (!digit || !*digit)
			return NULL;
		bits = bits << 6 | (uint32_t)(digit - base64_digits);
		bit_count += 6;
		if (bit_count >= 16) {
			gunichar2 unit;

			bit_count -= 16;
			unit = (gunichar2)(bits >> bit_count);
			bits &= (1U << bit_count) - 1;
			/* A name that shows as several lines, or as nothing, is shown undecoded. */
			if (unit < ' ' || (unit >= 0x7f && unit < 0xa0))
				return NULL;
			g_array_append_val(units, unit);
		}
	}
	/* The padding is shorter than a digit and all zeros. */
	if (bit_count >= 6 || bits != 0)
		return NULL;
	return g_utf16_to_utf8((const gunichar2 *)(const void *)units->data, units->len, NULL, NULL,
			       NULL);
}

/* `shift` points at '&'; returns what follows the shift, or NULL where there is none to decode. */
static const char *decode_shift(GString *name, const char *shift)
{
	const char *end = strchr(shift, '-');

	if (!end)
		return NULL;
	/* "&-" stands for '&' itself. */
	if (end == shift + 1) {
		g_string_append_c(name, '&');
		return end + 1;
	}

	g_autofree char *text = decode_run(shift + 1, (size_t)(end - shift - 1));

	if (!text)
		return NULL;
	g_string_append(name, text);
	return end + 1;
}

char *mailbox_name_decode(const char *wire, char delimiter)
{
	g_autoptr(GString) name = g_string_new(NULL);

	for (const char *at = wire; *at;) {
		const char *next = *at == '&' ? decode_shift(name, at) : NULL;

		if (!next) {
			g_string_append_c(name, delimiter && *at == delimiter ? '/' : *at);
			next = at + 1;
		}
		at = next;
	}

	g_autofree char *valid = g_utf8_make_valid(name->str, (gssize)name->len);

	g_string_assign(name, valid);
	return steal_as_malloced(g_steal_pointer(&name));
}

/* --- two names --------------------------------------------------------- */

/* A name decoded, with INBOX in capitals. Names with bytes outside ASCII are no modified UTF-7 and
 * stay as they are: decoding turns different bytes into the same U+FFFD. */
static char *canonical_name(const char *wire, char delimiter)
{
	/* Only ASCII can be modified UTF-7. */
	bool ascii = g_str_is_ascii(wire);
	char *name = ascii ? mailbox_name_decode(wire, '\0') : strdup(wire);

	if (!name)
		abort();

	size_t size = strlen(name);

	if (delimiter && size > 1 && name[size - 1] == delimiter)
		name[--size] = '\0';

	const char *end = delimiter ? strchr(name, delimiter) : NULL;

	if (is_inbox(name, end ? (size_t)(end - name) : size))
		memcpy(name, "INBOX", 5);
	return name;
}

bool mailbox_name_is_same(const char *wire, const char *other, char delimiter)
{
	char *one = canonical_name(wire, delimiter);
	char *two = canonical_name(other, delimiter);
	bool same = !strcmp(one, two);

	free(one);
	free(two);
	return same;
}

/* True if `name` ends with a level boundary and `end`, as "INBOX/Work" does with "Work". */
static bool may_be_below(const char *name, const char *end)
{
	size_t name_size = strlen(name);
	size_t end_size = strlen(end);

	return name_size > end_size + 1 && name[name_size - end_size - 1] == '/' &&
	       !g_ascii_strcasecmp(name + name_size - end_size, end);
}

const char *mailbox_name_attribute(const char *name)
{
	static const char *const attributes[] = {"\\All",  "\\Archive", "\\Drafts", "\\Flagged",
						 "\\Junk", "\\Sent",	"\\Trash",  "\\Important"};

	for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
		if (!g_ascii_strcasecmp(name, attributes[i]))
			return attributes[i];
	}
	return NULL;
}

bool mailbox_name_may_be_same(const char *name, const char *other)
{
	if (mailbox_name_attribute(name) || mailbox_name_attribute(other))
		return true;
	return !g_ascii_strcasecmp(name, other) || may_be_below(name, other) ||
	       may_be_below(other, name);
}
