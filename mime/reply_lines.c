/*
 * Makes lines comparable: words that look the same are the same bytes in their folded form. The
 * text is folded as a whole and then cut at its line ends, which no folding moves.
 */
#include "mime/reply.h"

#include "mime/ascii.h"

#include <string.h>

enum { UTF8_MAX = 6 };

/* One character that is not ASCII; returns how many bytes it takes. What looks the same is the
 * same: blanks of all kinds, both apostrophes; marks that only say in which direction text runs are
 * left out. */
static size_t fold_character(gunichar c, char folded[UTF8_MAX])
{
	const GUnicodeType type = g_unichar_type(c);
	if (type == G_UNICODE_FORMAT)
		return 0;
	if (type == G_UNICODE_SPACE_SEPARATOR || c == 0x2019) {
		folded[0] = c == 0x2019 ? '\'' : ' ';
		return 1;
	}
	return (size_t)g_unichar_to_utf8(g_unichar_tolower(c), folded);
}

/* No character has a lower case of twice its bytes. */
static char *fold(const char *text, size_t length)
{
	const char *const end = text + length;
	char *const folded = g_malloc(2 * length + UTF8_MAX);
	char *to = folded;
	while (text < end) {
		if ((*text & 0x80) != 0) {
			to += fold_character(g_utf8_get_char(text), to);
			text = g_utf8_next_char(text);
			continue;
		}
		/* A control character stands for itself. */
		const size_t left = (size_t)(end - text);
		const size_t span = MAX(ascii_span((const unsigned char *)text, left), 1);
		memcpy(to, text, span);
		text += span;
		to += span;
	}
	*to = '\0';
	ascii_lower((unsigned char *)folded, (size_t)(to - folded));
	return folded;
}

/* Ends the line; returns where the next one begins, NULL behind the last one. */
static char *cut_line(char *line)
{
	char *const end = strchr(line, '\n');
	if (end != NULL)
		*end = '\0';
	return end != NULL ? end + 1 : NULL;
}

static bool ends_with_colon(const char *folded)
{
	static const char wide[] = "：";
	const size_t length = strlen(folded);
	const size_t wide_length = sizeof(wide) - 1;
	return (length > 0 && folded[length - 1] == ':') ||
	       (length >= wide_length && strcmp(folded + length - wide_length, wide) == 0);
}

bool holds_any(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strstr(text, words[i]) != NULL)
			return true;
	}
	return false;
}

struct lines lines_split(const char *text, size_t length, const char *const *hints,
			 size_t hint_count)
{
	struct lines lines = {
	    .text = g_strndup(text, length),
	    .line = g_array_new(FALSE, FALSE, sizeof(struct reply_line)),
	};
	lines.folded = fold(lines.text, strlen(lines.text));
	lines.has_hint = holds_any(lines.folded, hints, hint_count);

	char *folded = lines.folded;
	for (char *at = *lines.text != '\0' ? lines.text : NULL; at != NULL;) {
		struct reply_line line = {.text = at};
		char *const next_folded = cut_line(folded);
		at = cut_line(at);
		line.folded = g_strstrip(folded);
		line.ends_with_colon = ends_with_colon(line.folded);
		g_array_append_val(lines.line, line);
		folded = next_folded;
	}
	lines.count = lines.line->len;
	return lines;
}

void lines_clear(struct lines *lines)
{
	g_array_unref(lines->line);
	g_free(lines->folded);
	g_free(lines->text);
}

static const struct reply_line *entry_at(const struct lines *lines, size_t index)
{
	return index < lines->count ? &g_array_index(lines->line, struct reply_line, index) : NULL;
}

const char *line_at(const struct lines *lines, size_t index)
{
	const struct reply_line *line = entry_at(lines, index);
	return line != NULL ? line->folded : NULL;
}

const char *line_text_at(const struct lines *lines, size_t index)
{
	const struct reply_line *line = entry_at(lines, index);
	return line != NULL ? line->text : NULL;
}

bool line_ends_with_colon(const struct lines *lines, size_t index)
{
	const struct reply_line *line = entry_at(lines, index);
	return line != NULL && line->ends_with_colon;
}
