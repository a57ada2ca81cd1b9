/*
 * Checks search keys before they go into a command line: nothing in them may end the line, open a
 * literal or change what the answer looks like. The keys themselves are the server's to check.
 */
#include "loader/imap/names/search_criteria.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* Servers accept command lines up to 8,192 bytes; a range of messages and since= stand there,
 * too. */
#define CRITERIA_LENGTH_MAX 4000

/* CHARSET would need a literal for what is not ASCII, and RETURN changes the form of the answer. */
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
	for (const char *at = criteria; *at; at++) {
		if (*at < ' ' || *at > '~')
			return error_set(err, ERROR_CONFIGURATION,
					 "search criteria take printable ASCII only");
	}
	/* These two words could only stand first: behind a key they are a string. */
	if (*criteria == ' ' || is_refused_word(criteria))
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "search criteria begin with a search key such as UNDELETED or FROM");
	return check_nesting(criteria, err);
}
