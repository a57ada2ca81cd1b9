/* Spans of time as people write them. */
#include "loader/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void spans_are_numbers_with_a_unit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} spans[] = {
	    {"0", 0},
	    {"250ms", 250},
	    {"30s", 30000},
	    {"30", 30000},
	    {"10m", 600000},
	    {"2h", 7200000},
	    {"1d", 86400000},
	    {"2w", 1209600000},
	    {"007S", 7000},
	    {"5M", 300000},
	    {"36600d", INT64_C(3162240000000)},
	};
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
		int64_t ms = -1;
		assert_int_equal(0, duration_parse(spans[i].text, &ms));
		assert_int_equal(spans[i].ms, ms);
	}
}

static void anything_else_is_refused_and_writes_nothing(void **state)
{
	(void)state;
	static const char *const texts[] = {"",
					    "s",
					    "-1s",
					    "+1s",
					    " 1s",
					    "1 s",
					    "1s ",
					    "1.5s",
					    "1h30m",
					    "1y",
					    "0x10",
					    "36601d",
					    "99999999999999999999999s"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		int64_t ms = 42;
		assert_int_equal(-1, duration_parse(texts[i], &ms));
		assert_int_equal(42, ms);
	}
}

static void people_get_two_units(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} spans[] = {
	    {0, "0ms"},		{999, "999ms"},	    {1500, "1.5s"},
	    {200999, "3m 20s"}, {7380000, "2h 3m"}, {187200000, "2d 4h"},
	};
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
		char text[DURATION_TEXT_SIZE];
		duration_format(spans[i].ms, text);
		assert_string_equal(spans[i].text, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(spans_are_numbers_with_a_unit),
	    cmocka_unit_test(anything_else_is_refused_and_writes_nothing),
	    cmocka_unit_test(people_get_two_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
