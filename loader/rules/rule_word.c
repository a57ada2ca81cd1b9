/* Cuts a rule into words as Sieve does (RFC 5228, section 2): names, :tags, "strings", numbers with K, M or
 * G, marks; comments go. A string keeps its backslashes but for \" and \\, so that expressions read as
 * everywhere else. */
#include "loader/rules/rules_internal.h"

#include <string.h>

/* The text of a word lies in one buffer, which the next word overwrites. */
void rule_reader_open(struct rule_reader *reader, const char *source)
{
	*reader = (struct rule_reader){.source = source, .text = g_string_new(NULL)};
}

void rule_reader_close(struct rule_reader *reader)
{
	g_string_free(reader->text, TRUE);
}

/* Characters are counted from 1 and as a person counts them, whatever bytes they have. */
int rule_reader_fail(const struct rule_reader *reader, const char *expected, struct error *err)
{
	const size_t length = MIN(reader->end - reader->begin, 40);
	const long at = g_utf8_strlen(reader->source, (gssize)reader->begin) + 1;
	if (reader->kind == WORD_END)
		return error_set(err, ERROR_CONFIGURATION, "the rule ends where %s is expected",
				 expected);
	return error_set(err, ERROR_CONFIGURATION, "character %ld, '%.*s': %s is expected", at,
			 (int)length, reader->source + reader->begin, expected);
}

bool rule_reader_is_mark(const struct rule_reader *reader, char mark)
{
	return reader->kind == WORD_MARK && reader->mark == mark;
}

/* A mark that has to stand here; reads on behind it. */
int rule_reader_skip(struct rule_reader *reader, char mark, struct error *err)
{
	const char expected[] = {'\'', mark, '\'', '\0'};
	if (!rule_reader_is_mark(reader, mark))
		return rule_reader_fail(reader, expected, err);
	return rule_reader_next(reader, err);
}

/* A comment goes from # to the end of its line, or stands in slash and asterisk. */
static size_t skip_blanks(const char *source, size_t at)
{
	for (;;) {
		if (source[at] == '#') {
			at += strcspn(source + at, "\n");
		} else if (source[at] == '/' && source[at + 1] == '*') {
			const char *end = strstr(source + at + 2, "*/");
			at = end != NULL ? (size_t)(end - source) + 2 : strlen(source);
		} else if (source[at] != '\0' && strchr(" \t\r\n", source[at]) != NULL) {
			at++;
		} else {
			return at;
		}
	}
}

/* A hyphen divides no name; -5 is a number only where it begins a word. */
static bool is_name_char(char byte)
{
	return g_ascii_isalnum(byte) || byte == '_' || byte == '-';
}

/* Names and tags are compared in lower case. */
static void read_name(struct rule_reader *reader)
{
	while (is_name_char(reader->source[reader->end]))
		g_string_append_c(reader->text, g_ascii_tolower(reader->source[reader->end++]));
}

/* "\d" stays two characters, so that an expression need not be written with twice as many backslashes. */
static int read_string(struct rule_reader *reader, struct error *err)
{
	const char *source = reader->source;
	reader->kind = WORD_STRING;
	for (reader->end++; source[reader->end] != '"'; reader->end++) {
		if (source[reader->end] == '\0')
			return error_set(err, ERROR_CONFIGURATION,
					 "character %ld: a \" ends no string",
					 g_utf8_strlen(source, (gssize)reader->begin) + 1);
		if (g_str_has_prefix(source + reader->end, "\\\"") ||
		    g_str_has_prefix(source + reader->end, "\\\\"))
			reader->end++;
		g_string_append_c(reader->text, source[reader->end]);
	}
	reader->end++;
	return 0;
}

/* The last letter multiplies: 10K is 10,240 (RFC 5228, section 2.4.1). */
static int read_number(struct rule_reader *reader, struct error *err)
{
	static const char units[] = "kmg";
	char *end;
	reader->kind = WORD_NUMBER;
	int64_t number = g_ascii_strtoll(reader->source + reader->begin, &end, 10);
	const char *unit = *end != '\0' ? strchr(units, g_ascii_tolower(*end)) : NULL;
	if (unit != NULL)
		end++;
	reader->end = (size_t)(end - reader->source);
	g_string_append_len(reader->text, reader->source + reader->begin,
			    (gssize)(reader->end - reader->begin));
	if (is_name_char(*end) || number > INT32_MAX || number < INT32_MIN)
		return rule_reader_fail(reader, "a number up to 2147483647, or one with K, M or G",
					err);
	reader->number = unit != NULL ? number * (INT64_C(1) << 10 * (unit - units + 1)) : number;
	return 0;
}

/* Typographic quotation marks come with pasted text: the error names the straight one. */
int rule_reader_next(struct rule_reader *reader, struct error *err)
{
	reader->before = reader->end;
	reader->begin = reader->end = skip_blanks(reader->source, reader->end);
	g_string_truncate(reader->text, 0);
	const char first = reader->source[reader->begin];
	const char second = first != '\0' ? reader->source[reader->begin + 1] : '\0';
	if (first == '\0') {
		reader->kind = WORD_END;
		return 0;
	}
	if (first == '"')
		return read_string(reader, err);
	if (g_ascii_isdigit(first) || (first == '-' && g_ascii_isdigit(second)))
		return read_number(reader, err);
	if (g_ascii_isalpha(first) || first == '_') {
		reader->kind = WORD_NAME;
		read_name(reader);
		return 0;
	}
	reader->end++;
	if (first == ':' && g_ascii_isalpha(second)) {
		reader->kind = WORD_TAG;
		read_name(reader);
		return 0;
	}
	reader->kind = WORD_MARK;
	reader->mark = first;
	if (strchr("()[]{},;", first) != NULL)
		return 0;
	reader->end = reader->begin + (size_t)(g_utf8_next_char(reader->source + reader->begin) -
					       (reader->source + reader->begin));
	return rule_reader_fail(reader,
				g_unichar_ispunct(g_utf8_get_char(reader->source + reader->begin))
				    ? "a word, or a straight quotation mark (\")"
				    : "a word",
				err);
}
