/*
 * connection_string_fixture.h - connection strings that have to be taken, or refused.
 */
#ifndef TEST_CONNECTION_STRING_FIXTURE_H
#define TEST_CONNECTION_STRING_FIXTURE_H

#include "loader/imap/names/connection_string.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
static inline struct connection_string *parse(const char *text)
{
	struct connection_string *string = NULL;
	struct error err = {0};

	if (connection_string_parse(text, &string, &err) != 0)
		fail_msg("'%s' was refused: %s", text, err.text);
	return string;
}

/* Refused as a matter of the definition, with words that hold `words`. */
static inline void assert_refused(const char *text, const char *words)
{
	struct connection_string *string = NULL;
	struct error err = {0};

	if (connection_string_parse(text, &string, &err) != -1)
		fail_msg("'%s' was taken", text);
	assert_null(string);
	assert_int_equal(err.kind, ERROR_CONFIGURATION);
	if (!strstr(err.text, words))
		fail_msg("'%s' was refused with '%s', which does not say '%s'", text, err.text,
			 words);
}

static inline void assert_parsed(const char *text, const char *key, const char *value)
{
	struct connection_string *string = parse(text);
	bool found = false;

	for (size_t i = 0; i < string->pair_count; i++) {
		if (!strcmp(string->pairs[i].key, key)) {
			assert_string_equal(string->pairs[i].value, value);
			found = true;
		}
	}
	assert_true(found);
	connection_string_free(string);
}

#endif
