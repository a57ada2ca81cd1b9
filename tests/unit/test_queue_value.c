/* How times and digests look in the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/store_internal.h"

#include <string.h>

static void assert_time_ms(int64_t time_ms, const char *expected)
{
	char text[VALUE_TIME_MAX];
	value_format_time_ms(time_ms, text);
	assert_string_equal(expected, text);
	assert_int_equal(time_ms, value_parse_time_ms(text));
}

static void test_times_are_rfc_3339_with_milliseconds(void **state)
{
	(void)state;
	assert_time_ms(INT64_C(1769860800000), "2026-01-31T12:00:00.000Z");
	assert_time_ms(INT64_C(1769860800007), "2026-01-31T12:00:00.007Z");
	assert_time_ms(INT64_C(951782399999), "2000-02-28T23:59:59.999Z");
	assert_time_ms(0, "1970-01-01T00:00:00.000Z");
	assert_time_ms(-1, "1969-12-31T23:59:59.999Z");
	assert_time_ms(INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z");
}

static void test_dates_of_mail_have_no_fraction(void **state)
{
	(void)state;
	char text[VALUE_TIME_MAX];
	value_format_time_s(INT64_C(1769860800), text);
	assert_string_equal("2026-01-31T12:00:00Z", text);
	assert_int_equal(INT64_C(1769860800), value_parse_time_s(text));
	assert_int_equal(INT64_C(1769860800000), value_parse_time_ms(text));
}

static void test_dates_out_of_range_become_the_nearest_that_can_be_written(void **state)
{
	(void)state;
	char text[VALUE_TIME_MAX];
	value_format_time_s(INT64_MAX, text);
	assert_string_equal("9999-12-31T23:59:59Z", text);
	value_format_time_s(INT64_MIN, text);
	assert_string_equal("0000-01-01T00:00:00Z", text);
	value_format_time_ms(INT64_MAX, text);
	assert_string_equal("9999-12-31T23:59:59.999Z", text);
	value_format_time_ms(INT64_MIN, text);
	assert_string_equal("0000-01-01T00:00:00.000Z", text);
}

static void test_what_is_no_time_reads_as_none(void **state)
{
	(void)state;
	assert_int_equal(0, value_parse_time_ms(NULL));
	assert_int_equal(0, value_parse_time_ms(""));
	assert_int_equal(0, value_parse_time_s("yesterday"));
}

static void test_digests_are_lower_case_hexadecimal(void **state)
{
	(void)state;
	unsigned char digest[32];
	unsigned char again[32];
	char text[VALUE_SHA256_MAX];
	for (unsigned i = 0; i < 32; i++)
		digest[i] = (unsigned char)(i * 8 + 7);
	value_format_sha256(digest, text);
	assert_string_equal("070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff",
			    text);
	value_parse_sha256(text, again);
	assert_memory_equal(digest, again, sizeof digest);
}

static void test_what_is_no_digest_reads_as_zeros(void **state)
{
	(void)state;
	const unsigned char zeros[32] = {0};
	unsigned char digest[32];
	value_parse_sha256(NULL, digest);
	assert_memory_equal(zeros, digest, sizeof zeros);
	value_parse_sha256("070F171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff",
			   digest);
	assert_memory_equal(zeros, digest, sizeof zeros);
	value_parse_sha256("07", digest);
	assert_memory_equal(zeros, digest, sizeof zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_times_are_rfc_3339_with_milliseconds),
	    cmocka_unit_test(test_dates_of_mail_have_no_fraction),
	    cmocka_unit_test(test_dates_out_of_range_become_the_nearest_that_can_be_written),
	    cmocka_unit_test(test_what_is_no_time_reads_as_none),
	    cmocka_unit_test(test_digests_are_lower_case_hexadecimal),
	    cmocka_unit_test(test_what_is_no_digest_reads_as_zeros),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
