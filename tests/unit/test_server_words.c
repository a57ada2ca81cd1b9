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

static enum error_kind kind_of(const char *words, enum error_kind otherwise)
{
	return server_words_meaning(words, otherwise).kind;
}

static void test_response_codes_have_kinds(void **state)
{
	(void)state;
	assert_int_equal(kind_of("[TRYCREATE] x", ERROR_PROTOCOL), ERROR_CONFIGURATION);
	assert_int_equal(kind_of("[nonexistent] x", ERROR_PROTOCOL), ERROR_CONFIGURATION);
	assert_int_equal(kind_of(" [INUSE] x", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(kind_of("[UNAVAILABLE]", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(kind_of("[LIMIT] x", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(kind_of("[OVERQUOTA] x", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(kind_of("[THROTTLED] x", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(kind_of("[AUTHENTICATIONFAILED] x", ERROR_PROTOCOL), ERROR_CREDENTIALS);
	assert_int_equal(kind_of("[NOPERM] x", ERROR_PROTOCOL), ERROR_CREDENTIALS);
	assert_int_equal(kind_of("[EXPIRED] x", ERROR_PROTOCOL), ERROR_CREDENTIALS);
	assert_int_equal(kind_of("[LIMITED] x", ERROR_PROTOCOL), ERROR_PROTOCOL);
	assert_int_equal(kind_of("LIMIT", ERROR_PROTOCOL), ERROR_PROTOCOL);
	assert_int_equal(kind_of("", ERROR_UNREACHABLE), ERROR_UNREACHABLE);
}

static void test_phrases_instead_of_codes(void **state)
{
	(void)state;
	assert_int_equal(kind_of("Permission denied", ERROR_PROTOCOL), ERROR_CREDENTIALS);
	assert_int_equal(kind_of("Mailbox does not exist", ERROR_PROTOCOL), ERROR_CONFIGURATION);
	assert_int_equal(kind_of("Invalid mailbox name", ERROR_PROTOCOL), ERROR_CONFIGURATION);
	assert_int_equal(kind_of("Over quota", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(kind_of("Too many connections", ERROR_PROTOCOL), ERROR_TEMPORARY);
	assert_int_equal(kind_of("Request is throttled. Suggested Backoff Time: 9 "
				 "milliseconds",
				 ERROR_PROTOCOL),
			 ERROR_TEMPORARY);
	assert_int_equal(
	    kind_of("[ALERT] Too many simultaneous connections. (Failure)", ERROR_PROTOCOL),
	    ERROR_TEMPORARY);
}

static void test_patience_has_its_time(void **state)
{
	static const struct {
		const char *words;
		uint32_t wait_ms;
	} examples[] = {
	    {"Request is throttled. Suggested Backoff Time: 299961 milliseconds", 299961},
	    {"suggested backoff time: 99999999999999999999 milliseconds", SERVER_WAIT_MAX_MS},
	    {"Request is throttled. Suggested Backoff Time: soon", 0},
	    {"Request is throttled. Suggested Backoff Time: -5 milliseconds", 0},
	    {"Request is throttled. Suggested Backoff Time: 0 milliseconds", 0},
	    {"Request is throttled. Suggested Backoff Time: ", 0},
	    {"[THROTTLED]", 0},
	    {"Server Unavailable. 15", 0},
	    {"[LIMIT] CAPABILITY Rate limit hit.", 0},
	    {"[ALERT] Too many simultaneous connections. (Failure)", 0},
	    {"[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", 0},
	    {"User is authenticated but not connected.", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		struct server_meaning meaning =
		    server_words_meaning(examples[i].words, ERROR_PROTOCOL);

		assert_int_equal(meaning.kind, ERROR_TEMPORARY);
		assert_int_equal(meaning.reason, REASON_PATIENCE);
		assert_int_equal(meaning.wait_ms, examples[i].wait_ms);
	}
	assert_int_equal(server_words_meaning("[UNAVAILABLE] x", ERROR_PROTOCOL).reason,
			 REASON_NONE);
	assert_int_equal(
	    server_words_meaning("Session invalidated - AccessTokenExpired", ERROR_UNREACHABLE)
		.reason,
	    REASON_TOKEN_EXPIRED);
}

/* Where both are known, the code says what kind of error it is. */
static void test_code_before_phrase(void **state)
{
	const struct server_meaning meaning =
	    server_words_meaning("[UNAVAILABLE] Permission denied for the moment", ERROR_PROTOCOL);

	(void)state;
	assert_int_equal(meaning.kind, ERROR_TEMPORARY);
	assert_int_equal(kind_of("[ALERT] Web login required", ERROR_PROTOCOL), ERROR_CREDENTIALS);
}

static void test_explanations_hold_the_words(void **state)
{
	struct error err;

	(void)state;
	server_words_explain(&err, ERROR_PROTOCOL, "the server refused", "no");
	assert_string_equal(err.text, "the server refused: no");
	assert_int_equal(err.kind, ERROR_PROTOCOL);
	server_words_explain(&err, ERROR_PROTOCOL, "the server refused",
			     "[WEBALERT https://example.com/] Web login required.");
	assert_string_equal(err.text,
			    "sign in to this account in a web browser once, then try again (the "
			    "server refused: \"[WEBALERT https://example.com/] Web login "
			    "required.\")");
	server_words_explain(&err, ERROR_PROTOCOL, "x", "Suggested Backoff Time: 7 milliseconds");
	error_put_before(&err, "load");
	assert_int_equal(err.wait_ms, 7);
	assert_int_equal(err.reason, REASON_PATIENCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words_are_printable),
	    cmocka_unit_test(test_words_are_cut),
	    cmocka_unit_test(test_words_hide_secrets),
	    cmocka_unit_test(test_response_codes_have_kinds),
	    cmocka_unit_test(test_phrases_instead_of_codes),
	    cmocka_unit_test(test_patience_has_its_time),
	    cmocka_unit_test(test_code_before_phrase),
	    cmocka_unit_test(test_explanations_hold_the_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
