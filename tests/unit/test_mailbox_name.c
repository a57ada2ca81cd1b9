/* Folder names between the operator's form and the server's (RFC 3501 5.1.3). */
#include "loader/imap/names/mailbox_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

static void assert_encoded(const char *name, char delimiter, const char *expected)
{
	char *wire = NULL;
	struct error err = {0};

	if (mailbox_name_encode(name, delimiter, &wire, &err) != 0)
		fail_msg("'%s' was refused: %s", name, err.text);
	assert_string_equal(wire, expected);
	free(wire);
}

static void assert_decoded(const char *wire, char delimiter, const char *expected)
{
	char *name = mailbox_name_decode(wire, delimiter);

	assert_string_equal(name, expected);
	free(name);
}

static void assert_both_ways(const char *name, char delimiter, const char *wire)
{
	assert_encoded(name, delimiter, wire);
	assert_decoded(wire, delimiter, name);
}

static void assert_refused(const char *name, char delimiter, const char *words)
{
	char *wire = NULL;
	struct error err = {0};

	if (mailbox_name_encode(name, delimiter, &wire, &err) != -1)
		fail_msg("'%s' was taken", name);
	assert_null(wire);
	assert_int_equal(err.kind, ERROR_CONFIGURATION);
	if (!strstr(err.text, words))
		fail_msg("'%s' was refused with '%s', which does not say '%s'", name, err.text,
			 words);
}

static void test_examples_of_the_rfc(void **state)
{
	(void)state;
	assert_both_ways("~peter/mail/台北/日本語", '/', "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
}

static void test_ascii_stands_for_itself(void **state)
{
	(void)state;
	assert_both_ways("Orders 2024 (new)", '/', "Orders 2024 (new)");
	assert_both_ways("a \"b\" \\ % * {c}", '/', "a \"b\" \\ % * {c}");
	assert_both_ways("~", '/', "~");
}

static void test_ampersand(void **state)
{
	(void)state;
	assert_both_ways("R&D", '/', "R&-D");
	assert_both_ways("&", '/', "&-");
	assert_both_ways("&&-", '/', "&-&--");
	assert_both_ways("ü&ü", '/', "&APw-&-&APw-");
}

static void test_lengths_of_runs(void **state)
{
	(void)state;
	assert_both_ways("ä", '/', "&AOQ-");
	assert_both_ways("äö", '/', "&AOQA9g-");
	assert_both_ways("äöü", '/', "&AOQA9gD8-");
	assert_both_ways("Müll", '/', "M&APw-ll");
}

static void test_beyond_the_basic_plane(void **state)
{
	(void)state;
	assert_both_ways("😀", '/', "&2D3eAA-");
	assert_both_ways("😀ä", '/', "&2D3eAADk-");
	assert_both_ways("\U0010fffd", '/', "&2,,f,Q-");
}

static void test_slash_becomes_the_delimiter(void **state)
{
	(void)state;
	assert_both_ways("a/b/c", '.', "a.b.c");
	assert_both_ways("Ärger/Größe", '.', "&AMQ-rger.Gr&APYA3w-e");
	assert_both_ways("a/b", '\\', "a\\b");
	/* A server without levels takes '/' as any character. */
	assert_both_ways("a/b", '\0', "a/b");
	assert_encoded("a//b/", '\0', "a//b/");
}

static void test_inbox_knows_no_case(void **state)
{
	(void)state;
	assert_encoded("inbox", '/', "INBOX");
	assert_encoded("InBox/Sub", '.', "INBOX.Sub");
	assert_encoded("Sub/inbox", '/', "Sub/inbox");
	assert_encoded("inboxes", '/', "inboxes");
}

static void test_refused_names(void **state)
{
	(void)state;
	assert_refused("", '/', "empty");
	assert_refused("/a", '/', "empty level");
	assert_refused("a/", '/', "empty level");
	assert_refused("a//b", '.', "empty level");
	assert_refused("a.b", '.', "holds '.', which separates levels on this server");
	assert_refused("a\r\nA1 DELETE INBOX", '/', "control character (U+000D)");
	assert_refused("a\nb", '/', "control character (U+000A)");
	assert_refused("a\x7f", '/', "control character (U+007F)");
	assert_refused("a\xc2\x80", '/', "control character (U+0080)");
	assert_refused("\xff", '/', "not valid UTF-8");
	assert_refused("\xed\xa0\x80", '/', "not valid UTF-8");
}

static void test_length_is_limited(void **state)
{
	g_autofree char *longest = g_strnfill(1000, 'x');
	g_autofree char *longer = g_strnfill(1001, 'x');

	(void)state;
	assert_encoded(longest, '/', longest);
	assert_refused(longer, '/', "longer than 1000 bytes");
}

static void test_what_is_not_encoded_well_is_kept(void **state)
{
	static const char *const wires[] = {
	    "&",	 /* no end */
	    "&AOQ",	 /* no end */
	    "&A-",	 /* less than one unit */
	    "&AOR-",	 /* bits left over are not 0 */
	    "&AO!-",	 /* no base64 */
	    "&2D0-",	 /* half a pair */
	    "&3gA-",	 /* the other half */
	    "&AAA-",	 /* NUL */
	    "&AAo-",	 /* newline */
	    "a & b - c", /* not meant to be encoded */
	    "&AOQ/-",	 /* '/' is ',' here */
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(wires); i++)
		assert_decoded(wires[i], '/', wires[i]);
	assert_decoded("&AGE-", '/', "a");
	assert_decoded("&AOQ-&APY-", '/', "äö");
}

static void test_bytes_outside_ascii(void **state)
{
	(void)state;
	assert_decoded("Gr\xc3\xb6\xc3\x9f", '/', "Größ");
	assert_decoded("Gr\xf6", '/', "Gr\xef\xbf\xbd");
	assert_decoded("", '/', "");
}

static char *random_name(GRand *random)
{
	GString *name = g_string_new(NULL);
	int length = g_rand_int_range(random, 1, 12);

	while (length > 0) {
		gunichar c =
		    (gunichar)g_rand_int_range(random, 1, g_rand_boolean(random) ? 0x80 : 0x110000);

		if (c == '/' || c == '.' || !g_unichar_validate(c) || g_unichar_iscntrl(c))
			continue;
		g_string_append_unichar(name, c);
		if (--length > 1 && g_rand_int_range(random, 0, 6) == 0)
			g_string_append_c(name, '/');
	}
	if (name->str[name->len - 1] == '/')
		g_string_append_c(name, 'x');
	return g_string_free(name, FALSE);
}

static void test_every_name_comes_back(void **state)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(11);

	(void)state;
	for (int round = 0; round < 20000; round++) {
		g_autofree char *name = random_name(random);
		char delimiter = g_rand_boolean(random) ? '/' : '.';
		struct error err = {0};
		char *wire = NULL;

		if (mailbox_name_encode(name, delimiter, &wire, &err) != 0)
			fail_msg("'%s' was refused: %s", name, err.text);
		for (const char *at = wire; *at; at++)
			assert_in_range(*at, ' ', '~');
		assert_decoded(wire, delimiter, name);
		free(wire);
	}
}

static void test_two_names_of_one_folder(void **state)
{
	(void)state;
	static const struct {
		const char *wire;
		const char *other;
		char delimiter;
		bool same;
	} pairs[] = {
	    {"INBOX", "inbox", '/', true},
	    {"INBOX.Work", "Inbox.Work", '.', true},
	    {"INBOX.Work", "INBOX.work", '.', false},
	    {"INBOX.Work", "INBOX.Work.", '.', true},
	    {"inboxes", "INBOXes", '/', false},
	    {"Work", "INBOX.Work", '.', false},
	    {"a/b", "a.b", '.', false},
	    {"Gr&APwA3w-e", "Gr&APw-&AN8-e", '/', true},
	    {"&AFcAbwByAGs-", "Work", '/', true},
	    {"Gr&-APwA3w-e", "Gr&APwA3w-e", '/', false},
	    {"Gr\xfc", "Gr\xf6", '/', false},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
		assert_int_equal(
		    mailbox_name_is_same(pairs[i].wire, pairs[i].other, pairs[i].delimiter),
		    pairs[i].same);
}

static void test_names_that_a_prefix_may_make_one(void **state)
{
	(void)state;
	assert_true(mailbox_name_may_be_same("INBOX/Work", "Work"));
	assert_true(mailbox_name_may_be_same("Work", "inbox/work"));
	assert_true(mailbox_name_may_be_same("a/b/c", "b/c"));
	assert_false(mailbox_name_may_be_same("INBOX", "DROPBOX"));
	assert_false(mailbox_name_may_be_same("Work/a", "Work"));
	assert_false(mailbox_name_may_be_same("Homework", "work"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_two_names_of_one_folder),
	    cmocka_unit_test(test_names_that_a_prefix_may_make_one),
	    cmocka_unit_test(test_examples_of_the_rfc),
	    cmocka_unit_test(test_ascii_stands_for_itself),
	    cmocka_unit_test(test_ampersand),
	    cmocka_unit_test(test_lengths_of_runs),
	    cmocka_unit_test(test_beyond_the_basic_plane),
	    cmocka_unit_test(test_slash_becomes_the_delimiter),
	    cmocka_unit_test(test_inbox_knows_no_case),
	    cmocka_unit_test(test_refused_names),
	    cmocka_unit_test(test_length_is_limited),
	    cmocka_unit_test(test_what_is_not_encoded_well_is_kept),
	    cmocka_unit_test(test_bytes_outside_ascii),
	    cmocka_unit_test(test_every_name_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
