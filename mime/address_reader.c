/*
 * Takes a list of mailboxes apart at its commas, with quotes, comments and brackets told from
 * words.
 */
#include "mime/address.h"

#include "mime/ascii.h"
#include "mime/header.h"

#include <string.h>

/* How far a ">" is looked for, and a "]": no address is longer, and hostile lists stay linear. */
enum { ANGLE_MAX = 1024, LITERAL_MAX = 64 };

void address_reader_open(struct address_reader *reader, const char *text, size_t length)
{
	*reader = (struct address_reader){
	    .at = text,
	    .end = text + length,
	    .carried = g_string_new(NULL),
	    .phrase = g_string_new(NULL),
	    .comment = g_string_new(NULL),
	    .angle = g_string_new(NULL),
	};
}

void address_reader_close(struct address_reader *reader)
{
	g_string_free(reader->carried, TRUE);
	g_string_free(reader->phrase, TRUE);
	g_string_free(reader->comment, TRUE);
	g_string_free(reader->angle, TRUE);
}

/* Runs of blanks become one; none at the start. */
static void append_blank(GString *text)
{
	if (text->len > 0 && text->str[text->len - 1] != ' ')
		g_string_append_c(text, ' ');
}

static void append_quoted(GString *text, char c)
{
	if (c != '\r' && c != '\n' && c != ADDRESS_QUOTED_AT && c)
		g_string_append_c(text, c == '@' ? ADDRESS_QUOTED_AT : c);
}

/* The quote that closes the one at `at`; NULL when none does. */
static const char *quote_end(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at < end ? at : NULL;
}

/* The quoted local part of a bare address keeps its quotes: "a b"@example.com. */
static void read_quoted(struct address_reader *reader)
{
	const char *end = quote_end(reader->at, reader->end);
	bool is_local = end && end + 1 < reader->end && end[1] == '@';

	if (!end) {
		reader->no_quotes = true;
		reader->at++;
		return;
	}
	if (is_local)
		g_string_append_c(reader->phrase, '"');
	for (reader->at++; reader->at < end; reader->at++) {
		if (*reader->at == '\\')
			reader->at++;
		append_quoted(reader->phrase, *reader->at);
	}
	if (is_local)
		g_string_append_c(reader->phrase, '"');
	reader->at = end + 1;
}

/* The parenthesis that closes the one at `at`; NULL when none does. */
static const char *comment_end(const char *at, const char *end)
{
	size_t depth = 0;

	for (; at < end; at++) {
		if (*at == '(')
			depth++;
		else if (*at == ')' && --depth == 0)
			return at;
		else if (*at == '\\')
			at++;
	}
	return NULL;
}

static void read_comment(struct address_reader *reader)
{
	const char *end = comment_end(reader->at, reader->end);

	if (!end) {
		reader->no_comments = true;
		reader->at++;
		return;
	}
	g_string_truncate(reader->comment, 0);
	for (reader->at++; reader->at < end; reader->at++) {
		if (*reader->at == '\\' && reader->at + 1 < end)
			reader->at++;
		append_quoted(reader->comment, *reader->at);
	}
	reader->comment_at = reader->phrase->len;
	reader->at = end + 1;
}

/* The closing ">", behind quotes and comments. A "<" that is never closed ends where the next
 * mailbox would begin. */
static const char *angle_end(const struct address_reader *reader)
{
	const char *limit =
	    reader->end - reader->at > ANGLE_MAX ? reader->at + ANGLE_MAX : reader->end;

	for (const char *at = reader->at; at && at < limit && *at != '<'; at++) {
		if (*at == '>')
			return at;
		if (*at == '"')
			at = quote_end(at, limit);
		else if (*at == '(')
			at = comment_end(at, limit);
		if (!at)
			break;
	}
	for (const char *at = reader->at; at < reader->end; at++)
		if (strchr("<>,;", *at) && *at)
			return at;
	return reader->end;
}

/* Copies what stands in brackets: comments and blanks go, unless they are quoted. */
static void read_angle_content(struct address_reader *reader, const char *end)
{
	bool is_short = end - reader->at <= ANGLE_MAX;

	while (reader->at < end) {
		const char *close = NULL;
		char c = *reader->at;

		if (c == '(' && is_short && (close = comment_end(reader->at, end))) {
			reader->at = close + 1;
			continue;
		}
		if (c == '"' && is_short)
			close = quote_end(reader->at, end);
		for (; close && reader->at < close; reader->at++)
			append_quoted(reader->angle, *reader->at);
		if (!ascii_is_white((unsigned char)*reader->at) && *reader->at &&
		    *reader->at != ADDRESS_QUOTED_AT)
			g_string_append_c(reader->angle, *reader->at);
		reader->at++;
	}
}

/* Brackets that stand twice: <<ann@example.com>>. */
static void skip_brackets(struct address_reader *reader, char bracket)
{
	for (const char *at = reader->at;
	     at < reader->end && (*at == bracket || ascii_is_white((unsigned char)*at));) {
		if (*at++ != bracket)
			continue;
		reader->at = at;
		reader->has_double_brackets = true;
	}
}

/* What stood in brackets before was no address: it becomes a word. */
static void drop_angle(struct address_reader *reader)
{
	if (reader->angle->len == 0)
		return;
	append_blank(reader->phrase);
	g_string_append(reader->phrase, reader->angle->str);
	append_blank(reader->phrase);
	g_string_truncate(reader->angle, 0);
}

/* True when the address before had its own brackets: the words between belong to the next one. */
static bool end_angle(struct address_reader *reader)
{
	if (!reader->has_angle)
		return false;
	if (!strchr(reader->angle->str, '@')) {
		drop_angle(reader);
		return false;
	}
	const char *between = reader->phrase->str + reader->angle_at;
	g_string_assign(reader->carried, between + strspn(between, " "));
	g_string_truncate(reader->phrase, reader->angle_at);
	reader->comment_at = 0;
	reader->separator = ADDRESS_NO_SEPARATOR;
	return true;
}

static bool read_angle(struct address_reader *reader)
{
	if (end_angle(reader))
		return true;
	reader->at++;
	skip_brackets(reader, '<');
	const char *end = angle_end(reader);
	const char *colon = memchr(reader->at, ':', (size_t)(end - reader->at));

	/* The obsolete route: <@relay,@relay:user@host>. */
	if (reader->at < end && *reader->at == '@' && colon)
		reader->at = colon + 1;
	read_angle_content(reader, end);
	reader->has_angle = true;
	reader->angle_at = reader->phrase->len;
	reader->at = end < reader->end && *end == '>' ? end + 1 : end;
	skip_brackets(reader, '>');
	return false;
}

/* Is the colon inside of "ann@[IPv6:2001:db8::1]"? */
static bool is_in_literal(const struct address_reader *reader)
{
	const GString *phrase = reader->phrase;
	const char *from =
	    phrase->str + (phrase->len > LITERAL_MAX ? phrase->len - LITERAL_MAX : 0);
	const char *literal = strstr(from, "@[");

	return literal && !strchr(literal, ']');
}

/* What came before another colon is a group's name, or it was an address with something behind it.
 */
static bool read_colon(struct address_reader *reader)
{
	reader->at++;
	if (is_in_literal(reader)) {
		g_string_append_c(reader->phrase, ':');
		return false;
	}
	if (reader->has_angle)
		return false;
	reader->separator = strchr(reader->phrase->str, '@') ? ';' : ':';
	return true;
}

static void read_text(struct address_reader *reader)
{
	struct word word;

	if (word_parse(reader->at, (size_t)(reader->end - reader->at), &word)) {
		for (size_t i = 0; i < word.length; i++)
			append_quoted(reader->phrase, *reader->at++);
	} else if (ascii_is_white((unsigned char)*reader->at)) {
		append_blank(reader->phrase);
		reader->at++;
	} else {
		if (*reader->at && *reader->at != ADDRESS_QUOTED_AT)
			g_string_append_c(reader->phrase, *reader->at);
		reader->at++;
	}
}

/* Returns true when a mailbox is complete. */
static bool read_piece(struct address_reader *reader)
{
	char c = *reader->at;

	if (c == ',' || c == ';') {
		reader->at++;
		reader->separator = c;
		return true;
	}
	if (c == ':')
		return read_colon(reader);
	if (c == '<')
		return read_angle(reader);
	if (c == '"' && !reader->no_quotes)
		read_quoted(reader);
	else if (c == '(' && !reader->no_comments)
		read_comment(reader);
	else
		read_text(reader);
	return false;
}

bool address_reader_next(struct address_reader *reader)
{
	g_string_assign(reader->phrase, reader->carried->str);
	g_string_truncate(reader->carried, 0);
	g_string_truncate(reader->comment, 0);
	g_string_truncate(reader->angle, 0);
	reader->comment_at = 0;
	reader->has_angle = false;
	reader->has_double_brackets = false;
	reader->separator = '\0';
	if (reader->at >= reader->end)
		return false;
	while (!read_piece(reader) && reader->at < reader->end)
		continue;
	/* A comment inside of an address is no name. */
	const char *behind = reader->phrase->str + reader->comment_at;
	if (reader->comment_at > 0 && behind[strspn(behind, " ")])
		g_string_truncate(reader->comment, 0);
	return true;
}
