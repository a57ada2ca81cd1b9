/* What watch does after an error, and the keys of the connection string that it follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loader/imap/names/connection_string.h"
#include "loader/source/mailbox.h"
#include "loader/watch/watch_wait_internal.h"

enum { RETRY_MS = 5000 };

static const uint32_t middle = UINT32_MAX / 2;

static void assert_pauses(enum error_kind kind, const int64_t *seconds, size_t count)
{
	struct watch_policy policy = watch_policy_new(RETRY_MS);
	for (size_t i = 0; i < count; i++)
		assert_in_range(watch_policy_pause_ms(&policy, kind, middle), seconds[i] * 1000 - 1,
				seconds[i] * 1000);
}

static void test_network_errors_begin_with_five_seconds(void **state)
{
	static const int64_t seconds[] = {5, 10, 20, 40, 80, 160, 320, 640, 900, 900};
	(void)state;
	assert_pauses(ERROR_UNREACHABLE, seconds, 10);
	assert_pauses(ERROR_PROTOCOL, seconds, 10);
	assert_pauses(ERROR_SOFTWARE, seconds, 10);
	assert_pauses(ERROR_IO, seconds, 10);
}

/* Whatever the dice say: a few tries meanwhile, and mail again within a minute of its return. */
static void test_a_server_that_is_gone_for_a_minute(void **state)
{
	static const uint32_t dice[] = {0, UINT32_MAX / 2, UINT32_MAX};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct watch_policy policy = watch_policy_new(RETRY_MS);
		int64_t passed_ms = 0;
		int tries = 0;
		for (; passed_ms < 60000; tries++)
			passed_ms += watch_policy_pause_ms(&policy, ERROR_UNREACHABLE, dice[i]);
		assert_in_range(tries, 4, 5);
		assert_in_range(passed_ms, 60000, 120000);
	}
}

static void test_a_server_that_asks_for_patience_gets_it(void **state)
{
	static const int64_t seconds[] = {60, 120, 240, 480, 900, 900};
	(void)state;
	assert_pauses(ERROR_TEMPORARY, seconds, 6);
	assert_pauses(ERROR_CONFIGURATION, seconds, 6);
	assert_pauses(ERROR_CREDENTIALS, seconds, 6);
}

static int64_t pause_after(struct watch_policy *policy, enum error_kind kind)
{
	return watch_policy_pause_ms(policy, kind, middle) + 1;
}

static void test_errors_of_several_kinds_in_turn_wait_longer_too(void **state)
{
	struct watch_policy policy = watch_policy_new(1000);
	(void)state;
	assert_int_equal(pause_after(&policy, ERROR_UNREACHABLE), 1000);
	assert_int_equal(pause_after(&policy, ERROR_PROTOCOL), 2000);
	assert_int_equal(pause_after(&policy, ERROR_TEMPORARY), 12000);
	assert_int_equal(pause_after(&policy, ERROR_SOFTWARE), 4000);
	assert_int_equal(pause_after(&policy, ERROR_CONFIGURATION), 24000);
}

static void test_success_begins_anew(void **state)
{
	struct watch_policy policy = watch_policy_new(1000);
	(void)state;
	pause_after(&policy, ERROR_UNREACHABLE);
	pause_after(&policy, ERROR_TEMPORARY);
	watch_policy_reset(&policy);
	assert_int_equal(pause_after(&policy, ERROR_UNREACHABLE), 1000);
	assert_int_equal(pause_after(&policy, ERROR_TEMPORARY), 12000);
}

/* Two pauses of at most 1.25 times 1 min and 5 min: three tries take less than 15 min, and the
 * third is the last. */
static void test_refused_sign_ins_are_few(void **state)
{
	const struct watch_policy policy = watch_policy_new(RETRY_MS);
	(void)state;
	assert_in_range(watch_policy_refusal_ms(&policy, 1, middle), 59999, 60000);
	assert_in_range(watch_policy_refusal_ms(&policy, 2, middle), 299999, 300000);
	assert_int_equal(REFUSAL_MAX, 3);
}

static void assert_keys(const char *text, bool idle, uint32_t poll_s)
{
	struct connection_string *string;
	struct error err;
	assert_int_equal(connection_string_parse(text, &string, &err), 0);
	assert_int_equal(string->idle, idle);
	assert_int_equal(string->poll_s, poll_s);
	connection_string_free(string);
}

static void test_keys_of_the_connection_string(void **state)
{
	(void)state;
	assert_keys("url=h", true, 60);
	assert_keys("url=h;idle=False;poll=5m", false, 300);
	assert_keys("url=h;IDLE=true;POLL=25m", true, 1500);
}

static void test_wrong_keys_of_the_connection_string(void **state)
{
	static const char *const wrong[] = {"url=h;idle=no", "url=h;poll=0", "url=h;poll=26m",
					    "url=h;poll=500ms", "url=h;poll="};
	struct connection_string *string;
	struct error err;
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(connection_string_parse(wrong[i], &string, &err), -1);
		assert_int_equal(err.kind, ERROR_CONFIGURATION);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_network_errors_begin_with_five_seconds),
	    cmocka_unit_test(test_a_server_that_is_gone_for_a_minute),
	    cmocka_unit_test(test_a_server_that_asks_for_patience_gets_it),
	    cmocka_unit_test(test_errors_of_several_kinds_in_turn_wait_longer_too),
	    cmocka_unit_test(test_success_begins_anew),
	    cmocka_unit_test(test_refused_sign_ins_are_few),
	    cmocka_unit_test(test_keys_of_the_connection_string),
	    cmocka_unit_test(test_wrong_keys_of_the_connection_string),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
