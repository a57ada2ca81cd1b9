/* STATUS answers, as servers write them. */
#include "loader/imap/names/status_lines.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char *read_all(const char *lines)
{
	GString *shown = g_string_new(NULL);
	const char *at = lines;
	struct status_line line;

	while (status_lines_next(&at, lines + strlen(lines), &line)) {
		g_string_append_printf(shown, "%s %u %u %u;", line.wire, line.messages, line.unseen,
				       line.recent);
		g_free(line.wire);
	}
	assert_ptr_equal(lines + strlen(lines), at);
	return g_string_free(shown, FALSE);
}

static void expect(const char *shown, const char *lines)
{
	g_autofree char *got = read_all(lines);

	assert_string_equal(shown, got);
}

static void test_names(void **state)
{
	(void)state;
	expect("INBOX 3 2 1;", "* STATUS INBOX (MESSAGES 3 RECENT 1 UNSEEN 2)\r\n");
	expect("two words 1 0 0;", "* STATUS \"two words\" (MESSAGES 1)\r\n");
	expect("a\"b\\c 1 0 0;", "* STATUS \"a\\\"b\\\\c\" (MESSAGES 1)\r\n");
	expect("lit (x) 4 0 0;", "* STATUS {7}\r\nlit (x) (MESSAGES 4)\r\n");
	expect("A 0 0 0;", "* status A ()\r\n");
}

static void test_many_among_others(void **state)
{
	(void)state;
	expect("A 1 0 0;B 2 0 0;",
	       "* LIST () \"/\" A\r\n* STATUS A (MESSAGES 1)\r\n* LIST () \"/\" B\r\n"
	       "* STATUS B (messages 2 )\r\n5 OK done\r\n");
}

static void test_large_numbers(void **state)
{
	(void)state;
	expect("A 4294967295 0 0;", "* STATUS A (MESSAGES 4294967295)\r\n");
	expect("A 4294967295 0 0;", "* STATUS A (MESSAGES 429496729600000)\r\n");
}

static void test_nonsense_is_passed_over(void **state)
{
	static const char *const broken[] = {
	    "* STATUS\r\n",
	    "* STATUS A\r\n",
	    "* STATUS A (\r\n",
	    "* STATUS A (MESSAGES)\r\n",
	    "* STATUS A (MESSAGES x)\r\n",
	    "* STATUS \"A (MESSAGES 1)\r\n",
	    "* STATUS {99}\r\nA (",
	    "* STATUS {5\r\nA (",
	    "* STATUS A (FROBS 1)\r\n",
	    "* STATUS A (MESSAGES 1",
	    "* STATUS ",
	    "* STATUS {4294967299}\r\nA",
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(broken); i++)
		expect("", broken[i]);
	expect("B 2 0 0;", "* STATUS A (MESSAGES x)\r\n* STATUS B (MESSAGES 2)\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_many_among_others),
	    cmocka_unit_test(test_large_numbers),
	    cmocka_unit_test(test_nonsense_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
