/* The connection string: wrong values, and printing. */
#include "connection_string_fixture.h"

/* --- wrong values ------------------------------------------------------ */

static void test_url_is_a_host_name(void **state)
{
	(void)state;
	assert_refused("url=", "url: takes a host name");
	assert_refused("url=imaps://imap.example.com", "url: takes the host name only");
	assert_refused("url=imap.example.com/INBOX", "not a URL");
	assert_refused("url=imap.example.com:993", "the port has its own key: port=993");
	assert_refused("url=[imap.example.com]", "takes a host name");
	assert_refused("url=anna@imap.example.com", "--user-name");
	assert_refused("url=a b", "takes a host name");
	assert_refused("url=h?x", "takes a host name");
}

static void test_wrong_values_name_the_key_and_what_it_takes(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} cases[] = {
	    {"port=0", "port: takes a number from 1 to 65535"},
	    {"port=65536", "port: takes"},
	    {"port=-1", "port: takes"},
	    {"port=99x", "port: takes"},
	    {"port=99999999999999999999999", "port: takes"},
	    {"port=", "port: takes"},
	    {"ssl=yes", "ssl: takes True or False"},
	    {"ssl=", "ssl: takes True or False"},
	    {"insecure=1", "insecure: takes True or False"},
	    {"attachHtml=on", "attachHtml: takes True or False"},
	    {"sanitize=x", "sanitize: takes True or False"},
	    {"keepRaw=x", "keepRaw: takes True or False"},
	    {"createFolders=x", "createFolders: takes True or False"},
	    {"timeout=0", "timeout: takes a time"},
	    {"timeout=61m", "timeout: takes a time"},
	    {"timeout=5h", "timeout: takes a time"},
	    {"timeout=s", "timeout: takes a time"},
	    {"timeout=307445734561825861m", "timeout: takes a time"},
	    {"maxSize=0", "maxSize: takes a size"},
	    {"maxHeader=0", "maxHeader: takes a size"},
	    {"maxHeader=5MB", "maxHeader: takes a size"},
	    {"maxFields=0", "maxFields: takes a number from 1 to 100000"},
	    {"maxParts=100001", "maxParts: takes a number from 1 to 100000"},
	    {"maxDepth=251", "maxDepth: takes a number from 1 to 250"},
	    {"maxBoundary=2KB", "maxBoundary: takes a number from 1 to 65536"},
	    {"maxSize=901MB", "maxSize: takes a size"},
	    {"maxSize=17179869184GB", "maxSize: takes a size"},
	    {"maxSize=5TB", "maxSize: takes a size"},
	    {"maxSize=-5MB", "maxSize: takes a size"},
	    {"since=2023-02-29", "since: takes a day as YYYY-MM-DD"},
	    {"since=1.2.2024", "since: takes a day"},
	    {"since=2024-1-1", "since: takes a day"},
	    {"since=0000-01-01", "since: takes a day"},
	    {"search=", "search: search criteria have"},
	    {"search=FROM \"x", "is not closed"},
	    {"search=(SEEN", "parentheses"},
	    {"search=SEEN)", "parentheses"},
	    {"search=)SEEN(", "parentheses"},
	    {"search=FROM {3}", "no literal"},
	    {"search=FROM \xfc", "UTF-8"},
	    {"search=CHARSET UTF-8 ALL", "begin with a search key"},
	    {"search=return (count) ALL", "begin with a search key"},
	    {"proxy=socks4://h:1", "proxy: takes socks5://"},
	    {"proxy=h:1", "proxy: takes socks5://"},
	    {"proxy=http://", "proxy: takes socks5://"},
	    {"proxy=http://h:1/path", "proxy: takes socks5://"},
	    {"proxy=http://anna:x@h:1", "proxy: takes no user name or password"},
	    {"authMech=GSSAPI", "authMech: takes SCRAM-SHA-256"},
	    {"disable=MOVE UIDPLUS", "disable: takes names"},
	    {"disable=,", "disable: takes names"},
	    {"mailbox=", "mailbox: a folder name is empty"},
	    {"dropbox=a//b", "dropbox: folder name 'a//b' has an empty level"},
	    {"badmail=/a", "badmail: folder name '/a' has an empty level"},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strconcat("url=h;", cases[i].text, NULL);

		assert_refused(text, cases[i].words);
	}
}

static void test_the_three_folders_differ(void **state)
{
	(void)state;
	assert_refused("url=h;dropbox=INBOX", "mailbox and dropbox must be different folders");
	assert_refused("url=h;dropbox=inbox", "mailbox and dropbox must be different folders");
	assert_refused("url=h;badmail=Inbox", "badmail and mailbox must be different folders");
	assert_refused("url=h;badmail=DROPBOX", "dropbox and badmail must be different folders");
	/* Only INBOX knows no case. */
	connection_string_free(parse("url=h;badmail=dropbox"));
}

/* --- printing ---------------------------------------------------------- */

static void assert_formatted(const char *text, const char *expected)
{
	struct connection_string *string = parse(text);
	g_autofree char *formatted = connection_string_format(string);

	assert_string_equal(formatted, expected);
	connection_string_free(string);
}

static void test_printing_is_canonical(void **state)
{
	(void)state;
	assert_formatted(" URL = h ;; PORT=143;", "url=h;port=143");
	assert_formatted("url=h;dropbox='plain'", "url=h;dropbox=plain");
	assert_formatted("url=h;dropbox='a;b'", "url=h;dropbox=\"a;b\"");
	assert_formatted("url=h;dropbox='\"a\"'", "url=h;dropbox='\"a\"'");
	assert_formatted("url=h;dropbox='it''s \"a\";'", "url=h;dropbox='it''s \"a\";'");
	assert_formatted("url=h;dropbox=it's", "url=h;dropbox=it's");
	assert_formatted("url=h;url=i;caFile=", "url=h;url=i;caFile=");
}

static void append_quoted(GString *text, const char *value, char quote)
{
	g_string_append_c(text, quote);
	for (; *value; value++) {
		if (*value == quote)
			g_string_append_c(text, quote);
		g_string_append_c(text, *value);
	}
	g_string_append_c(text, quote);
}

static char *random_value(GRand *random)
{
	static const char *const pieces[] = {"'", "\"", ";",	 "=",  " ",
					     "a", "ß",	"INBOX", "\\", ","};
	GString *value = g_string_new("x");
	int length = g_rand_int_range(random, 0, 12);

	if (g_rand_boolean(random))
		g_string_truncate(value, 0);
	for (int i = 0; i < length; i++)
		g_string_append(value, pieces[g_rand_int_range(random, 0, G_N_ELEMENTS(pieces))]);
	return g_string_free(value, FALSE);
}

static void test_printing_is_lossless(void **state)
{
	static const char *const keys[] = {"caFile", "CAFILE", "cafile "};
	g_autoptr(GRand) random = g_rand_new_with_seed(7);

	(void)state;
	for (int round = 0; round < 20000; round++) {
		g_autoptr(GString) text = g_string_new("url=h");
		g_autofree char *last = NULL;
		int count = g_rand_int_range(random, 1, 4);

		for (int i = 0; i < count; i++) {
			g_free(last);
			last = random_value(random);
			g_string_append_printf(text, ";%s=", keys[g_rand_int_range(random, 0, 3)]);
			append_quoted(text, last, g_rand_boolean(random) ? '\'' : '"');
		}

		struct connection_string *first = parse(text->str);
		g_autofree char *formatted = connection_string_format(first);
		struct connection_string *second = parse(formatted);
		g_autofree char *again = connection_string_format(second);

		assert_string_equal(second->ca_file ? second->ca_file : "", last);
		assert_int_equal(second->pair_count, (size_t)count + 1);
		for (size_t i = 0; i < second->pair_count; i++) {
			assert_string_equal(first->pairs[i].key, second->pairs[i].key);
			assert_string_equal(first->pairs[i].value, second->pairs[i].value);
		}
		assert_string_equal(formatted, again);
		connection_string_free(first);
		connection_string_free(second);
	}
}

static void test_nothing_can_be_freed(void **state)
{
	(void)state;
	connection_string_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_url_is_a_host_name),
	    cmocka_unit_test(test_wrong_values_name_the_key_and_what_it_takes),
	    cmocka_unit_test(test_the_three_folders_differ),
	    cmocka_unit_test(test_printing_is_canonical),
	    cmocka_unit_test(test_printing_is_lossless),
	    cmocka_unit_test(test_nothing_can_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
