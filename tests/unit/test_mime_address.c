/* Lists of mailboxes. */
#include "mime_fixture.h"

#include "mime/address.h"

static void assert_list(const char *raw, const char *expected)
{
	struct defects *defects = defects_new();
	g_autofree char *list = address_list_format(raw, strlen(raw), NULL, "field To", defects);

	assert_string_equal(list ? list : "(null)", expected);
	defects_free(defects);
}

static void test_forms_of_a_mailbox(void **state)
{
	(void)state;
	assert_list("ann@example.com", "ann@example.com");
	assert_list("<ann@example.com>", "ann@example.com");
	assert_list("Ann Lee <ann@example.com>", "Ann Lee <ann@example.com>");
	assert_list("\"Ann Lee\" <ann@example.com>", "Ann Lee <ann@example.com>");
	assert_list("ann@example.com (Ann Lee)", "Ann Lee <ann@example.com>");
	assert_list("ann@example.com <ann@example.com>", "ann@example.com");
	assert_list("Ann\r\n Lee <ann@example.com>", "Ann Lee <ann@example.com>");
	assert_list("\"a b\"@example.com", "\"a b\"@example.com");
}

static void test_names_are_quoted_only_where_needed(void **state)
{
	(void)state;
	assert_list("\"Lee, Ann\" <ann@example.com>", "\"Lee, Ann\" <ann@example.com>");
	assert_list("\"Ann \\\"A\\\" Lee\" <ann@example.com>",
		    "\"Ann \\\"A\\\" Lee\" <ann@example.com>");
	assert_list("\"ann@old.example.com\" <ann@example.com>",
		    "\"ann@old.example.com\" <ann@example.com>");
	assert_list("Dr. Lee <ann@example.com>", "Dr. Lee <ann@example.com>");
}

static void test_names_are_decoded(void **state)
{
	(void)state;
	assert_list("=?utf-8?Q?J=C3=B6rg?= <j@example.com>", "Jörg <j@example.com>");
	assert_list("\"=?utf-8?Q?J=C3=B6rg?=\" <j@example.com>", "Jörg <j@example.com>");
	assert_list("=?utf-8?Q?Lee, J=C3=B6rg?= <j@example.com>", "\"Lee, Jörg\" <j@example.com>");
	assert_list("J\xf6rg M\xfcller <j@example.com>", "Jörg Müller <j@example.com>");
	assert_list("j\xc3\xb6rg@example.com", "jörg@example.com");
}

static void test_lists(void **state)
{
	(void)state;
	assert_list("a@example.com, B <b@example.com>", "a@example.com; B <b@example.com>");
	assert_list("a@example.com; b@example.com", "a@example.com; b@example.com");
	assert_list(",, a@example.com,,", "a@example.com");
	assert_list("", "(null)");
	assert_list(" ,", "(null)");
}

static void test_groups_are_flattened(void **state)
{
	(void)state;
	assert_list("Team: a@example.com, B <b@example.com>;", "a@example.com; B <b@example.com>");
	assert_list("undisclosed-recipients:;", "(null)");
	assert_list("One: a@example.com;, c@example.com", "a@example.com; c@example.com");
}

static void test_comments_and_routes_go(void **state)
{
	(void)state;
	assert_list("Ann (sales (north)) Lee <ann@example.com>", "Ann Lee <ann@example.com>");
	assert_list("<@relay.example.com,@b.example.com:ann@example.com>", "ann@example.com");
	assert_list("mailto:ann@example.com", "ann@example.com");
}

static void test_junk_is_kept_as_text(void **state)
{
	(void)state;
	assert_list("nobody in particular", "nobody in particular");
	assert_list("Ann <ann@example.com", "Ann <ann@example.com>");
	assert_list("Ann <ann@example.com, b@example.com", "Ann <ann@example.com>; b@example.com");
	assert_list("Ann <>", "Ann");
	assert_list("\"never closed", "never closed");
	assert_list("(never closed", "(null)");
}

static void test_only_the_first(void **state)
{
	struct defects *defects = defects_new();
	const char *raw = "Team: , A <a@example.com>, b@example.com;";
	g_autofree char *first =
	    address_first_format(raw, strlen(raw), NULL, "field From", defects);

	(void)state;
	assert_string_equal(first, "A <a@example.com>");
	defects_free(defects);
}

static void test_hostile_lists_are_only_slow_reading(void **state)
{
	static const char *const pieces[] = {"a:", "<,", "\"(", "(", "=?a?b? ", "<@a:"};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
		g_autoptr(GString) raw = g_string_new(NULL);
		while (raw->len < 250000)
			g_string_append(raw, pieces[i]);
		struct defects *defects = defects_new();
		g_free(address_list_format(raw->str, raw->len, NULL, "field To", defects));
		defects_free(defects);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forms_of_a_mailbox),
	    cmocka_unit_test(test_names_are_quoted_only_where_needed),
	    cmocka_unit_test(test_names_are_decoded),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_groups_are_flattened),
	    cmocka_unit_test(test_comments_and_routes_go),
	    cmocka_unit_test(test_junk_is_kept_as_text),
	    cmocka_unit_test(test_only_the_first),
	    cmocka_unit_test(test_hostile_lists_are_only_slow_reading),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
