/* Date fields, as the standard has them and as mail has them. */
#include "mime_fixture.h"

#include "mime/date.h"

static void assert_date(const char *text, int64_t expected)
{
	int64_t time = -1;

	if (!date_parse(text, strlen(text), &time))
		fail_msg("no date: %s", text);
	if (time != expected)
		fail_msg("%s: %lld, not %lld", text, (long long)time, (long long)expected);
}

static void assert_no_date(const char *text)
{
	int64_t time = -1;

	if (date_parse(text, strlen(text), &time))
		fail_msg("a date: %s", text);
	assert_int_equal(time, -1);
}

static void test_the_standard_form(void **state)
{
	(void)state;
	assert_date("Mon, 3 Mar 2025 09:00:00 +0100", 1740988800);
	assert_date("Mon, 3 Mar 2025 08:00:00 +0000", 1740988800);
	assert_date("Mon, 03 Mar 2025 03:00:00 -0500 (EST)", 1740988800);
	assert_date("3 Mar 2025 08:00 +0000", 1740988800);
	assert_date("Mon, 3 Mar 2025 13:30:00 +0530", 1740988800);
}

static void test_obsolete_forms(void **state)
{
	(void)state;
	assert_date("Mon, 3 Mar 25 08:00:00 GMT", 1740988800);
	assert_date("Mon, 3 Mar 2025 03:00:00 EST", 1740988800);
	assert_date("Mon, 3 Mar 2025 08:00:00 Z", 1740988800);
	assert_date("Mon, 3 Mar 2025 08:00:00", 1740988800);
	assert_date("Sun, 06 Nov 94 08:49:37 GMT", 784111777);
	assert_date("Sun (a day), 06 (first) Nov 1994 08:49:37 (early) GMT", 784111777);
}

static void test_other_programs_forms(void **state)
{
	(void)state;
	assert_date("Sunday, 06-Nov-94 08:49:37 GMT", 784111777);
	assert_date("Sun Nov  6 08:49:37 1994", 784111777);
	assert_date("2025-03-03 08:00:00 +0000", 1740988800);
	assert_date("Mon, 3 Mar 2025 09:00:00 +01:00", 1740988800);
	assert_date("mon, 3 mar 2025 8.00.00 +0000", 1740988800);
	assert_date("Mon,3 Mar 2025 08:00:00 +0000", 1740988800);
}

static void test_edges(void **state)
{
	(void)state;
	assert_date("Sat, 31 Dec 2016 23:59:60 +0000", 1483228799);
	assert_date("Thu, 1 Jan 1970 00:00:00 +0000", 0);
	assert_date("Wed, 31 Dec 1969 23:59:59 +0000", -1);
	assert_date("29 Feb 2024 00:00:00 +0000", 1709164800);
}

static void test_no_dates(void **state)
{
	(void)state;
	assert_no_date("");
	assert_no_date("yesterday, about noon");
	assert_no_date("Mon, 32 Mar 2025 08:00:00 +0000");
	assert_no_date("29 Feb 2025 08:00:00 +0000");
	assert_no_date("Mon, 3 Mar 2025");
	assert_no_date("3 Mar 2025 24:00:00 +0000");
	assert_no_date("3 Foo 2025 08:00:00 +0000");
	assert_no_date("99999999999999999999 Mar 2025 08:00:00");
	assert_no_date("((((((((((");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_standard_form),
	    cmocka_unit_test(test_obsolete_forms),
	    cmocka_unit_test(test_other_programs_forms),
	    cmocka_unit_test(test_edges),
	    cmocka_unit_test(test_no_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
