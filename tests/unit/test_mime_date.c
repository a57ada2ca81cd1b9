/* Date fields, as the standard has them and as mail has them. */
#include "mime_fixture.h"

#include "mime/header.h"

static void assert_date(const char *text, int64_t expected)
{
	int64_t time = -1;
	bool has_zone;

	if (!date_parse(text, strlen(text), &time, &has_zone))
		fail_msg("no date: %s", text);
	if (time != expected)
		fail_msg("%s: %lld, not %lld", text, (long long)time, (long long)expected);
}

static void assert_no_date(const char *text)
{
	int64_t time = -1;
	bool has_zone;

	if (date_parse(text, strlen(text), &time, &has_zone))
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

static void test_scripts_forms(void **state)
{
	(void)state;
	assert_date("2025-03-03T08:00:00Z", 1740988800);
	assert_date("2025-03-03T09:00:00.123456+01:00", 1740988800);
	assert_date("2025-03-03T08:00", 1740988800);
	assert_date("2025-03-03 08:00:00,123 UTC", 1740988800);
	assert_date("20250303T080000Z", 1740988800);
	assert_date("2025/03/03 08:00:00", 1740988800);
	assert_date("03.03.2025 08:00", 1740988800);
	assert_date("03/03/2025 08:00", 1740988800);
	assert_date("25/12/2024 08:00", 1735113600);
	assert_date("12/25/2024 08:00 AM", 1735113600);
	assert_date("Mon,3 Mar 2025 09:00:00+0100", 1740988800);
	assert_date("Mon, 003 Mar 2025 08:00:00 +0000", 1740988800);
	assert_date("Mon Mar  3 09:00:00 CET 2025", 1740988800);
	assert_date("Mon Mar  3 08:00:00 AM UTC 2025", 1740988800);
	assert_date("March 3, 2025 at 8:00 AM GMT", 1740988800);
	assert_date("Montag, 3. Mar. 2025 08:00:00 +0000", 1740988800);
}

static void test_halves_of_the_day(void **state)
{
	(void)state;
	assert_date("Mon, 3 Mar 2025 08:00 PM +0000", 1741032000);
	assert_date("Mon, 3 Mar 2025 08:00:00PM", 1741032000);
	assert_date("Mon, 3 Mar 2025 8:00 p.m. GMT", 1741032000);
	assert_date("Mon, 3 Mar 2025 20:00 PM", 1741032000);
	assert_date("Mon, 3 Mar 2025 12:30 AM", 1740961800);
	assert_date("Mon, 3 Mar 2025 12:30 PM", 1741005000);
	assert_no_date("Mon, 3 Mar 2025 20:00 AM");
}

static void test_zones(void **state)
{
	(void)state;
	assert_date("Mon, 3 Mar 2025 08:00:00 \"GMT\"", 1740988800);
	assert_date("Mon, 3 Mar 2025 09:00:00 \"+0100\"", 1740988800);
	assert_date("Mon, 3 Mar 2025 09:00:00 GMT+01:00", 1740988800);
	assert_date("Mon, 3 Mar 2025 09:00:00 UTC+1", 1740988800);
	assert_date("Mon, 3 Mar 2025 09:00:00 +100", 1740988800);
	assert_date("Mon, 3 Mar 2025 09:00:00 +0100 MEZ", 1740988800);
	assert_date("Mon, 3 Mar 2025 22:00:00 +1400", 1740988800);
	assert_date("Sun, 2 Mar 2025 20:00:00 -1200", 1740988800);
	assert_no_date("Mon, 3 Mar 2025 08:00:00 +9999");
	assert_no_date("Mon, 3 Mar 2025 08:00:00 -1300");
	assert_no_date("Mon, 3 Mar 2025 08:00:00 +0175");
	assert_no_date("Mon, 3 Mar 2025 08:00:00 +01000");
	assert_no_date("Mon, 3 Mar 2025 08:00:00 Nowhere");
	assert_no_date("Mon, 3 Mar 2025 08:00:00 0100");
}

/* Read one way they would be wrong, and nobody would know. */
static void test_what_can_be_read_two_ways_is_no_date(void **state)
{
	(void)state;
	assert_no_date("03/04/2025 08:00");
	assert_no_date("03-04-2025 08:00");
	assert_no_date("mar. 20 nov. 2025 08:00:00 +0100");
	assert_no_date("3 Mar 2025 08:00 2026");
	assert_no_date("Mon, 3 Mar 0025 08:00:00 +0000");
	assert_no_date("Mon, 1 Jan 0001 00:00:00 +0000");
	assert_no_date("Mon, 3 Mar 2025 08:00:00:00 +0000");
	assert_no_date("Mon, 3 Mar 2025 08:61 +0000");
	assert_no_date("Mon, 3 Mar 2025 08:00:00 +0000 + 5");
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
	    cmocka_unit_test(test_scripts_forms),
	    cmocka_unit_test(test_halves_of_the_day),
	    cmocka_unit_test(test_zones),
	    cmocka_unit_test(test_what_can_be_read_two_ways_is_no_date),
	    cmocka_unit_test(test_edges),
	    cmocka_unit_test(test_no_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
