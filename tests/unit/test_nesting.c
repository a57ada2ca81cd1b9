#include "loader/imap/wire/nesting.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* All at once, and byte by byte: both must say the same. */
static int feed(const GString *text)
{
	struct nesting whole = {0};
	struct nesting pieces = {0};
	const int result = nesting_feed(&whole, text->str, text->len);
	int last = 0;
	for (size_t i = 0; i < text->len && last == 0; i++)
		last = nesting_feed(&pieces, text->str + i, 1);
	assert_int_equal(result, last);
	return result;
}

/* `before`, then `count` times `level`, then `after`. */
static int feed_levels(const char *before, const char *level, int count, const char *after)
{
	g_autoptr(GString) text = g_string_new(before);
	for (int i = 0; i < count; i++)
		g_string_append(text, level);
	g_string_append(text, after);
	return feed(text);
}

static void test_answers_of_servers_pass(void **state)
{
	(void)state;
	assert_int_equal(0, feed_levels("* NAMESPACE ", "((\"\" \"/\"))", 900, "\r\n"));
	assert_int_equal(0, feed_levels("* 1 FETCH (UID 3 FLAGS (\\Seen) BODYSTRUCTURE ", "(",
					NESTING_MAX - 1, "\r\n"));
	assert_int_equal(0, feed_levels("", "* 1 FETCH (UID 1 FLAGS (\\Seen)\r\n", 5000, ""));
}

static void test_deep_answers_end_the_connection(void **state)
{
	(void)state;
	assert_int_equal(-1, feed_levels("* CAPABILITY ", "(", NESTING_MAX + 1, "\r\n"));
	assert_int_equal(-1,
			 feed_levels("* 1 FETCH (UID 1 BODYSTRUCTURE ", "(\"text\" ", 20000, ""));
	assert_int_equal(-1, feed_levels("* 1 FETCH (ENVELOPE (\"\\\"(\" ", "(", NESTING_MAX, ""));
	assert_int_equal(-1, feed_levels("1 OK ", "(", NESTING_MAX + 1, "\r\n"));
}

static void test_a_quote_that_never_ends_hides_nothing(void **state)
{
	(void)state;
	assert_int_equal(0, feed_levels("* LIST () \"/\" \"", "(", 300, "\"\r\n"));
	assert_int_equal(-1, feed_levels("* 1 FETCH (X\" ", "(", NESTING_QUOTED_MAX + 1, ""));
}

static void test_numbers_have_32_bits(void **state)
{
	(void)state;
	static const char *const refused[] = {
	    "* 4294967296 EXISTS",
	    "* 1 FETCH (UID 4294967297",
	    "* 1 FETCH (uid 00004294967297 ",
	    "* 1 FETCH (RFC822.SIZE 18446744073709551617)",
	    "* 1 FETCH (BODY[]<4294967296> ",
	    "* SEARCH 1 2 4294967296",
	    "* STATUS \"a\" (MESSAGES 4294967296)",
	    "* STATUS {1}\r\na (UIDNEXT 4294967296)",
	    "* OK [UIDVALIDITY 99999999999999999999999999]",
	    "* OK [COPYUID 7 1:3,4294967296 1]",
	    "12 OK [COPYUID 7 1 1:4294967296]",
	    "12 OK [APPENDUID 7 4294967296]",
	    "* 1 FETCH (BODY[] {4294967296}",
	    "* 1 FETCH (BODY[] {18446744073709551621}",
	};
	static const char *const taken[] = {
	    "* 4294967295 EXISTS",
	    "* 1 FETCH (UID 4294967295 MODSEQ (9223372036854775807))",
	    "* 1 FETCH (FLAGS (99999999999 $a:99999999999))",
	    "* SEARCH 1 2 (MODSEQ 9223372036854775807)",
	    "* OK [HIGHESTMODSEQ 9223372036854775807] all 99999999999 of them",
	    "* OK welcome [UIDVALIDITY 99999999999] since 99999999999",
	    "* LIST () \"/\" \"UID 99999999999\"",
	    "* STATUS 99999999999 (MESSAGES 1)",
	    "* QUOTA \"\" (STORAGE 1 99999999999)",
	    "99999999999 OK UID 99999999999",
	    "+ UID 99999999999",
	    "* NO {4294967296}",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
		assert_int_equal(-1, feed_levels(refused[i], "", 0, "\r\n"));
	for (size_t i = 0; i < G_N_ELEMENTS(taken); i++)
		assert_int_equal(0, feed_levels(taken[i], "", 0, "\r\n"));
}

static void test_mail_may_hold_anything(void **state)
{
	(void)state;
	assert_int_equal(0, feed_levels("* 1 FETCH (UID 1 BODY[] {3000}\r\n", "(", 3000, ")\r\n"));
	assert_int_equal(0, feed_levels("* 1 FETCH (UID 1 BODY[] {3000+}\r\n", "(", 3000, ")\r\n"));
	assert_int_equal(-1,
			 feed_levels("* 1 FETCH (BODY[] {100}\r\n", "(", 100 + NESTING_MAX, ""));
}

/* What is open before a literal is still open behind it. */
static void test_levels_go_on_behind_a_literal(void **state)
{
	(void)state;
	assert_int_equal(-1, feed_levels("* 1 FETCH (A ", "({1}\r\nx", NESTING_MAX, ""));
}

static void test_words_for_people_announce_no_literal(void **state)
{
	(void)state;
	static const char *const lines[] = {"* OK hello {99999}\r\n", "* ok [X] {99999}\r\n",
					    "* BYE {99999}\r\n", "3 NO {99999}\r\n",
					    "+ {99999}\r\n"};
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autofree char *before = g_strconcat(lines[i], "* 1 FETCH ", NULL);
		assert_int_equal(-1, feed_levels(before, "(", NESTING_MAX + 1, ""));
	}
}

static void test_a_literal_may_be_as_large_as_was_said(void **state)
{
	(void)state;
	static const char fits[] = "* 1 FETCH (BODY[] {10}\r\n0123456789)\r\n* OK {999} words\r\n";
	static const char more[] = "* 1 FETCH (BODY[] {11}\r\n";
	struct nesting nesting = {.literal_max = 10};
	assert_int_equal(0, nesting_feed(&nesting, fits, strlen(fits)));
	assert_int_equal(-1, nesting_feed(&nesting, more, strlen(more)));
	assert_int_equal(NESTING_LONG_LITERAL, nesting.fault);
}

/* A literal is part of its answer; the mail in it counts for nothing. */
static void test_answers_are_counted(void **state)
{
	(void)state;
	static const char answer[] = "* 1 FETCH (BODY[] {4}\r\n\n\n\n\n X {2}\r\n\n\n)\r\n";
	struct nesting nesting = {.answers_max = 3};
	for (int i = 0; i < 3; i++)
		assert_int_equal(0, nesting_feed(&nesting, answer, strlen(answer)));
	nesting.answers = 2;
	assert_int_equal(0, nesting_feed(&nesting, answer, strlen(answer)));
	assert_int_equal(-1, nesting_feed(&nesting, answer, strlen(answer)));
	assert_int_equal(NESTING_MANY_ANSWERS, nesting.fault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers_of_servers_pass),
	    cmocka_unit_test(test_deep_answers_end_the_connection),
	    cmocka_unit_test(test_a_quote_that_never_ends_hides_nothing),
	    cmocka_unit_test(test_numbers_have_32_bits),
	    cmocka_unit_test(test_mail_may_hold_anything),
	    cmocka_unit_test(test_levels_go_on_behind_a_literal),
	    cmocka_unit_test(test_words_for_people_announce_no_literal),
	    cmocka_unit_test(test_a_literal_may_be_as_large_as_was_said),
	    cmocka_unit_test(test_answers_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
