/* Which URLs entries may be posted to, and where redirects lead. */
#include "loader/http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib.h>
#include <string.h>

static void test_urls_that_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"",
					    "example.com/mail",
					    "ftp://example.com/",
					    "file:///etc/passwd",
					    "https://",
					    "https://[::1",
					    "https://example.com/#x",
					    "https://exa mple.com/",
					    "javascript:alert(1)"};
	struct error err;
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		if (target_check(wrong[i], &err) == 0)
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(ERROR_CONFIGURATION, err.kind);
	}
	assert_int_equal(0, target_check("https://ann@example.com:8443/mail?key=1", &err));
	assert_int_equal(0, target_check("http://example.com", &err));
	assert_int_equal(0, target_check("https://[2001:db8::1]/", &err));
}

static void test_a_password_comes_from_elsewhere(void **state)
{
	(void)state;
	struct error err;
	g_autofree char *with = NULL;
	assert_int_equal(-1, target_check("https://ann:geheim@example.com/mail", &err));
	assert_non_null(strstr(err.text, "deliver-password"));
	assert_null(strstr(err.text, "geheim"));
	assert_true(target_has_user("https://ann@example.com/mail"));
	assert_false(target_has_user("https://example.com/mail"));
	assert_int_equal(
	    0, target_add_password("https://ann@example.com/mail", "a b:/@%", &with, &err));
	assert_string_equal("https://ann:a%20b%3a%2f%40%25@example.com/mail", with);
	g_autofree char *host = target_host("https://ann:geheim@example.com:8443/mail");
	assert_string_equal("example.com:8443", host);
}

static void test_urls_of_one_server_have_one_origin(void **state)
{
	(void)state;
	static const char *const same[] = {"https://example.com/mail",
					   "https://ann@EXAMPLE.com:443",
					   "https://Example.com:443/orders?key=1"};
	for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
		g_autofree char *origin = target_origin(same[i]);
		assert_string_equal("https://example.com:443", origin);
	}
	g_autofree char *other = target_origin("http://example.com/mail");
	assert_string_equal("http://example.com:80", other);
}

struct redirect {
	const char *from;
	const char *location;
	const char *to; /* NULL: refused */
	bool foreign;
	const char *trusted;
};

static void test_redirects(void **state)
{
	(void)state;
	static const struct redirect rows[] = {
	    {"https://a:b@example.com/x", "/y", "https://a:b@example.com/y", false, NULL},
	    {"https://a:b@example.com/x/", "y?z", "https://a:b@example.com/x/y?z", false, NULL},
	    {"https://a:b@example.com/", "https://example.com:443/y",
	     "https://a:b@example.com:443/y", false, NULL},
	    {"https://a:b@example.com/", "https://EXAMPLE.com/", "https://a:b@EXAMPLE.com/", false,
	     NULL},
	    {"https://a:b@example.com/", "https://example.com:444/", "https://example.com:444/",
	     true, NULL},
	    {"https://a:b@example.com/", "https://other.example.com/", "https://other.example.com/",
	     true, NULL},
	    {"https://a:b@example.com/", "https://c:d@other.example.com/",
	     "https://other.example.com/", true, NULL},
	    {"https://example.com/", "//other.example.com/", "https://other.example.com/", true,
	     NULL},
	    {"http://a:b@example.com/", "https://example.com/", "https://a:b@example.com/", false,
	     NULL},
	    {"http://a:b@example.com:8080/", "https://example.com/", "https://example.com/", true,
	     NULL},
	    {"https://example.com/", "/y#z", "https://example.com/y", false, NULL},
	    {"https://example.com/", "http://example.com/", NULL, false, NULL},
	    {"http://example.com/", "ftp://example.com/", NULL, false, NULL},
	    {"http://example.com/", "file:///etc/passwd", NULL, false, NULL},
	    {"https://a:b@example.com/", "https://Other.example.com/",
	     "https://a:b@Other.example.com/", false, "x.example.com\nother.EXAMPLE.com"},
	    {"https://a:b@example.com/", "https://other.example.com:444/",
	     "https://other.example.com:444/", true, "other.example.com"},
	    {"https://a:b@example.com/", "https://[::1]:444/", "https://a:b@[::1]:444/", false,
	     "[::1]:444"},
	    {"https://a:b@example.com/", "https://other.example.com.evil.example.com/",
	     "https://other.example.com.evil.example.com/", true, "other.example.com"},
	    {"https://a:b@example.com/", "http://other.example.com/", NULL, false,
	     "other.example.com"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *url = NULL;
		bool foreign = false;
		struct error err;
		const int failed = target_follow(rows[i].from, rows[i].location, rows[i].trusted,
						 &url, &foreign, &err);
		if (g_strcmp0(rows[i].to, url) != 0 || foreign != rows[i].foreign)
			fail_msg("%s -> %s: %s, foreign %d", rows[i].from, rows[i].location,
				 url != NULL ? url : err.text, foreign);
		assert_int_equal(rows[i].to == NULL ? -1 : 0, failed);
	}
}

static void test_hosts_that_are_trusted(void **state)
{
	(void)state;
	static const char *const good[] = {"example.com", "example.com:8443", "192.0.2.1",
					   "[::1]:1"};
	static const char *const bad[] = {"", "https://example.com", "ann@example.com", "a b",
					  "a/b"};
	struct error err;
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		assert_int_equal(0, target_check_host(good[i], &err));
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_int_equal(-1, target_check_host(bad[i], &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_urls_that_are_refused),
	    cmocka_unit_test(test_a_password_comes_from_elsewhere),
	    cmocka_unit_test(test_urls_of_one_server_have_one_origin),
	    cmocka_unit_test(test_redirects),
	    cmocka_unit_test(test_hosts_that_are_trusted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
