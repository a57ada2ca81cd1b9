/*
 * Finds addresses in words: from each "@" it goes to the left and to the right as far as an address
 * may.
 */
#include "mime/address.h"

#include <glib.h>
#include <string.h>

/* How far the end of "[192.0.2.1]" is looked for: hostile lists stay linear. */
enum { LITERAL_MAX = 64 };

static bool is_atom(char c)
{
	return (unsigned char)c > ' ' && !strchr("()<>[]:;,\"@", c);
}

/* Where the quoted local part begins that ends before `at`. */
static size_t quoted_begin(const char *text, size_t from, size_t at)
{
	size_t begin = at - 1;

	while (begin > from && text[begin - 1] != '"')
		begin--;
	return begin > from ? begin - 1 : at;
}

static size_t atoms_begin(const char *text, size_t from, size_t at)
{
	while (at > from && is_atom(text[at - 1]))
		at--;
	return at;
}

static size_t blanks_begin(const char *text, size_t from, size_t at)
{
	while (at > from && text[at - 1] == ' ')
		at--;
	return at;
}

/* Where the local part begins that ends before `at`; `at` when there is none. */
static size_t local_begin(const char *text, size_t from, size_t at)
{
	size_t end = blanks_begin(text, from, at);

	if (end > from && text[end - 1] == '"')
		return quoted_begin(text, from, end);
	size_t begin = atoms_begin(text, from, end);
	if (begin == end)
		return at;
	for (;;) {
		size_t before = blanks_begin(text, from, begin);
		size_t more = atoms_begin(text, from, before);
		bool dotted = text[begin] == '.' || (before > from && text[before - 1] == '.');
		/* The dot of "Lee J. ann@example.com" is the name's. */
		bool is_initial = text[begin] != '.' && more > from && text[more] != '.';
		if (before == begin || more == before || !dotted || is_initial)
			return begin;
		begin = more;
	}
}

static size_t blanks_end(const char *text, size_t at)
{
	return at + strspn(text + at, " ");
}

static size_t atoms_end(const char *text, size_t at)
{
	while (text[at] && is_atom(text[at]))
		at++;
	return at;
}

/* Where the domain ends that begins at `at`; `at` when there is none. */
static size_t domain_end(const char *text, size_t at)
{
	size_t begin = blanks_end(text, at);
	size_t end = atoms_end(text, begin);

	if (text[begin] == '[') {
		size_t length = strnlen(text + begin, LITERAL_MAX);
		const char *close = memchr(text + begin, ']', length);
		return close ? (size_t)(close - text) + 1 : at;
	}
	if (begin == end)
		return at;
	for (;;) {
		size_t next = blanks_end(text, end);
		/* The dot of "ann@example.com. Thanks" ends a sentence. */
		bool open = text[end - 1] == '.' && !memchr(text + begin, '.', end - 1 - begin);
		if (next == end || !text[next] || !(text[next] == '.' || open))
			return end;
		size_t more = atoms_end(text, next);
		if (text[next] == '.' && more == next + 1)
			more = atoms_end(text, blanks_end(text, more));
		if (more == next || text[more] == '@')
			return end;
		end = more;
	}
}

bool address_bare_find(const char *text, size_t from, struct address_bare *ret_bare)
{
	const char *sign = text + from;

	while ((sign = strchr(sign, '@'))) {
		size_t at = (size_t)(sign - text);
		size_t begin = local_begin(text, from, at);
		size_t end = domain_end(text, at + 1);
		if (begin < at && end > at + 1) {
			*ret_bare = (struct address_bare){begin, end};
			return true;
		}
		sign++;
	}
	return false;
}

char *address_bare_clean(const char *text, size_t length)
{
	g_autoptr(GString) clean = g_string_sized_new(length);
	bool quoted = false;

	if (length > 7 && g_ascii_strncasecmp(text, "mailto:", 7) == 0) {
		text += 7;
		length -= 7;
	}
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '"')
			quoted = !quoted;
		if (quoted || text[i] != ' ')
			g_string_append_c(clean, text[i]);
	}
	if (clean->len > 2 && clean->str[0] == '\'' && clean->str[clean->len - 1] == '\'') {
		g_string_truncate(clean, clean->len - 1);
		g_string_erase(clean, 0, 1);
	}
	while (clean->len > 1 && clean->str[clean->len - 1] == '.')
		g_string_truncate(clean, clean->len - 1);
	return g_strdup(clean->str);
}
