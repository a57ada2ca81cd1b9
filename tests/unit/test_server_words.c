/* What a server says, in our errors. */
#include "loader/imap/names/server_words.h"

#include "loader/base/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

static void assert_words(const char *bytes, size_t size, const char *expected)
{
	g_autofree char *words = server_words(bytes, size);

	assert_string_equal(words, expected);
}

static void test_words_are_printable(void **state)
{
	(void)state;
	assert_words(" [NOPERM] no\r\n", 14, "[NOPERM] no");
	assert_words("a\x1b[31mb\tc", 9, "a?[31mb?c");
	assert_words("a\0b", 3, "a b");
	assert_words("gr\xc3\xbc\xc3\x9f", 6, "grüß");
	assert_words("gr\xfc", 3, "gr\xef\xbf\xbd");
	assert_words("a\xe2\x80\xae"
		     "b",
		     5, "a?b");
	assert_words("", 0, "");
}

static void test_words_are_cut(void **state)
{
	g_autofree char *bytes = g_strnfill(100000, 'x');
	g_autofree char *words = server_words(bytes, 100000);

	(void)state;
	assert_in_range(strlen(words), 190, 200);
	assert_true(g_str_has_suffix(words, "x…"));
}

/* Also one that would be cut. */
static void test_words_hide_secrets(void **state)
{
	(void)state;
	redact_add("correct horse", strlen("correct horse"));
	assert_words("you say correct horse", 21, "you say ***");
	for (size_t before = 150; before < 210; before++) {
		g_autofree char *dots = g_strnfill(before, '.');
		g_autofree char *line = g_strconcat(dots, "correct horse", NULL);
		g_autofree char *words = server_words(line, strlen(line));
		assert_null(strstr(words, "co"));
	}
}

static void test_response_codes_have_kinds(void **state)
{
	(void)state;
	assert_int_equal(server_words_kind("[TRYCREATE] x", ERROR_PROTOCOL), ERROR_CONFIGURATION);
	assert_int_equal(server_words_kind("[nonexistent] x", ERROR_PROTOCOL), ERROR_CONFIGURATION);
	assert_int_equal(server_words_kind(" [INUSE] x", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(server_words_kind("[UNAVAILABLE]", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(server_words_kind("[LIMIT] x", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(server_words_kind("[OVERQUOTA] x", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(server_words_kind("[THROTTLED] x", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(server_words_kind("[AUTHENTICATIONFAILED] x", ERROR_PROTOCOL),
			 ERROR_CREDENTIALS);
	assert_int_equal(server_words_kind("[NOPERM] x", ERROR_PROTOCOL), ERROR_CREDENTIALS);
	assert_int_equal(server_words_kind("[EXPIRED] x", ERROR_PROTOCOL), ERROR_CREDENTIALS);
	assert_int_equal(server_words_kind("[LIMITED] x", ERROR_PROTOCOL), ERROR_PROTOCOL);
	assert_int_equal(server_words_kind("LIMIT", ERROR_PROTOCOL), ERROR_PROTOCOL);
	assert_int_equal(server_words_kind("", ERROR_UNREACHABLE), ERROR_UNREACHABLE);
}

static void test_phrases_instead_of_codes(void **state)
{
	(void)state;
	assert_int_equal(server_words_kind("Permission denied", ERROR_PROTOCOL), ERROR_CREDENTIALS);
	assert_int_equal(server_words_kind("Mailbox does not exist", ERROR_PROTOCOL),
			 ERROR_CONFIGURATION);
	assert_int_equal(server_words_kind("Invalid mailbox name", ERROR_PROTOCOL),
			 ERROR_CONFIGURATION);
	assert_int_equal(server_words_kind("Over quota", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(server_words_kind("Too many connections", ERROR_PROTOCOL),
			 ERROR_TEMPORARY);
	assert_int_equal(server_words_kind("Request is throttled. Suggested Backoff Time: 9 "
					   "milliseconds",
					   ERROR_PROTOCOL),
			 ERROR_TEMPORARY);
	assert_int_equal(server_words_kind("[ALERT] Too many simultaneous connections. (Failure)",
					   ERROR_PROTOCOL),
			 ERROR_TEMPORARY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words_are_printable),
	    cmocka_unit_test(test_words_are_cut),
	    cmocka_unit_test(test_words_hide_secrets),
	    cmocka_unit_test(test_response_codes_have_kinds),
	    cmocka_unit_test(test_phrases_instead_of_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
