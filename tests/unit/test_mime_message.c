/* Whole messages: which part is the text, which the HTML, and what becomes an attachment. */
#include "mime_fixture.h"

#include <errno.h>
#include <fcntl.h>

#define TEXT	    "Content-Type: text/plain; charset=utf-8\r\n\r\n"
#define HTML	    "Content-Type: text/html; charset=utf-8\r\n\r\n"
#define MIXED(b)    "Content-Type: multipart/mixed; boundary=" b "\r\n\r\n"
#define MULTI(s, b) "Content-Type: multipart/" s "; boundary=" b "\r\n\r\n"

static void test_a_plain_message(void **state)
{
	struct parsed parsed = parse(HEADER "\r\nHello\r\n");

	(void)state;
	assert_text(&parsed, "Hello\n");
	assert_html(&parsed, "(none)");
	assert_int_equal(parsed.message->attachment_count, 0);
	assert_string_equal(parsed.message->defects, "[]");
	parsed_clear(&parsed);
}

static void test_html_only_becomes_text_too(void **state)
{
	struct parsed parsed = parse(HEADER HTML "<p>Hello <b>you</b></p>\r\n");

	(void)state;
	assert_text(&parsed, "Hello you");
	assert_html(&parsed, "<p>Hello <b>you</b></p>\n");
	parsed_clear(&parsed);
}

static void test_alternatives(void **state)
{
	struct parsed parsed =
	    parse(HEADER MULTI("alternative", "a") "--a\r\n" TEXT "text\r\n"
						   "--a\r\n" HTML "<b>html</b>\r\n--a--\r\n");

	(void)state;
	assert_text(&parsed, "text");
	assert_html(&parsed, "<b>html</b>");
	assert_int_equal(parsed.message->attachment_count, 0);
	parsed_clear(&parsed);
}

static void test_the_last_alternative_of_a_kind_wins(void **state)
{
	struct parsed parsed =
	    parse(HEADER MULTI("alternative", "a") "--a\r\n" TEXT "first\r\n"
						   "--a\r\n" TEXT "second\r\n--a--\r\n");

	(void)state;
	assert_text(&parsed, "second");
	assert_attachment(&parsed, 0, "noname1.txt", "text/plain", "first");
	parsed_clear(&parsed);
}

static void test_a_blank_text_gives_way_to_html(void **state)
{
	struct parsed parsed =
	    parse(HEADER MULTI("alternative", "a") "--a\r\n" TEXT " \r\n\r\n"
						   "--a\r\n" HTML "<p>html</p>\r\n--a--\r\n");

	(void)state;
	assert_text(&parsed, "html");
	assert_int_equal(parsed.message->attachment_count, 0);
	parsed_clear(&parsed);
}

static void test_related_has_its_root_and_its_pictures(void **state)
{
	struct parsed parsed = parse(
	    HEADER MULTI("related", "r") "--r\r\n" HTML "<img src=cid:x>picture\r\n"
					 "--r\r\nContent-Type: image/png\r\n"
					 "Content-ID: <x@example.com>\r\n"
					 "Content-Disposition: inline\r\n\r\nPNG\r\n--r--\r\n");

	(void)state;
	assert_text(&parsed, "picture");
	assert_attachment(&parsed, 0, "noname1.png", "image/png", "PNG");
	assert_string_equal(parsed.message->attachments[0].content_id, "x@example.com");
	assert_string_equal(parsed.message->attachments[0].disposition, "inline");
	assert_null(parsed.message->attachments[0].declared_name);
	parsed_clear(&parsed);
}

static void test_the_start_of_related(void **state)
{
	struct parsed parsed = parse(
	    HEADER "Content-Type: multipart/related; boundary=r; start=\"<b@example.com>\"\r\n\r\n"
		   "--r\r\nContent-ID: <a@example.com>\r\n" TEXT "not me\r\n"
		   "--r\r\nContent-ID: <b@example.com>\r\n" TEXT "me\r\n--r--\r\n");

	(void)state;
	assert_text(&parsed, "me");
	assert_attachment(&parsed, 0, "noname1.txt", "text/plain", "not me");
	parsed_clear(&parsed);
}

static void test_mixed_takes_its_texts(void **state)
{
	struct parsed parsed =
	    parse(HEADER MIXED("m") "--m\r\nContent-Type: text/plain; name=log.txt\r\n\r\nlog\r\n"
				    "--m\r\n" TEXT "text\r\n--m\r\n" TEXT "footer\r\n--m--\r\n");

	(void)state;
	assert_text(&parsed, "text\nfooter");
	assert_attachment(&parsed, 0, "log.txt", "text/plain", "log");
	assert_int_equal(1, parsed.message->attachment_count);
	parsed_clear(&parsed);
}

static void test_an_attached_text_is_never_the_body(void **state)
{
	struct parsed parsed =
	    parse(HEADER "Content-Disposition: attachment; filename=a.txt\r\n" TEXT "file\r\n");

	(void)state;
	assert_text(&parsed, "(none)");
	assert_attachment(&parsed, 0, "a.txt", "text/plain", "file\r\n");
	parsed_clear(&parsed);
}

static void test_attachments_are_bytes(void **state)
{
	struct parsed parsed = parse(
	    HEADER MIXED("m") "--m\r\n" TEXT "t\r\n"
			      "--m\r\nContent-Type: text/csv; charset=iso-8859-1\r\n"
			      "Content-Transfer-Encoding: quoted-printable\r\n"
			      "Content-Disposition: ATTACHMENT;\r\n"
			      " filename*=utf-8''M%C3%A4rz.csv\r\n\r\na=FCb=\r\nc\r\n--m--\r\n");

	(void)state;
	assert_attachment(&parsed, 0, "März.csv", "text/csv",
			  "a\xfc"
			  "bc");
	assert_string_equal(parsed.message->attachments[0].declared_name, "März.csv");
	assert_string_equal(parsed.message->attachments[0].disposition, "attachment");
	parsed_clear(&parsed);
}

static void test_a_dangerous_name_is_made_safe(void **state)
{
	struct parsed parsed =
	    parse(HEADER MIXED("m") "--m\r\nContent-Type: application/pdf;"
				    " name=\"../../x/../a.pdf\"\r\n\r\nPDF\r\n--m--\r\n");

	(void)state;
	assert_attachment(&parsed, 0, "a.pdf", "application/pdf", "PDF");
	assert_string_equal(parsed.message->attachments[0].declared_name, "../../x/../a.pdf");
	parsed_clear(&parsed);
}

static void test_a_forwarded_message_is_one_attachment(void **state)
{
	const char *const inner =
	    "Subject: inner\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n"
	    "--i\r\n\r\ninner text\r\n--i--";
	g_autofree char *raw =
	    g_strconcat(HEADER MIXED("m") "--m\r\n" TEXT "see below\r\n"
					  "--m\r\nContent-Type: message/rfc822\r\n\r\n",
			inner, "\r\n--m--\r\n", NULL);
	struct parsed parsed = parse(raw);

	(void)state;
	assert_text(&parsed, "see below");
	assert_int_equal(parsed.message->attachment_count, 1);
	assert_attachment(&parsed, 0, "noname1.eml", "message/rfc822", inner);
	parsed_clear(&parsed);
}

static void test_an_encoded_forwarded_message_is_decoded(void **state)
{
	struct parsed parsed = parse(HEADER "Content-Type: message/rfc822\r\n"
					    "Content-Transfer-Encoding: base64\r\n\r\n"
					    "U3ViamVjdDogeA0KDQp5\r\n");

	(void)state;
	assert_attachment(&parsed, 0, "noname1.eml", "message/rfc822", "Subject: x\r\n\r\ny");
	parsed_clear(&parsed);
}

static void test_a_digest_holds_messages(void **state)
{
	struct parsed parsed =
	    parse(HEADER MULTI("digest", "d") "--d\r\n\r\nSubject: 1\r\n\r\none\r\n"
					      "--d\r\n" TEXT "contents\r\n--d--\r\n");

	(void)state;
	assert_text(&parsed, "contents");
	assert_attachment(&parsed, 0, "noname1.eml", "message/rfc822", "Subject: 1\r\n\r\none");
	parsed_clear(&parsed);
}

static void test_signed_and_encrypted(void **state)
{
	struct parsed parsed = parse(
	    HEADER MULTI("signed", "s") "--s\r\n" TEXT "signed text\r\n--s\r\n"
					"Content-Type: application/pgp-signature\r\n\r\nSIG\r\n"
					"--s--\r\n");

	(void)state;
	assert_text(&parsed, "signed text");
	assert_attachment(&parsed, 0, "noname1.asc", "application/pgp-signature", "SIG");
	parsed_clear(&parsed);

	parsed =
	    parse(HEADER MULTI("encrypted", "e") "--e\r\n" TEXT "Version: 1\r\n--e\r\n"
						 "Content-Type: application/octet-stream\r\n\r\n"
						 "SECRET\r\n--e--\r\n");
	assert_text(&parsed,
		    "This mail is encrypted (PGP/MIME); its content lies in the attachment "
		    "noname2.bin.\n");
	assert_int_equal(parsed.message->attachment_count, 2);
	parsed_clear(&parsed);
}

static void test_nested_as_mailers_write_it(void **state)
{
	struct parsed parsed =
	    parse(HEADER MIXED("m") "--m\r\n" MULTI("related", "r") "--r\r\n" MULTI(
		"alternative",
		"a") "--a\r\n" TEXT "text\r\n--a\r\n" HTML "<p>html</p>\r\n--a--\r\n\r\n"
		     "--r\r\nContent-Type: image/gif\r\nContent-ID: "
		     "logo\r\n\r\nGIF\r\n--r--\r\n\r\n"
		     "--m\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nPDF\r\n--m--\r\n");

	(void)state;
	assert_text(&parsed, "text");
	assert_html(&parsed, "<p>html</p>");
	assert_int_equal(parsed.message->attachment_count, 2);
	assert_attachment(&parsed, 0, "noname1.gif", "image/gif", "GIF");
	assert_string_equal(parsed.message->attachments[0].content_id, "logo");
	assert_attachment(&parsed, 1, "a.pdf", "application/pdf", "PDF");
	assert_string_equal(parsed.message->defects, "[]");
	parsed_clear(&parsed);
}

static void test_attach_html(void **state)
{
	struct mime_options options = mime_options_default();
	options.attach_html = true;
	struct parsed parsed =
	    parse_with(HEADER MIXED("m") "--m\r\n" HTML "<p>\xc3\xa9</p>\r\n"
					 "--m\r\nContent-Type: image/gif\r\n\r\nGIF\r\n--m--\r\n",
		       &options);

	(void)state;
	assert_attachment(&parsed, 0, "noname1.gif", "image/gif", "GIF");
	assert_attachment(&parsed, 1, "original.html", "text/html", "<p>é</p>");
	parsed_clear(&parsed);

	parsed = parse_with(HEADER TEXT "no html", &options);
	assert_int_equal(parsed.message->attachment_count, 0);
	parsed_clear(&parsed);
}

#define LONG_LINE "A line of the answer, which is a long one.\n"

static void test_reply_stands_beside_its_text(void **state)
{
	struct parsed parsed =
	    parse(HEADER TEXT "Yes.\r\n\r\nOn Tue, 3 Mar 2026, Robot wrote:\r\n> Is it?\r\n");
	struct mime_content text = parsed.message->text_body;
	char *reply;

	(void)state;
	assert_string_equal(parsed.message->reply_plain, "Yes.");
	assert_int_equal(0, mime_reply(parsed.output, text.offset, text.size, &reply));
	assert_string_equal(reply, "Yes.");
	g_free(reply);
	parsed_clear(&parsed);

	parsed = parse(HEADER TEXT "It quotes nothing.\r\n");
	assert_string_equal(parsed.message->reply_plain, "");
	parsed_clear(&parsed);

	parsed = parse(HEADER "Content-Type: image/gif\r\n\r\nGIF");
	assert_string_equal(parsed.message->reply_plain, "");
	parsed_clear(&parsed);
}

static void test_quote_far_below_is_not_looked_for(void **state)
{
	static const char quote[] = "\nOn Tue, 3 Mar 2026, Robot wrote:\n> Is it?\n";
	GString *mail = g_string_new(HEADER TEXT);

	(void)state;
	while (mail->len < 256 * 1024 + 1000)
		g_string_append(mail, LONG_LINE);
	g_string_append(mail, quote);
	struct parsed parsed = parse(mail->str);
	assert_string_equal(parsed.message->reply_plain, "");
	parsed_clear(&parsed);

	g_string_assign(mail, HEADER TEXT "Yes.\n");
	g_string_append(mail, quote);
	while (mail->len < 256 * 1024 + 1000)
		g_string_append(mail, "> " LONG_LINE);
	parsed = parse(mail->str);
	assert_string_equal(parsed.message->reply_plain, "Yes.");
	parsed_clear(&parsed);
	g_string_free(mail, TRUE);
}

static void test_reply_below_a_long_quote(void **state)
{
	GString *mail = g_string_new(HEADER TEXT "On Tue, 3 Mar 2026, Robot wrote:\n");

	(void)state;
	while (mail->len < 100000)
		g_string_append(mail, "> " LONG_LINE);
	g_string_append(mail, "Yes.\n");
	struct parsed parsed = parse(mail->str);
	assert_string_equal(parsed.message->reply_plain, "Yes.");
	parsed_clear(&parsed);
	g_string_free(mail, TRUE);
}

static void test_header_only(void **state)
{
	struct mime_options options = mime_options_default();
	options.header_only = true;
	struct parsed parsed = parse_with(HEADER "Subject: s\r\n" MIXED("m"), &options);

	(void)state;
	assert_string_equal(parsed.message->subject, "s");
	assert_string_equal(parsed.message->defects, "[]");
	assert_text(&parsed, "(none)");
	assert_null(parsed.message->reply_plain);
	assert_int_equal(parsed.message->attachment_count, 0);
	parsed_clear(&parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_plain_message),
	    cmocka_unit_test(test_html_only_becomes_text_too),
	    cmocka_unit_test(test_alternatives),
	    cmocka_unit_test(test_the_last_alternative_of_a_kind_wins),
	    cmocka_unit_test(test_a_blank_text_gives_way_to_html),
	    cmocka_unit_test(test_related_has_its_root_and_its_pictures),
	    cmocka_unit_test(test_the_start_of_related),
	    cmocka_unit_test(test_mixed_takes_its_texts),
	    cmocka_unit_test(test_an_attached_text_is_never_the_body),
	    cmocka_unit_test(test_attachments_are_bytes),
	    cmocka_unit_test(test_a_dangerous_name_is_made_safe),
	    cmocka_unit_test(test_a_forwarded_message_is_one_attachment),
	    cmocka_unit_test(test_an_encoded_forwarded_message_is_decoded),
	    cmocka_unit_test(test_a_digest_holds_messages),
	    cmocka_unit_test(test_signed_and_encrypted),
	    cmocka_unit_test(test_nested_as_mailers_write_it),
	    cmocka_unit_test(test_attach_html),
	    cmocka_unit_test(test_reply_stands_beside_its_text),
	    cmocka_unit_test(test_quote_far_below_is_not_looked_for),
	    cmocka_unit_test(test_reply_below_a_long_quote),
	    cmocka_unit_test(test_header_only),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
