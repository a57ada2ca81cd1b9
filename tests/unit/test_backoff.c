/* Pauses: how they grow, and how they are spread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loader/base/clock.h"

static const uint32_t middle = UINT32_MAX / 2;

static void test_pauses_double_up_to_the_longest(void **state)
{
	static const int64_t expected[] = {5000, 10000, 20000, 40000, 60000, 60000};
	struct backoff backoff = {.first_ms = 5000, .longest_ms = 60000};
	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		assert_in_range(backoff_next_ms(&backoff, middle), expected[i] - 1, expected[i]);
}

static void test_a_reset_begins_anew(void **state)
{
	struct backoff backoff = {.first_ms = 100, .longest_ms = 1000};
	(void)state;
	backoff_next_ms(&backoff, middle);
	backoff_next_ms(&backoff, middle);
	backoff_reset(&backoff);
	assert_in_range(backoff_next_ms(&backoff, middle), 99, 100);
}

static void test_jitter_is_a_quarter_to_either_side(void **state)
{
	(void)state;
	assert_int_equal(backoff_jitter_ms(1000, 0), 750);
	assert_int_equal(backoff_jitter_ms(1000, UINT32_MAX), 1250);
	assert_in_range(backoff_jitter_ms(1000, middle), 999, 1000);
	assert_int_equal(backoff_jitter_ms(0, UINT32_MAX), 0);
}

static void test_failures_without_end_do_not_overflow(void **state)
{
	struct backoff backoff = {.first_ms = 5000, .longest_ms = 900000};
	(void)state;
	for (int i = 0; i < 100000; i++)
		assert_in_range(backoff_next_ms(&backoff, UINT32_MAX), 1, 1125000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pauses_double_up_to_the_longest),
	    cmocka_unit_test(test_a_reset_begins_anew),
	    cmocka_unit_test(test_jitter_is_a_quarter_to_either_side),
	    cmocka_unit_test(test_failures_without_end_do_not_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
