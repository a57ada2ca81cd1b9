/* What is said to sign in with an access token; the first example is RFC 7628's, 4.1. */
#include "loader/imap/session/bearer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

static void test_first_message(void **state)
{
	g_autofree char *standard = bearer_first("OAUTHBEARER", "user@example.com",
						 "server.example.com", 143, "vF9dft4qmTc2Nvb3Rl");
	g_autofree char *older = bearer_first("XOAUTH2", "user@example.com", "server.example.com",
					      143, "ya29.vF9dft4qmTc2Nvb3Rl");
	g_autofree char *odd = bearer_first("OAUTHBEARER", "a=b,c", "h", 1, "t");

	(void)state;
	assert_string_equal(standard, "n,a=user@example.com,\1host=server.example.com\1port=143\1"
				      "auth=Bearer vF9dft4qmTc2Nvb3Rl\1\1");
	assert_string_equal(older,
			    "user=user@example.com\1auth=Bearer ya29.vF9dft4qmTc2Nvb3Rl\1\1");
	assert_string_equal(odd, "n,a=a=3Db=2Cc,\1host=h\1port=1\1auth=Bearer t\1\1");
}

static void test_failures_are_acknowledged(void **state)
{
	(void)state;
	assert_string_equal(bearer_acknowledge("OAUTHBEARER"), "\1");
	assert_string_equal(bearer_acknowledge("XOAUTH2"), "");
}

static void assert_reason(const char *challenge, const char *expected)
{
	g_autofree char *words = bearer_reason(challenge);

	assert_string_equal(words, expected);
}

static void test_reasons_are_words(void **state)
{
	(void)state;
	assert_reason("{\"status\":\"invalid_token\",\"scope\":\"mail\","
		      "\"openid-configuration\":\"https://example.com/o\"}",
		      "status invalid_token, scope mail");
	assert_reason("{\"status\":\"400\",\"schemes\":\"Bearer\","
		      "\"scope\":\"https://mail.google.com/\"}",
		      "status 400, scope https://mail.google.com/");
	assert_reason("{\"status\":\"4\\u001b[31m\"}", "status 4?[31m");
	assert_reason("{\"status\":400}", "{\"status\":400}");
	assert_reason("[]", "[]");
	assert_reason("expired\n", "expired");
	assert_reason("", "");
}

static void test_long_reasons_are_cut(void **state)
{
	g_autofree char *deep = g_strnfill(100000, '[');
	g_autofree char *words = bearer_reason(deep);

	(void)state;
	assert_in_range(strlen(words), 190, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_first_message),
	    cmocka_unit_test(test_failures_are_acknowledged),
	    cmocka_unit_test(test_reasons_are_words),
	    cmocka_unit_test(test_long_reasons_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
