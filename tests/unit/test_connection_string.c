/* The connection string: its grammar, its keys, its errors. */
#include "loader/imap/names/connection_string.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

static struct connection_string *parse(const char *text)
{
	struct connection_string *string = NULL;
	struct error err = {0};

	if (connection_string_parse(text, &string, &err) != 0)
		fail_msg("'%s' was refused: %s", text, err.text);
	return string;
}

/* Refused as a matter of the definition, with words that hold `words`. */
static void assert_refused(const char *text, const char *words)
{
	struct connection_string *string = NULL;
	struct error err = {0};

	if (connection_string_parse(text, &string, &err) != -1)
		fail_msg("'%s' was taken", text);
	assert_null(string);
	assert_int_equal(err.kind, ERROR_CONFIGURATION);
	if (!strstr(err.text, words))
		fail_msg("'%s' was refused with '%s', which does not say '%s'", text, err.text,
			 words);
}

static void assert_parsed(const char *text, const char *key, const char *value)
{
	struct connection_string *string = parse(text);
	bool found = false;

	for (size_t i = 0; i < string->pair_count; i++) {
		if (!strcmp(string->pairs[i].key, key)) {
			assert_string_equal(string->pairs[i].value, value);
			found = true;
		}
	}
	assert_true(found);
	connection_string_free(string);
}

/* --- defaults and keys ------------------------------------------------- */

static void test_only_url_is_needed(void **state)
{
	struct connection_string *string = parse("url=imap.example.com");

	(void)state;
	assert_string_equal(string->url, "imap.example.com");
	assert_int_equal(string->port, 143);
	assert_false(string->ssl);
	assert_string_equal(string->mailbox, "INBOX");
	assert_string_equal(string->dropbox, "DROPBOX");
	assert_string_equal(string->badmail, "BADMAIL");
	assert_false(string->attach_html);
	assert_false(string->unpack_forwarded);
	assert_false(string->sanitize);
	assert_null(string->ca_file);
	assert_null(string->crl_file);
	assert_int_equal(string->timeout_s, 60);
	assert_int_equal(string->max_size_bytes, 52428800);
	assert_false(string->keep_raw);
	assert_true(string->create_folders);
	assert_false(string->insecure);
	assert_null(string->since);
	assert_string_equal(string->search, "UNDELETED");
	assert_null(string->proxy);
	assert_null(string->auth_mech);
	assert_non_null(string->disable);
	assert_null(string->disable[0]);
	connection_string_free(string);
}

static void test_every_key(void **state)
{
	struct connection_string *string =
	    parse("url=imap.example.com;port=1993;ssl=True;mailbox=In/Orders;dropbox=Done;"
		  "badmail=Bad;attachHtml=True;unpackForwarded=True;sanitize=True;caFile=/etc/"
		  "ca.pem;crlFile=/etc/crl.pem;timeout=2m;"
		  "maxSize=10MB;keepRaw=True;createFolders=False;insecure=True;since=2024-02-29;"
		  "search=UNSEEN FROM \"x y\";proxy=socks5h://proxy.example.com:1080;"
		  "authMech=scram-sha-1;disable=move, uidplus");

	(void)state;
	assert_int_equal(string->port, 1993);
	assert_true(string->ssl);
	assert_string_equal(string->mailbox, "In/Orders");
	assert_string_equal(string->dropbox, "Done");
	assert_string_equal(string->badmail, "Bad");
	assert_true(string->attach_html);
	assert_true(string->unpack_forwarded);
	assert_true(string->sanitize);
	assert_string_equal(string->ca_file, "/etc/ca.pem");
	assert_string_equal(string->crl_file, "/etc/crl.pem");
	assert_int_equal(string->timeout_s, 120);
	assert_int_equal(string->max_size_bytes, 10 << 20);
	assert_true(string->keep_raw);
	assert_false(string->create_folders);
	assert_true(string->insecure);
	assert_string_equal(string->since, "2024-02-29");
	assert_string_equal(string->search, "UNSEEN FROM \"x y\"");
	assert_string_equal(string->proxy, "socks5h://proxy.example.com:1080");
	assert_string_equal(string->auth_mech, "SCRAM-SHA-1");
	assert_string_equal(string->disable[0], "MOVE");
	assert_string_equal(string->disable[1], "UIDPLUS");
	assert_null(string->disable[2]);
	connection_string_free(string);
}

static void test_tls_from_the_first_byte_has_its_own_port(void **state)
{
	struct connection_string *string = parse("url=imap.example.com;ssl=true");

	(void)state;
	assert_int_equal(string->port, 993);
	connection_string_free(string);
}

static void test_sizes_and_times_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t size_bytes;
		uint32_t timeout_s;
	} cases[] = {
	    {"maxSize=1;timeout=1", 1, 1},
	    {"maxSize=500KB;timeout=60s", 512000, 60},
	    {"maxSize=500 k;timeout=60S", 512000, 60},
	    {"maxSize=200M;timeout=3600", UINT64_C(200) << 20, 3600},
	    {"maxSize=900mb;timeout=60m", UINT64_C(900) << 20, 3600},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strconcat("url=h;", cases[i].text, NULL);
		struct connection_string *string = parse(text);

		assert_int_equal(string->max_size_bytes, cases[i].size_bytes);
		assert_int_equal(string->timeout_s, cases[i].timeout_s);
		connection_string_free(string);
	}
}

static void test_optional_keys_can_be_left_empty(void **state)
{
	struct connection_string *string =
	    parse("url=h;caFile=;since=;proxy=;authMech=;disable=X;disable=Y");

	(void)state;
	assert_null(string->ca_file);
	assert_null(string->since);
	assert_null(string->proxy);
	assert_null(string->auth_mech);
	assert_string_equal(string->disable[0], "Y");
	connection_string_free(string);
}

static void test_hosts(void **state)
{
	static const struct {
		const char *written;
		const char *host;
	} cases[] = {
	    {"imap.example.com", "imap.example.com"}, {"192.0.2.7", "192.0.2.7"},
	    {"2001:db8::1", "2001:db8::1"},	      {"[2001:db8::1]", "2001:db8::1"},
	    {"pöst.example.com", "pöst.example.com"},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strconcat("url=", cases[i].written, NULL);
		struct connection_string *string = parse(text);

		assert_string_equal(string->url, cases[i].host);
		connection_string_free(string);
	}
}

static void test_the_keys_are_documented(void **state)
{
	struct connection_string_key_help help;
	size_t count = 0;

	(void)state;
	while (connection_string_key_at(count, &help)) {
		assert_true(*help.key && *help.value && *help.meaning);
		assert_non_null(help.default_value);
		count++;
	}
	assert_int_equal(count, 36);
}

/* --- grammar ----------------------------------------------------------- */

static void test_keys_come_in_any_case_and_blanks_are_dropped(void **state)
{
	(void)state;
	assert_parsed("  URL =  h  ; PoRt = 99 ;", "port", "99");
	assert_parsed(";; ;url=h;;", "url", "h");
	assert_parsed("url=h;ATTACHHTML=tRuE", "attachHtml", "tRuE");
}

static void test_the_last_of_a_repeated_key_wins(void **state)
{
	struct connection_string *string = parse("url=one;URL=two;port=1;port=2");

	(void)state;
	assert_string_equal(string->url, "two");
	assert_int_equal(string->port, 2);
	connection_string_free(string);
}

static void test_quotes(void **state)
{
	(void)state;
	assert_parsed("url=h;dropbox='a;b'", "dropbox", "a;b");
	assert_parsed("url=h;dropbox=\"a;b\" ;port=1", "dropbox", "a;b");
	assert_parsed("url=h;dropbox=' a '", "dropbox", " a ");
	assert_parsed("url=h;dropbox='it''s'", "dropbox", "it's");
	assert_parsed("url=h;dropbox=\"say \"\"no\"\"\"", "dropbox", "say \"no\"");
	assert_parsed("url=h;dropbox='\"'", "dropbox", "\"");
	/* Inside an unquoted value quotes and '=' mean themselves. */
	assert_parsed("url=h;dropbox=a'b=c\"d", "dropbox", "a'b=c\"d");
	assert_parsed("url=h;caFile=''", "caFile", "");
}

static void test_broken_grammar(void **state)
{
	(void)state;
	assert_refused("url=h;dropbox='a", "dropbox: the closing ' is missing");
	assert_refused("url=h;dropbox='a''", "closing ' is missing");
	assert_refused("url=h;dropbox='a'b", "text follows the closing '");
	assert_refused("url=h;dropbox=\"a\" b;port=1", "text follows the closing \"");
	assert_refused("url=h;port", "'port' is not of the form key=value");
	assert_refused("nonsense", "'nonsense' is not of the form key=value");
	assert_refused("url=h;=5", "no key before its '='");
	assert_refused("url=h\n;port=1", "control character (U+000A) at byte 6");
	assert_refused("url=h;dropbox=a\tb", "control character (U+0009)");
	assert_refused("url=h;dropbox=\xc2\x85", "control character (U+0085)");
	assert_refused("url=\xff", "not valid UTF-8");
	assert_refused("", "url is missing");
	assert_refused(" ; ", "url is missing");
	assert_refused("port=1", "url is missing");
}

static void test_a_long_string_is_refused(void **state)
{
	g_autofree char *blanks = g_strnfill(9000, ' ');

	(void)state;
	assert_refused(blanks, "longer than 8192 bytes");
}

static void test_unknown_keys_are_named_and_the_known_ones_listed(void **state)
{
	(void)state;
	assert_refused("url=h;pickup=x", "unknown key 'pickup'; known are url, port, ssl, mailbox");
	assert_refused("url=h;path=/srv", "unknown key 'path'");
	assert_refused("url=h;mail box=x", "unknown key 'mail box'");
}

static void test_what_could_be_a_secret_is_not_repeated(void **state)
{
	static const char *const texts[] = {
	    "url=h;password=tr0ub4dor",
	    "url=h;User Id=anna;PWD=tr0ub4dor",
	    "url=h;nokey=tr0ub4dor",
	    "url=h;port=tr0ub4dor",
	    "url=imap://anna:tr0ub4dor@h/",
	    "url=h;proxy=socks5://anna:tr0ub4dor@h",
	    "url=h;0123456789012345678901234567890123456789tr0ub4dor",
	    "url=h;0123456789012345678901234567890123456789tr0ub4dor=1",
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		struct connection_string *string = NULL;
		struct error err = {0};

		assert_int_equal(connection_string_parse(texts[i], &string, &err), -1);
		if (strstr(err.text, "tr0ub4dor"))
			fail_msg("'%s' repeats the secret: %s", texts[i], err.text);
	}
	assert_refused("url=h;Password=x", "credentials never stand in the connection string");
	assert_refused("url=h;pwd=x", "--password-file");
	assert_refused("url=h;username=x", "--user-name");
	assert_refused("url=h;user id=x", "--user-name");
}

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
	    cmocka_unit_test(test_only_url_is_needed),
	    cmocka_unit_test(test_every_key),
	    cmocka_unit_test(test_tls_from_the_first_byte_has_its_own_port),
	    cmocka_unit_test(test_sizes_and_times_have_units),
	    cmocka_unit_test(test_optional_keys_can_be_left_empty),
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_the_keys_are_documented),
	    cmocka_unit_test(test_keys_come_in_any_case_and_blanks_are_dropped),
	    cmocka_unit_test(test_the_last_of_a_repeated_key_wins),
	    cmocka_unit_test(test_quotes),
	    cmocka_unit_test(test_broken_grammar),
	    cmocka_unit_test(test_a_long_string_is_refused),
	    cmocka_unit_test(test_unknown_keys_are_named_and_the_known_ones_listed),
	    cmocka_unit_test(test_what_could_be_a_secret_is_not_repeated),
	    cmocka_unit_test(test_url_is_a_host_name),
	    cmocka_unit_test(test_wrong_values_name_the_key_and_what_it_takes),
	    cmocka_unit_test(test_the_three_folders_differ),
	    cmocka_unit_test(test_printing_is_canonical),
	    cmocka_unit_test(test_printing_is_lossless),
	    cmocka_unit_test(test_nothing_can_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
