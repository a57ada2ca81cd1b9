/* Splits the value at its semicolons as mailers write them, and then joins the pieces that RFC
 * 2231 divides. */
#include "mime/content_field.h"

#include "mime/ascii.h"
#include "mime/charset.h"
#include "mime/header.h"

#include <stdbool.h>
#include <string.h>

/* A mailer writes a handful of parameters, and a dozen sections of a long name. */
enum { PARAMETERS_MAX = 200, SECTION_NONE = -1, SECTION_MAX = 1000 };

/* One name=value as written. */
struct piece {
	char *name;
	int section; /* of a continuation, else SECTION_NONE */
	bool extended;
	GString *value;
};

struct parameter {
	char *name;
	char *charset; /* from the extended form; NULL for plain ones */
	bool extended; /* extended or continued */
	bool has_gap;  /* sections are missing */
	GString *bytes;
};

struct parameters {
	char *value;
	GPtrArray *list; /* of struct parameter */
};

static void piece_free(void *data)
{
	struct piece *piece = data;

	g_free(piece->name);
	g_string_free(piece->value, TRUE);
	g_free(piece);
}

static void parameter_free(void *data)
{
	struct parameter *parameter = data;

	g_free(parameter->name);
	g_free(parameter->charset);
	g_string_free(parameter->bytes, TRUE);
	g_free(parameter);
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && ascii_is_white((unsigned char)*at))
		at++;
	return at;
}

/* Only quotes and backslashes are escaped: C:\Temp\list.csv keeps its own. */
static const char *read_quoted(const char *at, const char *end, GString *value)
{
	for (at++; at < end && *at != '"'; at++) {
		if (*at == '\\' && at + 1 < end && (at[1] == '"' || at[1] == '\\'))
			at++;
		if (*at != '\r' && *at != '\n')
			g_string_append_c(value, *at);
	}
	while (at < end && *at != ';')
		at++;
	return at;
}

/* Blanks end a token, except in a file name, where they are taken for a part of it. */
static const char *read_token(const char *at, const char *end, bool with_blanks, GString *value)
{
	while (at < end && *at != ';' && (with_blanks || !ascii_is_white((unsigned char)*at))) {
		if (*at != '\r' && *at != '\n')
			g_string_append_c(value, *at);
		at++;
	}
	while (value->len > 0 && ascii_is_white((unsigned char)value->str[value->len - 1]))
		g_string_truncate(value, value->len - 1);
	while (at < end && *at != ';')
		at++;
	return at;
}

/* "filename*1*" -> filename, section 1, extended. */
static void piece_name(struct piece *piece, const char *at, const char *end)
{
	while (end > at && ascii_is_white((unsigned char)end[-1]))
		end--;
	if (end > at && end[-1] == '*') {
		piece->extended = true;
		end--;
	}
	const char *star = memchr(at, '*', (size_t)(end - at));
	if (star && star + 1 < end && g_ascii_isdigit(star[1])) {
		gint64 section = g_ascii_strtoll(star + 1, NULL, 10);
		piece->section = section < SECTION_MAX ? (int)section : SECTION_MAX;
		end = star;
	}
	piece->name = g_ascii_strdown(at, end - at);
}

static bool is_file_name(const char *name)
{
	return strcmp(name, "filename") == 0 || strcmp(name, "name") == 0;
}

/* Reads one piece at `at`, behind a ";"; returns where the next ";" is. */
static const char *read_piece(const char *at, const char *end, GPtrArray *pieces)
{
	at = skip_blanks(at, end);
	const char *name = at;
	while (at < end && *at != '=' && *at != ';')
		at++;
	if (at == end || *at == ';' || at == name)
		return memchr(at, ';', (size_t)(end - at)) ? memchr(at, ';', (size_t)(end - at))
							   : end;

	struct piece *piece = g_new0(struct piece, 1);
	piece->section = SECTION_NONE;
	piece->value = g_string_new(NULL);
	piece_name(piece, name, at);
	g_ptr_array_add(pieces, piece);
	at = skip_blanks(at + 1, end);
	if (at < end && *at == '"')
		return read_quoted(at, end, piece->value);
	return read_token(at, end, is_file_name(piece->name), piece->value);
}

/* A "%" that begins no hexadecimal number stays. */
static void append_percent_decoded(GString *bytes, const char *text)
{
	for (; *text; text++) {
		if (*text == '%' && g_ascii_isxdigit(text[1]) && g_ascii_isxdigit(text[2])) {
			int byte =
			    g_ascii_xdigit_value(text[1]) * 16 + g_ascii_xdigit_value(text[2]);
			g_string_append_c(bytes, (char)byte);
			text += 2;
		} else {
			g_string_append_c(bytes, *text);
		}
	}
}

/* Does charset'language' stand before the text? Behind the first section only a known charset does.
 */
static const char *behind_charset(const char *text, bool is_first, char **ret_charset)
{
	const char *quote = strchr(text, '\'');
	const char *second = quote ? strchr(quote + 1, '\'') : NULL;

	if (!second)
		return text;
	g_autofree char *charset = quote > text ? g_strndup(text, (size_t)(quote - text)) : NULL;
	if (!is_first && !(charset && charset_find(charset)))
		return text;
	*ret_charset = g_steal_pointer(&charset);
	return second + 1;
}

/* Some mailers write the extended form and forget the star: filename="utf-8''%E2%82%AC.txt". */
static bool lacks_star(const struct piece *piece)
{
	const char *text = piece->value->str;
	const char *quotes = strstr(text, "''");

	if (piece->extended || piece->section > 0 || !is_file_name(piece->name) || !quotes ||
	    !strchr(quotes, '%'))
		return false;
	g_autofree char *charset = g_strndup(text, (size_t)(quotes - text));
	return charset_find(charset) != NULL;
}

static void append_piece(struct parameter *parameter, const struct piece *piece)
{
	const char *text = piece->value->str;

	if (!piece->extended && !lacks_star(piece)) {
		g_string_append(parameter->bytes, text);
		return;
	}
	/* The section that named the charset may be the one that is missing. */
	if (parameter->bytes->len == 0)
		text = behind_charset(text, piece->section <= 0, &parameter->charset);
	append_percent_decoded(parameter->bytes, text);
}

/* A zero byte would end the name; nothing ends a name that way honestly, but UTF-16 is full of
 * them. */
static void drop_zero_bytes(struct parameter *parameter)
{
	const struct charset *charset =
	    parameter->charset ? charset_find(parameter->charset) : NULL;
	GString *bytes = parameter->bytes;
	size_t kept = 0;

	if (charset && charset_is_wide(charset))
		return;
	for (size_t i = 0; i < bytes->len; i++)
		if (bytes->str[i])
			bytes->str[kept++] = bytes->str[i];
	g_string_truncate(bytes, kept);
}

static struct parameter *parameter_new(const struct piece *piece)
{
	struct parameter *parameter = g_new0(struct parameter, 1);

	parameter->name = g_strdup(piece->name);
	parameter->extended = piece->extended || piece->section != SECTION_NONE;
	parameter->bytes = g_string_new(NULL);
	return parameter;
}

static int by_name_and_section(gconstpointer a, gconstpointer b)
{
	const struct piece *one = *(struct piece *const *)a;
	const struct piece *other = *(struct piece *const *)b;
	int names = strcmp(one->name, other->name);

	return names != 0 ? names : one->section - other->section;
}

static struct parameter *find(const struct parameters *parameters, const char *name)
{
	for (guint i = 0; i < parameters->list->len; i++) {
		struct parameter *parameter = g_ptr_array_index(parameters->list, i);
		if (strcmp(parameter->name, name) == 0)
			return parameter;
	}
	return NULL;
}

/* A name that has gaps gives way to a whole one, a plain one to an extended one. */
static bool is_better(const struct parameter *parameter, const struct parameter *other)
{
	if (parameter->has_gap != other->has_gap)
		return other->has_gap;
	return parameter->extended && !other->extended;
}

static void add(struct parameters *parameters, struct parameter *parameter)
{
	struct parameter *other = find(parameters, parameter->name);

	drop_zero_bytes(parameter);
	if (!other) {
		g_ptr_array_add(parameters->list, parameter);
		return;
	}
	if (is_better(parameter, other)) {
		struct parameter swapped = *other;
		*other = *parameter;
		*parameter = swapped;
	}
	parameter_free(parameter);
}

/* Joins the sections of each name in their order, whichever number they start with or leave out. */
static void add_continued(struct parameters *parameters, GPtrArray *sections)
{
	struct parameter *parameter = NULL;
	int expected = 0;

	g_ptr_array_sort(sections, by_name_and_section);
	for (guint i = 0; i < sections->len; i++) {
		const struct piece *piece = g_ptr_array_index(sections, i);
		if (!parameter || strcmp(parameter->name, piece->name) != 0) {
			if (parameter)
				add(parameters, parameter);
			parameter = parameter_new(piece);
			expected = 0;
		} else if (piece->section < expected) {
			continue;
		}
		parameter->has_gap = parameter->has_gap || piece->section != expected;
		expected = piece->section + 1;
		append_piece(parameter, piece);
	}
	if (parameter)
		add(parameters, parameter);
}

static void add_all(struct parameters *parameters, const GPtrArray *pieces)
{
	g_autoptr(GPtrArray) sections = g_ptr_array_new();

	for (guint i = 0; i < pieces->len; i++) {
		struct piece *piece = g_ptr_array_index(pieces, i);
		if (piece->section != SECTION_NONE) {
			g_ptr_array_add(sections, piece);
			continue;
		}
		struct parameter *parameter = parameter_new(piece);
		append_piece(parameter, piece);
		add(parameters, parameter);
	}
	add_continued(parameters, sections);
}

/* A comment may stand right behind the value. */
struct parameters *parameters_parse(const char *raw, size_t length)
{
	const char *end = raw + length;
	const char *at = skip_blanks(raw, end);
	const char *value = at;
	struct parameters *parameters = g_new0(struct parameters, 1);
	g_autoptr(GPtrArray) pieces = g_ptr_array_new_with_free_func(piece_free);

	while (at < end && *at != ';' && !ascii_is_white((unsigned char)*at) && *at != '(')
		at++;
	parameters->value = g_ascii_strdown(value, at - value);
	parameters->list = g_ptr_array_new_with_free_func(parameter_free);
	while (at < end && *at != ';')
		at++;
	while (at < end && pieces->len < PARAMETERS_MAX)
		at = read_piece(at + 1, end, pieces);

	add_all(parameters, pieces);
	return parameters;
}

void parameters_free(struct parameters *parameters)
{
	if (!parameters)
		return;
	g_free(parameters->value);
	g_ptr_array_unref(parameters->list);
	g_free(parameters);
}

const char *parameters_value(const struct parameters *parameters)
{
	return parameters->value;
}

const char *parameters_bytes(const struct parameters *parameters, const char *name)
{
	const struct parameter *parameter = find(parameters, name);

	return parameter ? parameter->bytes->str : NULL;
}

/* A plain value may hold encoded words: RFC 2047, 5, forbids them there, and most mailers write
 * them. */
char *parameters_text(const struct parameters *parameters, const char *name, const char *hint,
		      struct defects *defects)
{
	const struct parameter *parameter = find(parameters, name);

	if (!parameter)
		return NULL;
	if (parameter->has_gap)
		defects_add(defects, "sections of parameter '%s' are missing", name);
	const GString *bytes = parameter->bytes;
	if (parameter->charset)
		return charset_line(bytes->str, bytes->len, parameter->charset, hint, "a parameter",
				    defects);
	return word_decode(bytes->str, bytes->len, hint, "a parameter", defects);
}
