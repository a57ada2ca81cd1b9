/* Sets of UIDs as servers take them. */
#include "loader/imap/names/uid_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static void assert_parts(const uint32_t *uids, size_t count, size_t part_max,
			 const char *const *expected)
{
	struct uid_set *set = uid_set_new(uids, count);
	g_autoptr(GString) part = g_string_new(NULL);
	size_t part_count = 0;

	for (; *expected; expected++) {
		assert_true(uid_set_next(set, part_max, part, &part_count));
		assert_string_equal(part->str, *expected);
		assert_in_range(part_count, 1, part_max);
	}
	assert_false(uid_set_next(set, part_max, part, &part_count));
	assert_int_equal(part->len, 0);
	uid_set_free(set);
}

static void test_runs_become_ranges(void **state)
{
	const uint32_t uids[] = {7, 3, 1, 2, 9, 4294967295U, 4294967294U};

	(void)state;
	assert_parts(uids, G_N_ELEMENTS(uids), SIZE_MAX,
		     (const char *const[]){"1:3,7,9,4294967294:4294967295", NULL});
}

static void test_doubles_and_zero(void **state)
{
	const uint32_t uids[] = {5, 0, 5, 6};

	(void)state;
	assert_parts(uids, G_N_ELEMENTS(uids), SIZE_MAX, (const char *const[]){"5:6", NULL});
}

static void test_nothing_is_no_part(void **state)
{
	(void)state;
	assert_parts(NULL, 0, 10, (const char *const[]){NULL});
}

static void test_parts_by_count(void **state)
{
	const uint32_t uids[] = {1, 2, 3, 4, 5, 7, 9};

	(void)state;
	assert_parts(uids, G_N_ELEMENTS(uids), 3, (const char *const[]){"1:3", "4:5,7", "9", NULL});
}

static void test_a_part_fits_into_a_command_line(void **state)
{
	enum { COUNT = 20000 };
	g_autofree uint32_t *uids = g_new(uint32_t, COUNT);
	g_autoptr(GString) part = g_string_new(NULL);
	size_t part_count = 0;
	size_t total = 0;

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++)
		uids[i] = 4000000000U + 2 * i;

	struct uid_set *set = uid_set_new(uids, COUNT);

	while (uid_set_next(set, SIZE_MAX, part, &part_count)) {
		assert_in_range(part->len, 1, 6100);
		total += part_count;
	}
	assert_int_equal(total, COUNT);
	uid_set_free(set);
}

static void test_rows_know_where_they_came_from(void **state)
{
	const uint32_t uids[] = {30, 10, 20, 10};
	struct uid_set *set = uid_set_new(uids, G_N_ELEMENTS(uids));
	const struct uid_row *ten = uid_set_find(set, 10);

	(void)state;
	assert_int_equal(uid_set_find(set, 30)->index, 0);
	assert_int_equal(uid_set_find(set, 20)->index, 2);
	assert_int_equal(ten[0].index, 1);
	assert_int_equal(ten[1].index, 3);
	assert_null(uid_set_find(set, 11));
	assert_null(uid_set_find(set, 0));
	assert_null(uid_set_find(set, 31));
	uid_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_runs_become_ranges),
	    cmocka_unit_test(test_doubles_and_zero),
	    cmocka_unit_test(test_nothing_is_no_part),
	    cmocka_unit_test(test_parts_by_count),
	    cmocka_unit_test(test_a_part_fits_into_a_command_line),
	    cmocka_unit_test(test_rows_know_where_they_came_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
