/* Which parts are the text and the HTML of a message, and how several become one. */
#include "mime_fixture.h"

#define TEXT	    "Content-Type: text/plain; charset=utf-8\r\n\r\n"
#define HTML	    "Content-Type: text/html; charset=utf-8\r\n\r\n"
#define FILE_PART   "Content-Type: application/pdf; name=a.pdf\r\n\r\nPDF\r\n"
#define MULTI(s, b) "Content-Type: multipart/" s "; boundary=" b "\r\n\r\n"

/* The file names of the attachments, separated by blanks. */
static void assert_message(const char *raw, const char *text, const char *html, const char *files)
{
	struct parsed parsed = parse(raw);
	g_autoptr(GString) names = g_string_new(NULL);

	for (size_t i = 0; i < parsed.message->attachment_count; i++)
		g_string_append_printf(names, "%s%s", i > 0 ? " " : "",
				       parsed.message->attachments[i].file_name);
	assert_text(&parsed, text);
	assert_html(&parsed, html);
	assert_string_equal(files, names->str);
	parsed_clear(&parsed);
}

static void test_texts_of_mixed_are_one(void **state)
{
	(void)state;
	assert_message(HEADER MULTI("mixed", "m") "--m\r\n" TEXT "one\r\n\r\n--m\r\n" FILE_PART
						  "--m\r\n" TEXT "two\r\n--m\r\n" TEXT
						  "three\r\n--m--\r\n",
		       "one\ntwo\nthree", "(none)", "a.pdf");
	/* Each in its own charset and encoding. */
	assert_message(
	    HEADER MULTI(
		"mixed",
		"m") "--m\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nf\xfcr\r\n"
		     "--m\r\nContent-Type: text/plain; charset=utf-8\r\n"
		     "Content-Transfer-Encoding: base64\r\n\r\nTcO8bGxlcg==\r\n--m--\r\n",
	    "für\nMüller", "(none)", "");
	/* A text that is HTML only is part of the text, too. */
	assert_message(HEADER MULTI("mixed", "m") "--m\r\n" TEXT "before\r\n--m\r\n" HTML
						  "<p>between</p>\r\n--m\r\n" TEXT
						  "behind\r\n--m--\r\n",
		       "before\nbetween\nbehind", "<p>between</p>", "");
}

static void test_htmls_of_mixed_are_one_document(void **state)
{
	(void)state;
	assert_message(
	    HEADER MULTI(
		"mixed",
		"m") "--m\r\n" HTML
		     "<html><head><title>t</title></head><body><p>one</p></body></html>\r\n"
		     "--m\r\n" FILE_PART "--m\r\n" HTML
		     "<html><BODY class=\"x\"><p>two</p></BODY></html>\r\n--m--\r\n",
	    "one\ntwo",
	    "<html><head><title>t</title></head><body><p>one</p>\n<p>two</p></BODY></html>",
	    "a.pdf");
	assert_message(HEADER MULTI("mixed", "m") "--m\r\n" HTML "<p>one</p>\r\n--m\r\n" HTML
						  "<p>two</p>\r\n--m--\r\n",
		       "one\ntwo", "<p>one</p>\n<p>two</p>", "");
}

static void test_blank_parts_are_passed_over(void **state)
{
	(void)state;
	assert_message(HEADER MULTI("mixed", "m") "--m\r\n" HTML "<div><br></div>\r\n--m\r\n" TEXT
						  "text\r\n--m\r\n" TEXT " \t\r\n--m--\r\n",
		       "text", "<div><br></div>", "");
	assert_message(HEADER MULTI("mixed", "m") "--m\r\n" HTML "<div><br></div>\r\n--m\r\n" HTML
						  "<b>text</b>\r\n--m--\r\n",
		       "text", "<b>text</b>", "");
	/* A picture is something to see. */
	assert_message(HEADER MULTI("mixed", "m") "--m\r\n" HTML "<img src=cid:x>\r\n--m\r\n" HTML
						  "<b>text</b>\r\n--m--\r\n",
		       "text", "<img src=cid:x>\n<b>text</b>", "");
	/* Where all are blank, the first is the text. */
	assert_message(HEADER MULTI("mixed", "m") "--m\r\n" TEXT " \r\n--m\r\n" FILE_PART
						  "--m\r\n" TEXT "\r\n\r\n--m--\r\n",
		       " ", "(none)", "a.pdf");
}

/* Of more than fits into memory's share of a text. */
static void test_large_texts_are_joined(void **state)
{
	g_autoptr(GString) raw = g_string_new(HEADER MULTI("mixed", "m"));
	g_autoptr(GString) expected = g_string_new(NULL);

	(void)state;
	for (int part = 0; part < 3; part++) {
		g_string_append(raw, "--m\r\n" TEXT);
		for (int i = 0; i < 60000; i++) {
			g_string_append_printf(raw, "part %d, line %d ........\r\n", part, i);
			g_string_append_printf(expected, "part %d, line %d ........\n", part, i);
		}
	}
	g_string_append(raw, "--m--\r\n");
	g_string_truncate(expected, expected->len - 1);
	struct parsed parsed = parse(raw->str);
	assert_text(&parsed, expected->str);
	parsed_clear(&parsed);
}

static void test_alternatives_of_one_kind(void **state)
{
	(void)state;
	assert_message(HEADER MULTI("alternative", "a") "--a\r\n" TEXT "first\r\n--a\r\n" TEXT
							"second\r\n--a\r\n" HTML
							"<p>html</p>\r\n--a--\r\n",
		       "second", "<p>html</p>", "noname1.txt");
	assert_message(HEADER MULTI("alternative", "a") "--a\r\n" TEXT "first\r\n--a\r\n" TEXT
							" \r\n--a\r\n" HTML
							"<p>html</p>\r\n--a--\r\n",
		       "first", "<p>html</p>", "");
	/* A list's footer, put behind the alternatives. */
	assert_message(HEADER MULTI("alternative", "a") "--a\r\n" TEXT "text\r\n--a\r\n" HTML
							"<p>html</p>\r\n--a\r\n" TEXT
							"__\r\nfooter\r\n--a--\r\n",
		       "text", "<p>html</p>", "noname1.txt");
	/* The other order is none to lose a text for. */
	assert_message(HEADER MULTI("alternative", "a") "--a\r\n" HTML "<p>html</p>\r\n--a\r\n" TEXT
							"text\r\n--a--\r\n",
		       "text", "<p>html</p>", "");
}

/* Apple Mail: the HTML goes on behind the file, the plain text does not. */
static void test_an_alternative_with_files_in_it(void **state)
{
	(void)state;
	assert_message(HEADER MULTI("alternative", "a") "--a\r\n" TEXT "all of it\r\n--a\r\n" MULTI(
			   "mixed", "m") "--m\r\n" HTML "<p>all</p>\r\n--m\r\n" FILE_PART
					 "--m\r\n" HTML "<p>of it</p>\r\n--m--\r\n--a--\r\n",
		       "all of it", "<p>all</p>\n<p>of it</p>", "a.pdf");
	assert_message(
	    HEADER MULTI("alternative", "a") "--a\r\n" HTML "<p>html</p>\r\n--a\r\n" MULTI(
		"mixed", "m") "--m\r\n" FILE_PART "--m\r\n" HTML
			      "<p>-- footer</p>\r\n--m--\r\n--a--\r\n",
	    "html", "<p>html</p>", "a.pdf noname1.html");
}

static void test_the_root_of_related(void **state)
{
	(void)state;
	assert_message(HEADER
		       "Content-Type: multipart/related; boundary=r; type=\"text/html\"\r\n\r\n"
		       "--r\r\n" TEXT "a part of it\r\n--r\r\n" HTML "<p>root</p>\r\n--r--\r\n",
		       "root", "<p>root</p>", "noname1.txt");
	assert_message(
	    HEADER
	    "Content-Type: multipart/related; boundary=r; start=\"<none@example.com>\"\r\n\r\n"
	    "--r\r\nContent-Type: image/png\r\n\r\nPNG\r\n--r\r\n" MULTI(
		"alternative", "a") "--a\r\n" TEXT "text\r\n--a\r\n" HTML
				    "<p>html</p>\r\n--a--\r\n--r--\r\n",
	    "text", "<p>html</p>", "noname1.png");
	/* Its start is a picture, by mistake. */
	assert_message(
	    HEADER "Content-Type: multipart/related; boundary=r; start=\"<p>\"\r\n\r\n"
		   "--r\r\nContent-Type: image/png\r\nContent-ID: <p>\r\n\r\nPNG\r\n--r\r\n" HTML
		   "<p>html</p>\r\n--r--\r\n",
	    "html", "<p>html</p>", "noname1.png");
}

static void test_a_named_text(void **state)
{
	(void)state;
	assert_message(
	    HEADER MULTI("mixed", "m") "--m\r\n" FILE_PART
				       "--m\r\nContent-Type: text/html; name=mail.html\r\n\r\n"
				       "<p>html</p>\r\n--m--\r\n",
	    "html", "<p>html</p>", "a.pdf");
	/* A blank text is not in its way, and a blank file is no text. */
	assert_message(
	    HEADER MULTI("mixed", "m") "--m\r\n" TEXT " \r\n\r\n"
				       "--m\r\nContent-Type: text/html; name=mail.html\r\n\r\n"
				       "<p>html</p>\r\n--m--\r\n",
	    "html", "<p>html</p>", "");
	assert_message(HEADER MULTI("mixed", "m") "--m\r\nContent-Type: text/plain; name=a.txt\r\n"
						  "\r\n\r\n--m\r\n" HTML "\r\n--m--\r\n",
		       "", "", "a.txt");
	/* Two of them are files. */
	assert_message(
	    HEADER MULTI("mixed", "m") "--m\r\nContent-Type: text/plain; name=a.txt\r\n\r\n"
				       "a\r\n--m\r\nContent-Type: text/plain; "
				       "name=b.txt\r\n\r\nb\r\n--m--\r\n",
	    "(none)", "(none)", "a.txt b.txt");
	assert_message(HEADER MULTI("mixed", "m") "--m\r\nContent-Type: text/plain; name=a.txt\r\n"
						  "Content-Disposition: attachment\r\n\r\n"
						  "a\r\n--m--\r\n",
		       "(none)", "(none)", "a.txt");
}

static void test_a_text_of_another_kind_is_named(void **state)
{
	struct parsed parsed =
	    parse(HEADER "Content-Type: text/enriched\r\n\r\n<bold>Hello</bold>\r\n");

	(void)state;
	assert_text(&parsed, "(none)");
	assert_int_equal(1, parsed.message->attachment_count);
	assert_defect(&parsed, "no plain text and no HTML; text/enriched attached");
	parsed_clear(&parsed);
}

/* --- uuencoded files ------------------------------------------------------ */

#define UU_LINE "M86%A86%A86%A86%A86%A86%A86%A86%A86%A86%A86%A86%A86%A86%A86%A\r\n"
#define UU_TEXT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_uuencoded_files_in_a_text(void **state)
{
	struct parsed parsed = parse(HEADER TEXT "See here:\r\n\r\nbegin 644 a b.txt\r\n" UU_LINE
						 "#86%A\r\n`\r\nend\r\nand\r\nbegin 0755 c.sh\r\n"
						 "#86%A\r\n \r\nend\r\nbye\r\n");

	(void)state;
	assert_text(&parsed, "See here:\n\nand\nbye\n");
	assert_attachment(&parsed, 0, "a b.txt", "application/octet-stream", UU_TEXT "aaa");
	assert_attachment(&parsed, 1, "c.sh", "application/octet-stream", "aaa");
	assert_int_equal(2, parsed.message->attachment_count);
	assert_string_equal("[]", parsed.message->defects);
	parsed_clear(&parsed);
}

static void test_uuencoded_files_whose_begin_is_damaged(void **state)
{
	static const struct {
		const char *begin;
		const char *name;
		const char *text;
	} damaged[] = {
	    {"begin\r\n", "noname1.bin", "See here:\n"},
	    {"Begin file.bin\r\n", "file.bin", "See here:\n"},
	    {"begin=20644 file.bin\r\n", "file.bin", "See here:\n"},
	    {"", "noname1.bin", "See here:\n"},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(damaged); i++) {
		g_autofree char *raw =
		    g_strconcat(HEADER TEXT "See here:\r\n", damaged[i].begin,
				UU_LINE UU_LINE UU_LINE "#86%A\r\n`\r\nend\r\n", NULL);
		struct parsed parsed = parse(raw);
		assert_text(&parsed, damaged[i].text);
		assert_attachment(&parsed, 0, damaged[i].name, "application/octet-stream",
				  UU_TEXT UU_TEXT UU_TEXT "aaa");
		assert_defect(&parsed, "uuencoded file in the text damaged");
		parsed_clear(&parsed);
	}
}

static void test_uuencoded_files_without_an_end(void **state)
{
	struct parsed parsed =
	    parse(HEADER TEXT "begin 644 a.txt\r\n" UU_LINE "Here it was cut.\r\n");

	(void)state;
	assert_text(&parsed, "Here it was cut.\n");
	assert_attachment(&parsed, 0, "a.txt", "application/octet-stream", UU_TEXT);
	assert_defect(&parsed, "uuencoded file in the text damaged");
	parsed_clear(&parsed);
}

static void test_uuencoded_files_whose_middle_is_damaged(void **state)
{
	struct parsed parsed =
	    parse(HEADER TEXT "begin 644 a.txt\r\n" UU_LINE "M86%A86 cut off here\r\n" UU_LINE
			      "#86%A\r\n`\r\nend  \r\nbye\r\n");

	(void)state;
	assert_text(&parsed, "bye\n");
	assert_int_equal(1, parsed.message->attachment_count);
	assert_string_equal("a.txt", parsed.message->attachments[0].file_name);
	assert_int_equal(3 * strlen(UU_TEXT) + 3, parsed.message->attachments[0].content.size);
	assert_defect(&parsed, "uuencoded file in the text damaged");
	parsed_clear(&parsed);
}

static void test_uuencoded_files_in_base64(void **state)
{
	struct parsed parsed = parse(HEADER TEXT "See here:\r\nbegin-base64 644 a.txt\r\n"
						 "aGVsbG8gd29ybGQK\r\n====\r\nbye\r\n");

	(void)state;
	assert_text(&parsed, "See here:\nbye\n");
	assert_attachment(&parsed, 0, "a.txt", "application/octet-stream", "hello world\n");
	assert_string_equal("[]", parsed.message->defects);
	parsed_clear(&parsed);
}

static void test_uuencoded_files_in_an_encoded_text(void **state)
{
	static const char text[] = "See here:\n\nbegin 644 a.txt\n#86%A\n`\nend\nGr\xc3\xbc\xc3\x9f"
				   "e\n";
	g_autofree char *base64 = g_base64_encode((const guchar *)text, strlen(text));
	const struct {
		const char *encoding;
		const char *body;
	} encoded[] = {
	    {"quoted-printable", "See here:\r\n\r\nbegin 644 a.txt\r\n#86%A\r\n`\r\nend\r\n"
				 "Gr=C3=BC=C3=9Fe\r\n"},
	    {"base64", base64},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(encoded); i++) {
		g_autofree char *raw =
		    g_strconcat(HEADER "Content-Type: text/plain; charset=utf-8\r\n"
				       "Content-Transfer-Encoding: ",
				encoded[i].encoding, "\r\n\r\n", encoded[i].body, NULL);
		struct parsed parsed = parse(raw);
		assert_text(&parsed, "See here:\n\nGrüße\n");
		assert_attachment(&parsed, 0, "a.txt", "application/octet-stream", "aaa");
		assert_string_equal("[]", parsed.message->defects);
		parsed_clear(&parsed);
	}
}

static void test_texts_that_only_begin(void **state)
{
	static const char *const texts[] = {
	    "begin 644 a.txt\nThis is how such a file begins.\n",
	    "begin the work\nAND END IT\nend\n",
	    "MAY\nMUST\nMUST NOT\n",
	    "begin 644\n",
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *raw = g_strconcat(HEADER "\n", texts[i], NULL);
		struct parsed parsed = parse(raw);
		assert_text(&parsed, texts[i]);
		assert_int_equal(0, parsed.message->attachment_count);
		parsed_clear(&parsed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts_of_mixed_are_one),
	    cmocka_unit_test(test_htmls_of_mixed_are_one_document),
	    cmocka_unit_test(test_blank_parts_are_passed_over),
	    cmocka_unit_test(test_large_texts_are_joined),
	    cmocka_unit_test(test_alternatives_of_one_kind),
	    cmocka_unit_test(test_an_alternative_with_files_in_it),
	    cmocka_unit_test(test_the_root_of_related),
	    cmocka_unit_test(test_a_named_text),
	    cmocka_unit_test(test_a_text_of_another_kind_is_named),
	    cmocka_unit_test(test_uuencoded_files_in_a_text),
	    cmocka_unit_test(test_uuencoded_files_whose_begin_is_damaged),
	    cmocka_unit_test(test_uuencoded_files_without_an_end),
	    cmocka_unit_test(test_uuencoded_files_whose_middle_is_damaged),
	    cmocka_unit_test(test_uuencoded_files_in_base64),
	    cmocka_unit_test(test_uuencoded_files_in_an_encoded_text),
	    cmocka_unit_test(test_texts_that_only_begin),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
