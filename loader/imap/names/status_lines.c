/*
 * Reads untagged STATUS answers from the bytes of an answer, one after the other. A line that is
 * not as RFC 3501 has it is skipped: a missing number is asked for again, a wrong one would be
 * shown.
 */
#include "loader/imap/names/status_lines.h"

#include <glib.h>
#include <string.h>

#define PREFIX "* STATUS "

/* The rest of the answer, still to be read. */
struct reader {
	const char *at;
	const char *end;
};

/* Steps over `text` if it comes next, in any case. */
static bool take(struct reader *reader, const char *text)
{
	size_t size = strlen(text);

	if ((size_t)(reader->end - reader->at) < size ||
	    g_ascii_strncasecmp(reader->at, text, size) != 0)
		return false;
	reader->at += size;
	return true;
}

/* The next answer begins behind the line, whatever was wrong with this one. */
static void skip_line(struct reader *reader)
{
	const char *newline = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));

	reader->at = newline ? newline + 1 : reader->end;
}

static char *take_quoted(struct reader *reader)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (const char *at = reader->at + 1; at < reader->end && *at != '\n'; at++) {
		if (*at == '"') {
			reader->at = at + 1;
			return g_string_free(g_steal_pointer(&text), FALSE);
		}
		if (*at == '\\' && at + 1 < reader->end)
			at++;
		g_string_append_c(text, *at);
	}
	return NULL;
}

/* "{n}", a line break, and n bytes. A size that the answer does not hold makes the line invalid. */
static char *take_literal(struct reader *reader)
{
	const char *at = reader->at + 1;
	uint64_t size = 0;

	while (at < reader->end && g_ascii_isdigit(*at) && size < UINT32_MAX)
		size = size * 10 + (uint64_t)(*at++ - '0');

	struct reader rest = {.at = at, .end = reader->end};

	if (!take(&rest, "}\r\n") || (uint64_t)(rest.end - rest.at) < size)
		return NULL;
	reader->at = rest.at + size;
	return g_strndup(rest.at, size);
}

static char *take_atom(struct reader *reader)
{
	const char *start = reader->at;

	while (reader->at < reader->end && !strchr(" (\r\n", *reader->at))
		reader->at++;
	return reader->at > start ? g_strndup(start, (size_t)(reader->at - start)) : NULL;
}

/* A name comes in any of the three forms of an astring. */
static char *take_name(struct reader *reader)
{
	if (reader->at == reader->end)
		return NULL;
	if (*reader->at == '"')
		return take_quoted(reader);
	return *reader->at == '{' ? take_literal(reader) : take_atom(reader);
}

/* A number beyond 32 bits becomes the largest: it is only shown. */
static bool take_number(struct reader *reader, uint32_t *ret_number)
{
	uint64_t number = 0;
	const char *start = reader->at;

	for (; reader->at < reader->end && g_ascii_isdigit(*reader->at); reader->at++)
		number = MIN(number * 10 + (uint64_t)(*reader->at - '0'), UINT32_MAX);
	*ret_number = (uint32_t)number;
	return reader->at > start;
}

static bool take_counts(struct reader *reader, struct status_line *line)
{
	if (!take(reader, " ("))
		return false;
	while (!take(reader, ")")) {
		uint32_t *number;

		if (take(reader, " "))
			continue;
		if (take(reader, "MESSAGES "))
			number = &line->messages;
		else if (take(reader, "UNSEEN "))
			number = &line->unseen;
		else if (take(reader, "RECENT "))
			number = &line->recent;
		else
			return false;
		if (!take_number(reader, number))
			return false;
	}
	return true;
}

bool status_lines_next(const char **at, const char *end, struct status_line *ret_line)
{
	struct reader reader = {.at = *at, .end = end};

	while (reader.at < end) {
		struct status_line line = {0};

		if (take(&reader, PREFIX))
			line.wire = take_name(&reader);
		if (line.wire != NULL) {
			bool good = take_counts(&reader, &line);

			skip_line(&reader);
			if (good) {
				*at = reader.at;
				*ret_line = line;
				return true;
			}
			g_free(line.wire);
			continue;
		}
		skip_line(&reader);
	}
	*at = end;
	return false;
}
