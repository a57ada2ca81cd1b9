/* Header fields of whole messages as other programs write them: tests/data/mail, and some more. */
#include "mime_fixture.h"

static struct parsed parse_mail(const char *name)
{
	g_autofree char *path = g_strdup_printf("%s/mail/%s.eml", TEST_DATA, name);
	g_autofree char *raw = NULL;
	gsize length = 0;
	struct mime_options options = mime_options_default();

	if (!g_file_get_contents(path, &raw, &length, NULL))
		fail_msg("cannot read %s", path);
	return parse_bytes(raw, length, &options);
}

#define TEN_O_CLOCK 1795168800 /* 2026-11-20T10:00:00Z */

static const struct row {
	const char *name;
	const char *sender;
	const char *recipient; /* this and the others: NULL = not looked at */
	const char *cc;
	const char *subject;
	int64_t date; /* 0 = not looked at */
	const char *defect;
} rows[] = {
    {"8bit-header-fields-one-charset", "武兰成 <w@example.com>", NULL, NULL,
     "转发：整体提升企业服务水平", 0, "field From without a charset; read as gb18030"},
    {"address-blanks-around-dot", "ann.lee@example.com",
     "Bob <bob@example.com>; jo@mail.example.com", NULL, NULL, 0, "[]"},
    {"address-comment-in-addr-spec", "Pat <pat@example.com>", NULL, "Ann Lee <ann@example.com>",
     NULL, 0, "[]"},
    {"address-empty-angle-first", "LTD <ly@example.com>", NULL, NULL, NULL, 0, "[]"},
    {"address-unquoted-comma-umlaut", "\"Müller, Jörg\" <joerg@example.com>", "desk@example.com",
     "x@example.com", NULL, TEN_O_CLOCK, "double brackets in field Cc"},
    {"address-unquoted-comma", "\"Lee, Ann\" <ann@example.com>", NULL,
     "\"Lee, Ann\" <ann@example.com>; Bob Ray <bob@example.com>", NULL, 0,
     "a name in field From has commas and no quotes"},
    {"base64-words-cut-anywhere", "Ann <ann@example.com>", NULL, NULL,
     "Roundcube пример битого имени вложения для примера того как оно есть быть.pdf", 0, "[]"},
    {"date-iso8601", "Ann Lee <ann@example.com>", NULL, NULL, NULL, TEN_O_CLOCK, "[]"},
    {"date-no-blanks", "a@example.com", NULL, NULL, NULL, TEN_O_CLOCK - 3600, "[]"},
    {"date-pm", "a@example.com", NULL, NULL, NULL, TEN_O_CLOCK + 11 * 3600, "[]"},
    {"name-of-addressless-sender", "Mail Delivery System <MAILER-DAEMON>", NULL, NULL, NULL, 0,
     "[]"},
    {"repeated-field-first-unusable", "Ann Lee <ann@example.com>", NULL, NULL, NULL, TEN_O_CLOCK,
     "Date field unreadable"},
    {"sjis-in-iso-2022-jp-header", "ツール <tool@example.com>", NULL, NULL, "ツールの件", 0,
     "field From is not iso-2022-jp as it says; read as shift_jis"},
    {"two-addresses-no-comma", "ann@example.com", NULL, "Ann Lee <ann@example.com>", NULL, 0,
     "no comma between addresses in field From"},
};

static void check_text(const char *name, const char *text, const char *expected)
{
	if (expected && g_strcmp0(text, expected) != 0)
		fail_msg("%s: '%s' instead of '%s'", name, text, expected);
}

static void test_mail_of_other_programs(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct row *row = &rows[i];
		struct parsed parsed = parse_mail(row->name);
		check_text(row->name, parsed.message->sender, row->sender);
		check_text(row->name, parsed.message->recipient, row->recipient);
		check_text(row->name, parsed.message->cc, row->cc);
		check_text(row->name, parsed.message->subject, row->subject);
		if (row->date != 0)
			assert_int_equal(parsed.message->date_sent, row->date);
		assert_defect(&parsed, row->defect);
		parsed_clear(&parsed);
	}
}

static void test_a_name_whose_first_section_is_missing(void **state)
{
	struct parsed parsed = parse_mail("rfc2231-continuation-gap");

	(void)state;
	assert_attachment(&parsed, 0, "invoice.pdf", "application/pdf", "hello world\n");
	assert_defect(&parsed, "sections of parameter 'filename' are missing");
	parsed_clear(&parsed);
}

static void assert_sender(const char *fields, const char *sender, const char *defect)
{
	g_autofree char *text = g_strconcat(fields, "\r\n\r\ntext\r\n", NULL);
	struct parsed parsed = parse(text);

	check_text(fields, parsed.message->sender, sender);
	if (!sender)
		assert_null(parsed.message->sender);
	assert_defect(&parsed, defect);
	parsed_clear(&parsed);
}

static void test_the_sender_has_an_address_where_there_is_one(void **state)
{
	(void)state;
	assert_sender("From: Ann\r\nFrom: bob@example.com", "bob@example.com", "[");
	assert_sender("From: Team:;\r\nSender: s@example.com", "s@example.com",
		      "no From field; Sender taken");
	assert_sender("From: \"Ann Lee\" <>\r\nSender: Bob <s@example.com>", "Bob <s@example.com>",
		      "no address in field From; Sender taken");
	assert_sender("From: MAILER-DAEMON\r\nSender: s@example.com", "MAILER-DAEMON", "[");
	assert_sender("From: Ann Lee", "Ann Lee", "no address in field From");
	assert_sender("From: \r\nSender: Ann Lee", "Ann Lee", "no From field; Sender taken");
	assert_sender("From: <>", NULL, "no From field");
}

static void assert_date_field(const char *fields, bool has_date, int64_t date, const char *defect)
{
	g_autofree char *text = g_strconcat(fields, "\r\nSubject: s\r\n\r\ntext\r\n", NULL);
	struct parsed parsed = parse(text);

	assert_int_equal(parsed.message->has_date_sent, has_date);
	if (has_date)
		assert_int_equal(parsed.message->date_sent, date);
	assert_defect(&parsed, defect);
	parsed_clear(&parsed);
}

static void test_the_first_date_that_can_be_read(void **state)
{
	(void)state;
	assert_date_field("Date: soon\r\nDate: 20 Nov 2026 10:00 GMT\r\nDate: 1 Nov 2026 10:00 GMT",
			  true, TEN_O_CLOCK, "Date field unreadable");
	assert_date_field("Date: soon\r\nDate: later", false, 0, "Date field unreadable");
	assert_date_field("Date: 20 Nov 2026 10:00", true, TEN_O_CLOCK,
			  "Date field without a zone; read as UTC");
	assert_date_field("Date: Fri, 20 Nov 2026 10:00:00 +9999", false, 0,
			  "Date field unreadable");
}

/* Quotes, brackets and commas may be halves of characters. */
static void test_raw_names_in_charsets_that_use_ascii_bytes(void **state)
{
	struct parsed parsed =
	    parse("From: \"\x83\x5c\x83\x6a\x81\x5b\x83\x5c\" <a@example.com>\r\n"
		  "To: \x1b$B%=%K!<\x1b(B <b@example.com>\r\n"
		  "Cc: \x1b$B,8\x1b(B <c@example.com>\r\n"
		  "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\ntext\r\n");

	(void)state;
	assert_string_equal(parsed.message->sender, "ソニーソ <a@example.com>");
	assert_string_equal(parsed.message->recipient, "ソニー <b@example.com>");
	assert_non_null(strstr(parsed.message->cc, "<c@example.com>"));
	assert_defect(&parsed, "field From without a charset; read as shift_jis");
	assert_defect(&parsed, "Japanese in field To without a charset; read as iso-2022-jp");
	parsed_clear(&parsed);
}

static void test_encoded_words_keep_their_own_charset(void **state)
{
	struct parsed parsed =
	    parse("Subject: \xce\xe4\xc0\xbc\xb3\xc9 =?iso-8859-1?Q?J\xf6rg?= \xd5\xfb\xcc\xe5\r\n"
		  "From: \xd6\xd8\xb7\xa2\xcc\xe1\xc9\xfd\xc6\xf3\xd2\xb5 <a@example.com>\r\n"
		  "Content-Type: text/plain; charset=gb2312\r\n\r\ntext\r\n");

	(void)state;
	assert_string_equal(parsed.message->subject, "武兰成 Jörg 整体");
	assert_string_equal(parsed.message->sender, "重发提升企业 <a@example.com>");
	parsed_clear(&parsed);
}

static void test_one_charset_for_all_raw_fields(void **state)
{
	/* "Иван Петров" and a subject in KOI8-R; the name alone could be anything. */
	struct parsed parsed = parse(
	    "From: \xe9\xd7\xc1\xce <i@example.com>\r\n"
	    "Subject: \xf0\xd2\xc9\xd7\xc5\xd4, \xd7\xd9\xd3\xd9\xcc\xc1\xc0 \xd3\xde\xc5\xd4 "
	    "\xda\xc1 \xcf\xcb\xd4\xd1\xc2\xd2\xd8\r\n"
	    "To: \xd0\x9e\xd0\xbb\xd1\x8f <o@example.com>\r\n\r\ntext\r\n");

	(void)state;
	assert_string_equal(parsed.message->sender, "Иван <i@example.com>");
	assert_string_equal(parsed.message->subject, "Привет, высылаю счет за октябрь");
	assert_string_equal(parsed.message->recipient, "Оля <o@example.com>");
	parsed_clear(&parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mail_of_other_programs),
	    cmocka_unit_test(test_a_name_whose_first_section_is_missing),
	    cmocka_unit_test(test_the_sender_has_an_address_where_there_is_one),
	    cmocka_unit_test(test_the_first_date_that_can_be_read),
	    cmocka_unit_test(test_raw_names_in_charsets_that_use_ascii_bytes),
	    cmocka_unit_test(test_encoded_words_keep_their_own_charset),
	    cmocka_unit_test(test_one_charset_for_all_raw_fields),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
