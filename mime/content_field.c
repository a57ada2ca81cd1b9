/* The one reader of structured MIME fields: it knows what mailers get wrong, and writes down what
 * they meant for those who need it strictly. */
#include "mime/content_field.h"

#include "mime/ascii.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

enum { TYPE_MAX = 128 };

struct cursor {
	const char *at;
	const char *end;
};

/* Some mailers leave a NUL in a field. */
static bool is_gap(char c)
{
	return ascii_is_white((unsigned char)c) || c == '\0';
}

static bool at_end(const struct cursor *cursor)
{
	return cursor->at == cursor->end;
}

static bool at_char(const struct cursor *cursor, char c)
{
	return !at_end(cursor) && *cursor->at == c;
}

/* Behind the comment that begins at `at`; the end where it has none. */
static const char *comment_end(const char *at, const char *end)
{
	size_t depth = 0;

	for (; at < end; at++) {
		if (*at == '\\' && at + 1 < end)
			at++;
		else if (*at == '(')
			depth++;
		else if (*at == ')' && --depth == 0)
			return at + 1;
	}
	return end;
}

static void skip_blanks(struct cursor *cursor)
{
	while (!at_end(cursor) && is_gap(*cursor->at))
		cursor->at++;
}

/* RFC 5322, 3.2.2: comments may stand between any two tokens, and inside of each other. */
static void skip_comments(struct cursor *cursor)
{
	skip_blanks(cursor);
	while (at_char(cursor, '(')) {
		cursor->at = comment_end(cursor->at, cursor->end);
		skip_blanks(cursor);
	}
}

/* What comes out is one line, and a C string. */
static void append(GString *text, char c)
{
	if (c != '\r' && c != '\n' && c != '\0')
		g_string_append_c(text, c);
}

/* Without its quotes and what they escape. */
static void read_quoted(struct cursor *cursor, GString *text)
{
	for (cursor->at++; !at_end(cursor) && *cursor->at != '"'; cursor->at++) {
		if (*cursor->at == '\\' && cursor->at + 1 < cursor->end)
			cursor->at++;
		append(text, *cursor->at);
	}
	if (!at_end(cursor))
		cursor->at++;
}

/* As it is written, its quotes included: in a file name a backslash may be a folder's. */
static void copy_quoted(struct cursor *cursor, GString *text)
{
	append(text, *cursor->at++);
	while (!at_end(cursor) && *cursor->at != '"') {
		if (*cursor->at == '\\' && cursor->at + 1 < cursor->end && cursor->at[1] == '"')
			append(text, *cursor->at++);
		append(text, *cursor->at++);
	}
	if (!at_end(cursor))
		append(text, *cursor->at++);
}

/* A NUL is no stop: strchr() would find it at the end of any list. */
static void read_until(struct cursor *cursor, const char *stops, bool blanks_stop, GString *text)
{
	while (!at_end(cursor) && !(*cursor->at && strchr(stops, *cursor->at)) &&
	       !(blanks_stop && is_gap(*cursor->at)))
		append(text, *cursor->at++);
}

/* In quotes, whatever it holds: parameters_parse() need not know what mailers leave out. */
static void append_quoted(GString *field, const char *text)
{
	g_string_append_c(field, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			g_string_append_c(field, '\\');
		g_string_append_c(field, *text);
	}
	g_string_append_c(field, '"');
}

/* Before the star of "filename*0*". */
static bool name_is(const char *name, const char *wanted)
{
	size_t length = strcspn(name, "*");

	return strlen(wanted) == length && g_ascii_strncasecmp(name, wanted, length) == 0;
}

/* Blanks and commas are letters of a file name, so that only a semicolon ends one. */
static void read_file_name(struct cursor *cursor, GString *field)
{
	skip_blanks(cursor);
	if (at_char(cursor, '"'))
		copy_quoted(cursor, field);
	else
		read_until(cursor, ";", false, field);
}

/* A boundary may hold commas and parentheses; other values end there. */
static void read_value(struct cursor *cursor, const char *name, GString *field)
{
	g_autoptr(GString) text = g_string_new(NULL);

	skip_comments(cursor);
	if (at_char(cursor, '"'))
		read_quoted(cursor, text);
	else
		read_until(cursor, name_is(name, "boundary") ? ";" : ";,(", true, text);
	append_quoted(field, text->str);
}

/* A name without a value says nothing; a value without a name nobody can ask for. */
static void read_parameter(struct cursor *cursor, GString *field)
{
	g_autoptr(GString) name = g_string_new(NULL);

	read_until(cursor, "=;,(", true, name);
	skip_comments(cursor);
	if (!at_char(cursor, '='))
		return;
	cursor->at++;
	if (name->len == 0)
		return;
	g_string_append_printf(field, "; %s=", name->str);
	/* The extended form has percent signs where others have quotes. */
	if (name_is(name->str, "filename") || name_is(name->str, "name"))
		read_file_name(cursor, field);
	else
		read_value(cursor, name->str, field);
}

/* Blanks and comments may stand around the slash of a type. */
static void read_first(struct cursor *cursor, GString *field)
{
	struct cursor start;

	skip_comments(cursor);
	start = *cursor;
	do {
		if (at_char(cursor, '"'))
			read_quoted(cursor, field);
		else
			read_until(cursor, ";,(", true, field);
		skip_comments(cursor);
	} while (at_char(cursor, '/') || (g_str_has_suffix(field->str, "/") && !at_end(cursor) &&
					  !strchr(";,", *cursor->at)));
	/* It is a parameter. */
	if (strcspn(field->str, "=") < strcspn(field->str, "/")) {
		g_string_truncate(field, 0);
		*cursor = start;
	}
}

char *content_field_clean(const char *raw, size_t length)
{
	struct cursor cursor = {raw, raw + length};
	GString *field = g_string_sized_new(length + 16);

	read_first(&cursor, field);
	while (!at_end(&cursor)) {
		const char *before = cursor.at;

		skip_comments(&cursor);
		while (at_char(&cursor, ';') || at_char(&cursor, ','))
			cursor.at++;
		skip_comments(&cursor);
		read_parameter(&cursor, field);
		/* Nothing that could be read. */
		if (cursor.at == before)
			cursor.at++;
	}
	return g_string_free(field, FALSE);
}

char *content_field_type(const char *value)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$&^_.+-%'*`|~{}";
	g_autofree char *lower = g_ascii_strdown(value, -1);
	size_t type = strspn(lower, token);
	size_t subtype = lower[type] == '/' ? strspn(lower + type + 1, token) : 0;

	if (type == 0 || subtype == 0 || type + subtype >= TYPE_MAX)
		return NULL;
	return g_strndup(lower, type + 1 + subtype);
}
