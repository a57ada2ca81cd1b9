/*
 * Makes lines comparable: words that look the same are the same bytes in their folded form.
 */
#include "mime/reply.h"

#include <stdbool.h>
#include <string.h>

/* One character that is not ASCII. What looks the same is the same: blanks of all kinds, both
 * apostrophes; marks that only say in which direction text runs are left out. */
static void fold_character(GString *folded, gunichar c)
{
	const GUnicodeType type = g_unichar_type(c);
	if (type == G_UNICODE_SPACE_SEPARATOR)
		g_string_append_c(folded, ' ');
	else if (c == 0x2019)
		g_string_append_c(folded, '\'');
	else if (type != G_UNICODE_FORMAT)
		g_string_append_unichar(folded, g_unichar_tolower(c));
}

static char fold_byte(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* False: the line has characters that are not ASCII. */
static bool fold_ascii(char *line)
{
	for (; *line != '\0'; line++) {
		if ((*line & 0x80) != 0)
			return false;
		*line = fold_byte(*line);
	}
	return true;
}

/* Without blanks around it, in lower case. Each line of a mail comes here: ASCII is the cheap case.
 */
static char *fold_line(const char *line)
{
	g_autofree char *copy = g_strdup(line);
	if (fold_ascii(copy))
		return g_strstrip(g_steal_pointer(&copy));
	GString *folded = g_string_sized_new(strlen(line) + 1);
	for (const char *next; *line != '\0'; line = next) {
		next = g_utf8_next_char(line);
		if (next == line + 1)
			g_string_append_c(folded, fold_byte(*line));
		else
			fold_character(folded, g_utf8_get_char(line));
	}
	return g_strstrip(g_string_free(folded, FALSE));
}

struct lines lines_split(const char *text, size_t length)
{
	g_autofree char *copy = g_strndup(text, length);
	struct lines lines = {.text = g_strsplit(copy, "\n", -1)};
	lines.count = g_strv_length(lines.text);
	lines.folded = g_new0(char *, lines.count);
	return lines;
}

void lines_clear(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		g_free(lines->folded[i]);
	g_free(lines->folded);
	g_strfreev(lines->text);
}

const char *line_at(struct lines *lines, size_t index)
{
	if (index >= lines->count)
		return NULL;
	if (lines->folded[index] == NULL)
		lines->folded[index] = fold_line(lines->text[index]);
	return lines->folded[index];
}
