/*
 * Checks search keys before they go into a command line: nothing in them may end the line, open a
 * literal or change what the answer looks like. The keys themselves are the server's to check. Words
 * with letters beyond ASCII are taken out of the line, to be sent as literals.
 */
#include "loader/imap/names/search_criteria.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* Servers accept command lines up to 8,192 bytes; a range of messages and since= stand there,
 * too. */
#define CRITERIA_LENGTH_MAX 4000

/* CHARSET is set by who sends the command, and RETURN changes the form of the answer. */
static bool is_refused_word(const char *criteria)
{
	static const char *const words[] = {"CHARSET", "RETURN"};

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		size_t length = strlen(words[i]);

		if (!g_ascii_strncasecmp(criteria, words[i], length) &&
		    (criteria[length] == ' ' || criteria[length] == '\0'))
			return true;
	}
	return false;
}

/* Returns the closing quote of the string that opens at `quote`, or NULL. */
static const char *find_closing_quote(const char *quote)
{
	for (const char *at = quote + 1; *at; at++) {
		/* A backslash takes the meaning of the next character away. */
		if (*at == '\\' && at[1])
			at++;
		else if (*at == '"')
			return at;
	}
	return NULL;
}

static int check_nesting(const char *criteria, struct error *err)
{
	int depth = 0;

	for (const char *at = criteria; *at; at++) {
		if (*at == '"') {
			at = find_closing_quote(at);
			if (!at)
				return error_set(err, ERROR_CONFIGURATION,
						 "a \" of the search criteria is not closed");
		} else if (*at == '{') {
			return error_set(err, ERROR_CONFIGURATION,
					 "search criteria take no literal ({…}): write \"…\"");
		} else if (*at == '(') {
			depth++;
		} else if (*at == ')' && --depth < 0) {
			break;
		}
	}
	return depth == 0 ? 0
			  : error_set(err, ERROR_CONFIGURATION,
				      "the parentheses of the search criteria do not match");
}

int search_criteria_check(const char *criteria, struct error *err)
{
	size_t length = strlen(criteria);

	if (length == 0 || length > CRITERIA_LENGTH_MAX)
		return error_set(err, ERROR_CONFIGURATION,
				 "search criteria have 1 to %d characters", CRITERIA_LENGTH_MAX);
	if (!g_utf8_validate(criteria, -1, NULL))
		return error_set(err, ERROR_CONFIGURATION, "search criteria take UTF-8 text");
	for (const char *at = criteria; *at; at++) {
		if (g_ascii_iscntrl(*at))
			return error_set(err, ERROR_CONFIGURATION,
					 "search criteria take no control characters");
	}
	/* These two words could only stand first: behind a key they are a string. */
	if (*criteria == ' ' || is_refused_word(criteria))
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "search criteria begin with a search key such as UNDELETED or FROM");
	return check_nesting(criteria, err);
}

/* --- letters beyond ASCII ---------------------------------------------- */

bool search_criteria_is_ascii(const char *criteria)
{
	return g_str_is_ascii(criteria);
}

/* Takes a quoted string, or a word up to the next blank or parenthesis, from *at on; `ret_word` is what
 * it says, without quotes. */
static void take_word(const char **at, GString *ret_word)
{
	const char *end;

	g_string_truncate(ret_word, 0);
	if (**at != '"') {
		end = *at + strcspn(*at, " ()\"");
		g_string_append_len(ret_word, *at, end - *at);
		*at = end;
		return;
	}
	end = find_closing_quote(*at);
	for (const char *next = *at + 1; next < end; next++) {
		if (*next == '\\')
			next++;
		g_string_append_c(ret_word, *next);
	}
	*at = end + 1;
}

char **search_criteria_split(const char *criteria)
{
	GPtrArray *parts = g_ptr_array_new();
	GString *text = g_string_new(NULL);
	g_autoptr(GString) word = g_string_new(NULL);

	for (const char *at = criteria; *at;) {
		const char *begin = at;

		if (strchr(" ()", *at)) {
			g_string_append_c(text, *at++);
			continue;
		}
		take_word(&at, word);
		if (g_str_is_ascii(word->str)) {
			g_string_append_len(text, begin, at - begin);
			continue;
		}
		g_ptr_array_add(parts, g_string_free(text, FALSE));
		g_ptr_array_add(parts, g_strdup(word->str));
		text = g_string_new(NULL);
	}
	g_ptr_array_add(parts, g_string_free(text, FALSE));
	g_ptr_array_add(parts, NULL);
	return (char **)g_ptr_array_free(parts, FALSE);
}

char *search_criteria_quote(const char *text)
{
	GString *quoted = g_string_new("\"");

	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			g_string_append_c(quoted, '\\');
		g_string_append_c(quoted, *text);
	}
	g_string_append_c(quoted, '"');
	return g_string_free(quoted, FALSE);
}
