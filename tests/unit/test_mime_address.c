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
	assert_list("Ann Lee [ann@example.com]", "Ann Lee <ann@example.com>");
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
	assert_list("Ann <a@example.com>: b", "Ann b <a@example.com>");
	assert_list("a@example.com: b@example.com", "a@example.com; b@example.com");
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
	assert_list("(never closed", "never closed");
}

static void test_comments_stand_anywhere(void **state)
{
	(void)state;
	assert_list("Pat (lead) <pat(at work)@example.com(shop)>", "Pat <pat@example.com>");
	assert_list("<ann@(branch (of)) example.com>", "ann@example.com");
	assert_list("Ann <ann(a > b)@example.com>", "Ann <ann@example.com>");
	assert_list("pat(at work)@example.com", "pat@example.com");
	assert_list("(Ann Lee) ann@example.com", "Ann Lee <ann@example.com>");
	assert_list("ann@example.com (Lee, Ann)", "\"Lee, Ann\" <ann@example.com>");
	assert_list("Ann (Sales <ann@example.com>", "Ann Sales <ann@example.com>");
	assert_list("MAILER-DAEMON (Mail Delivery System)", "Mail Delivery System <MAILER-DAEMON>");
	assert_list("Mail Delivery System <MAILER-DAEMON>", "Mail Delivery System <MAILER-DAEMON>");
}

static void test_blanks_around_dots(void **state)
{
	(void)state;
	assert_list("ann . lee @ example . com", "ann.lee@example.com");
	assert_list("<ann . lee @ example . com>", "ann.lee@example.com");
	assert_list("jo@mail\t.\r\n example.com, b@example.com",
		    "jo@mail.example.com; b@example.com");
	assert_list("Ann Lee ann . lee@example . com", "Ann Lee <ann.lee@example.com>");
	assert_list("Lee J. ann@example.com", "Lee J. <ann@example.com>");
	assert_list("ann@mail. example.com", "ann@mail.example.com");
	assert_list("<\"a b\"@example.com>", "\"a b\"@example.com");
	assert_list("ann@[192.0.2.1], Bob <bob@[IPv6:2001:db8::1]>",
		    "ann@[192.0.2.1]; Bob <bob@[IPv6:2001:db8::1]>");
	assert_list("ann@[IPv6:2001:db8::1]", "ann@[IPv6:2001:db8::1]");
}

static void test_names_with_commas_keep_their_address(void **state)
{
	(void)state;
	assert_list("Lee, Ann <ann@example.com>, Bob <bob@example.com>",
		    "\"Lee, Ann\" <ann@example.com>; Bob <bob@example.com>");
	assert_list("Lee, Ann, Dr. <ann@example.com>", "\"Lee, Ann, Dr.\" <ann@example.com>");
	assert_list("Lee, Ann ann@example.com", "\"Lee, Ann\" <ann@example.com>");
	assert_list("Lee, Ann <ann@example.com>; Ray, Bob <bob@example.com>",
		    "\"Lee, Ann\" <ann@example.com>; \"Ray, Bob\" <bob@example.com>");
	assert_list("=?utf-8?Q?M=C3=BCller?=, =?utf-8?Q?J=C3=B6rg?= <j@example.com>",
		    "\"Müller, Jörg\" <j@example.com>");
	assert_list("M\xc3\xbcller, J\xc3\xb6rg (Sales) <j@example.com>",
		    "\"Müller, Jörg\" <j@example.com>");
	assert_list("Lee, <ann@example.com>", "Lee <ann@example.com>");
	/* These are mailboxes of the machine itself. */
	assert_list("root, ann@example.com", "root; ann@example.com");
	assert_list("root, ann@example.com (Ann)", "root; Ann <ann@example.com>");
	assert_list("root, postmaster", "root; postmaster");
	assert_list("a, b, c, d, Ann <ann@example.com>", "a; b; c; d; Ann <ann@example.com>");
	assert_list("\"Example \" <>, \"LTD\" <ly@example.com>", "Example; LTD <ly@example.com>");
}

static void test_addresses_without_commas(void **state)
{
	(void)state;
	assert_list("ann@example.com bob@example.com", "ann@example.com; bob@example.com");
	assert_list("Ann Lee ann@example.com", "Ann Lee <ann@example.com>");
	assert_list("ann@example.com Ann Lee", "Ann Lee <ann@example.com>");
	assert_list("Ann <ann@example.com> Bob <bob@example.com>",
		    "Ann <ann@example.com>; Bob <bob@example.com>");
	assert_list("Ann <ann@example.com> bob@example.com",
		    "Ann <ann@example.com>; bob@example.com");
	assert_list("Ann <ann@example.com <bob@example.com>",
		    "Ann <ann@example.com>; bob@example.com");
	assert_list("<ann@example.com, bob@example.com>", "ann@example.com; bob@example.com");
	assert_list("Ann <Lee> <ann@example.com>", "Ann Lee <ann@example.com>");
	/* What stands in quotes is a name, whatever it looks like. */
	assert_list("\"bob@example.com\" ann@example.com", "\"bob@example.com\" <ann@example.com>");
	assert_list("\"ann@example.com\"", "ann@example.com");
}

static void test_odd_brackets_and_quotes(void **state)
{
	(void)state;
	assert_list("<<x@example.com>>", "x@example.com");
	assert_list("Ann < <ann@example.com> >, b@example.com",
		    "Ann <ann@example.com>; b@example.com");
	assert_list("'ann@example.com' <'ann@example.com'>",
		    "\"'ann@example.com'\" <ann@example.com>");
	assert_list("Ann <mailto:ann@example.com>", "Ann <ann@example.com>");
	assert_list("[ann@example.com]", "ann@example.com");
	assert_list("Ann \"Lee <ann@example.com>, Bob <bob@example.com>",
		    "Ann Lee <ann@example.com>; Bob <bob@example.com>");
	assert_list("ann@example.com.", "ann@example.com");
}

static void test_only_the_best(void **state)
{
	struct defects *defects = defects_new();
	const char *raw = "Team: , A <a@example.com>, b@example.com;";
	enum address_kind kind;
	g_autofree char *first =
	    address_first_format(raw, strlen(raw), NULL, "field From", defects, &kind);

	(void)state;
	assert_string_equal(first, "A <a@example.com>");
	defects_free(defects);
}

static void test_hostile_lists_are_only_slow_reading(void **state)
{
	static const char *const pieces[] = {"a:",   "<,",   "\"(", "(",	"=?a?b? ",
					     "<@a:", "a@[:", "<a@", "<\"\\\"(", "a . ",
					     "a@b ", ",x",   "\"@", "(\xfc",	"=?a?Q?\xfc?= "};

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
	    cmocka_unit_test(test_comments_stand_anywhere),
	    cmocka_unit_test(test_blanks_around_dots),
	    cmocka_unit_test(test_names_with_commas_keep_their_address),
	    cmocka_unit_test(test_addresses_without_commas),
	    cmocka_unit_test(test_odd_brackets_and_quotes),
	    cmocka_unit_test(test_only_the_best),
	    cmocka_unit_test(test_hostile_lists_are_only_slow_reading),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
