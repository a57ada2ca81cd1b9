#include "mime/parameter.h"

#include "mime/charset_choice.h"
#include "mime/word.h"

#include <stdbool.h>
#include <string.h>

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
	char *bytes;
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
	g_free(parameter->bytes);
	g_free(parameter);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

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
	while (at < end && *at != ';' && (with_blanks || !is_blank(*at))) {
		if (*at != '\r' && *at != '\n')
			g_string_append_c(value, *at);
		at++;
	}
	while (value->len > 0 && is_blank(value->str[value->len - 1]))
		g_string_truncate(value, value->len - 1);
	while (at < end && *at != ';')
		at++;
	return at;
}

/* "filename*1*" -> filename, section 1, extended. */
static void piece_name(struct piece *piece, const char *at, const char *end)
{
	while (end > at && is_blank(end[-1]))
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

static void append_percent_decoded(GString *bytes, const char *text)
{
	for (; *text; text++) {
		if (*text == '%' && g_ascii_isxdigit(text[1]) && g_ascii_isxdigit(text[2])) {
			int byte =
			    g_ascii_xdigit_value(text[1]) * 16 + g_ascii_xdigit_value(text[2]);
			/* A zero byte would end the name; nothing ends a name that way honestly. */
			if (byte != 0)
				g_string_append_c(bytes, (char)byte);
			text += 2;
		} else {
			g_string_append_c(bytes, *text);
		}
	}
}

/* charset'language'text in the first piece, only text in the others. */
static void append_extended(struct parameter *parameter, GString *bytes, const struct piece *piece)
{
	const char *text = piece->value->str;
	const char *quote = strchr(text, '\'');
	const char *second = quote ? strchr(quote + 1, '\'') : NULL;

	if (piece->section <= 0 && second) {
		if (quote > text)
			parameter->charset = g_strndup(text, (size_t)(quote - text));
		text = second + 1;
	}
	append_percent_decoded(bytes, text);
}

static const struct piece *find_section(const GPtrArray *pieces, const char *name, int section)
{
	for (guint i = 0; i < pieces->len; i++) {
		const struct piece *piece = g_ptr_array_index(pieces, i);
		if (piece->section == section && strcmp(piece->name, name) == 0)
			return piece;
	}
	return NULL;
}

static struct parameter *join_sections(const GPtrArray *pieces, const struct piece *first)
{
	struct parameter *parameter = g_new0(struct parameter, 1);
	GString *bytes = g_string_new(NULL);
	const struct piece *piece = first;

	parameter->name = g_strdup(first->name);
	parameter->extended = first->extended || first->section == 0;
	for (int section = MAX(first->section, 0); piece; section++) {
		if (piece->extended)
			append_extended(parameter, bytes, piece);
		else
			g_string_append(bytes, piece->value->str);
		piece = first->section == SECTION_NONE
			    ? NULL
			    : find_section(pieces, first->name, section + 1);
	}
	parameter->bytes = g_string_free(bytes, FALSE);
	return parameter;
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

static void add(struct parameters *parameters, struct parameter *parameter)
{
	struct parameter *other = find(parameters, parameter->name);

	if (!other) {
		g_ptr_array_add(parameters->list, parameter);
		return;
	}
	if (parameter->extended && !other->extended) {
		struct parameter swapped = *other;
		*other = *parameter;
		*parameter = swapped;
	}
	parameter_free(parameter);
}

struct parameters *parameters_parse(const char *raw, size_t length)
{
	const char *end = raw + length;
	const char *at = skip_blanks(raw, end);
	const char *value = at;
	struct parameters *parameters = g_new0(struct parameters, 1);
	g_autoptr(GPtrArray) pieces = g_ptr_array_new_with_free_func(piece_free);

	while (at < end && *at != ';' && !is_blank(*at) && *at != '(')
		at++;
	parameters->value = g_ascii_strdown(value, at - value);
	parameters->list = g_ptr_array_new_with_free_func(parameter_free);
	while (at < end && *at != ';')
		at++;
	while (at < end && pieces->len < PARAMETERS_MAX)
		at = read_piece(at + 1, end, pieces);

	for (guint i = 0; i < pieces->len; i++) {
		const struct piece *piece = g_ptr_array_index(pieces, i);
		if (piece->section <= 0)
			add(parameters, join_sections(pieces, piece));
	}
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

	return parameter ? parameter->bytes : NULL;
}

char *parameters_text(const struct parameters *parameters, const char *name, const char *hint,
		      struct defects *defects)
{
	const struct parameter *parameter = find(parameters, name);

	if (!parameter)
		return NULL;
	if (parameter->charset)
		return charset_line(parameter->bytes, strlen(parameter->bytes), parameter->charset,
				    hint, "a parameter", defects);
	return word_decode(parameter->bytes, strlen(parameter->bytes), hint, "a parameter",
			   defects);
}
