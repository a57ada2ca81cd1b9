/* Which names of a certificate stand for a host. */
#include "loader/certificate/certificate_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

struct pair {
	const char *name;
	const char *host;
};

static bool matches(const struct pair *pair)
{
	return certificate_name_matches(pair->name, strlen(pair->name), pair->host);
}

static void test_names_that_match(void **state)
{
	(void)state;
	static const struct pair right[] = {
	    {"mail.example.com", "mail.example.com"},
	    {"Mail.EXAMPLE.com", "mail.example.COM"},
	    {"localhost", "localhost"},
	    {"*.example.com", "mail.example.com"},
	    {"*.example.com", "xn--bcher-kva.example.com"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(right); i++) {
		if (!matches(&right[i]))
			fail_msg("'%s' is not '%s'", right[i].name, right[i].host);
	}
}

static void test_names_that_do_not(void **state)
{
	(void)state;
	static const struct pair wrong[] = {
	    {"mail.example.com", "example.com"},
	    {"mail.example.com", "mail.example.com.example.org"},
	    {"example.com", "mail.example.com"},
	    {".example.com", "mail.example.com"},
	    {"", "localhost"},
	    /* one label, and the whole of the first */
	    {"*.example.com", "a.mail.example.com"},
	    {"*.example.com", "example.com"},
	    {"*.example.com", ".example.com"},
	    {"m*.example.com", "mail.example.com"},
	    {"*l.example.com", "mail.example.com"},
	    {"mail.*.com", "mail.example.com"},
	    {"*.*.com", "mail.example.com"},
	    {"**.example.com", "mail.example.com"},
	    {"xn--*.example.com", "xn--bcher-kva.example.com"},
	    /* nobody speaks for all of a top-level domain, or for all */
	    {"*.com", "example.com"},
	    {"*.localhost", "mail.localhost"},
	    {"*.", "mail."},
	    {"*", "localhost"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		if (matches(&wrong[i]))
			fail_msg("'%s' is '%s'", wrong[i].name, wrong[i].host);
	}
}

/* What an authority has signed as one name must not be read as another, shorter one. */
static void test_a_nul_ends_no_name(void **state)
{
	(void)state;
	static const char name[] = "mail.example.com\0.example.org";
	static const char wildcard[] = "*.example.com\0.example.org";
	assert_false(certificate_name_matches(name, sizeof name - 1, "mail.example.com"));
	assert_false(certificate_name_matches(wildcard, sizeof wildcard - 1, "mail.example.com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names_that_match),
	    cmocka_unit_test(test_names_that_do_not),
	    cmocka_unit_test(test_a_nul_ends_no_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
