/* The connection string: its grammar, its keys, its errors. */
#include "connection_string_fixture.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
