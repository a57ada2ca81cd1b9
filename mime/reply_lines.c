/*
 * Makes lines comparable: words that look the same are the same bytes in their folded form. The
 * text is folded as a whole and then cut at its line ends, which no folding moves.
 */
#include "mime/reply.h"

#include "mime/ascii.h"

#include <string.h>

enum { UTF8_MAX = 6 };

/* Characters below FOLD_KNOWN have at most two bytes. Between the next two, all of three bytes, none has
 * another case, is a blank, or says how text runs. */
enum { FOLD_KNOWN = 0x800, CASELESS_ABOVE = 0x3000, CASELESS_BELOW = 0xa640, CASELESS_BYTES = 3 };

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

/* What has two bytes is folded once and remembered. */
static size_t fold_long(const char *text, char folded[UTF8_MAX])
{
	static struct {
		unsigned char length; /* and one more, so that 0 is a character not seen yet */
		char bytes[3];
	} known[FOLD_KNOWN];
	const gunichar c = g_utf8_get_char(text);
	if (c > CASELESS_ABOVE && c < CASELESS_BELOW) {
		memcpy(folded, text, CASELESS_BYTES);
		return CASELESS_BYTES;
	}
	if (c >= FOLD_KNOWN)
		return fold_character(c, folded);
	if (known[c].length == 0) {
		const size_t length = fold_character(c, folded);
		known[c].length = (unsigned char)(length + 1);
		memcpy(known[c].bytes, folded, length);
	}
	memcpy(folded, known[c].bytes, sizeof(known[c].bytes));
	return known[c].length - 1U;
}

/* No character has a lower case of twice its bytes. */
static char *fold(const char *text, size_t length)
{
	const char *const end = text + length;
	char *const folded = g_malloc(2 * length + ASCII_WORD_BYTES);
	char *to = folded;
	while (text < end) {
		const size_t span =
		    ascii_lower_span((const unsigned char *)text, (size_t)(end - text), to);
		text += span;
		to += span;
		if (text < end) {
			to += fold_long(text, to);
			text = g_utf8_next_char(text);
		}
	}
	*to = '\0';
	return folded;
}

/* Ends the line at its line end, or at `end`; returns how long it is. */
static size_t cut_line(char *line, char *end)
{
	char *const newline = memchr(line, '\n', (size_t)(end - line));
	char *const stop = newline != NULL ? newline : end;
	*stop = '\0';
	return (size_t)(stop - line);
}

/* Takes the blanks around the line away. */
static char *strip(char *line, size_t *length)
{
	while (*length > 0 && g_ascii_isspace(line[*length - 1]))
		(*length)--;
	line[*length] = '\0';
	while (*length > 0 && g_ascii_isspace(*line)) {
		line++;
		(*length)--;
	}
	return line;
}

static bool ends_with_colon(const char *folded, size_t length)
{
	static const char wide[] = "：";
	const size_t wide_length = sizeof(wide) - 1;
	return (length > 0 && folded[length - 1] == ':') ||
	       (length >= wide_length && strcmp(folded + length - wide_length, wide) == 0);
}

static size_t count_lines(const char *text)
{
	size_t count = *text != '\0';
	for (const char *end = text; (end = strchr(end, '\n')) != NULL; end++)
		count++;
	return count;
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
	struct lines lines = {.text = g_strndup(text, length)};
	char *at = lines.text;
	char *const end = at + strlen(at);

	lines.folded = fold(at, (size_t)(end - at));
	lines.has_hint = holds_any(lines.folded, hints, hint_count);
	lines.count = count_lines(at);
	lines.line = g_new(struct reply_line, lines.count);
	char *folded = lines.folded;
	char *const folded_end = folded + strlen(folded);
	for (size_t i = 0; i < lines.count; i++) {
		struct reply_line *line = &lines.line[i];
		size_t folded_length = cut_line(folded, folded_end);
		char *const next_folded = folded + folded_length + 1;
		line->text = at;
		at += cut_line(at, end) + 1;
		line->folded = strip(folded, &folded_length);
		line->ends_with_colon = ends_with_colon(line->folded, folded_length);
		folded = next_folded;
	}
	return lines;
}

void lines_clear(struct lines *lines)
{
	g_free(lines->line);
	g_free(lines->folded);
	g_free(lines->text);
}

static const struct reply_line *entry_at(const struct lines *lines, size_t index)
{
	return index < lines->count ? &lines->line[index] : NULL;
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
