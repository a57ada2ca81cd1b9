/* Lists of UIDs and message numbers as people write them. */
#include "loader/mailbox/mail_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *parse(const char *text)
{
	g_autoptr(GArray) ranges = NULL;
	struct error err;
	GString *shown = g_string_new(NULL);

	if (mail_selection_parse(text, "uid", &ranges, &err) != 0) {
		assert_int_equal(ERROR_USAGE, err.kind);
		g_string_assign(shown, err.text);
		return g_string_free(shown, FALSE);
	}
	for (guint i = 0; i < ranges->len; i++) {
		const struct mail_range *range = &g_array_index(ranges, struct mail_range, i);

		g_string_append_printf(shown, "%s%u-%u", i > 0 ? " " : "", range->first,
				       range->last);
	}
	return g_string_free(shown, FALSE);
}

static void test_lists(void **state)
{
	static const struct {
		const char *text;
		const char *ranges;
	} rows[] = {
	    {"17", "17-17"},
	    {"17,20:25", "17-17 20-25"},
	    {" 1 , 2 : 3 ", "1-1 2-3"},
	    {"25:20", "20-25"},
	    {"20:*", "20-4294967295"},
	    {"4294967295", "4294967295-4294967295"},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *ranges = parse(rows[i].text);

		assert_string_equal(rows[i].ranges, ranges);
	}
}

static void test_what_is_no_list(void **state)
{
	static const char *const texts[] = {
	    "",	     ",",	   "0",	 "1,", "1:",  ":1",  "*", "*:1",
	    "1:2:3", "4294967296", "-1", "+1", "0x1", "1 2", "a"};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *words = parse(texts[i]);

		assert_ptr_equal(words, strstr(words, "--uid"));
	}
}

static void test_what_selects(void **state)
{
	const struct mail_request none = {.action = MAIL_DELETE, .folder = "INBOX", .all = true};
	const struct mail_request some[] = {
	    {.uid = ""}, {.message_number = "1"}, {.start_row = 1}, {.max_rows = 1}};

	(void)state;
	assert_false(mail_selection_is_given(&none));
	for (size_t i = 0; i < G_N_ELEMENTS(some); i++)
		assert_true(mail_selection_is_given(&some[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_what_is_no_list),
	    cmocka_unit_test(test_what_selects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
