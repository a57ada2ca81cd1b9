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

static void test_contents_follow_what_is_in_the_file(void **state)
{
	struct mime_options options = mime_options_default();
	const char raw[] = "garbage" HEADER "\r\nHello" HEADER;
	size_t length = strlen(HEADER) + strlen("\r\nHello");
	int input = memory_file(raw, sizeof(raw) - 1);
	struct parsed parsed = {.output = memory_file("before", 6), .output_end = 6};

	(void)state;
	parsed_fill(&parsed, &options, input, 7, length);
	assert_int_equal(parsed.message->text_body.offset, 6);
	assert_int_equal(parsed.output_end, 11);
	assert_text(&parsed, "Hello");
	assert_int_equal(lseek(input, 0, SEEK_CUR), sizeof(raw) - 1);
	close(input);
	parsed_clear(&parsed);
}

static void test_files_that_fail(void **state)
{
	struct mime_options options = mime_options_default();
	struct mime_message *message = NULL;
	int input = memory_file("\r\nHello", 7);
	int full = open("/dev/full", O_RDWR);
	struct mime_output *output = mime_output_new(full);

	(void)state;
	assert_int_equal(-1, mime_parse(&options, input, 0, 8, output, &message));
	assert_int_equal(errno, EIO);
	assert_int_equal(-1, mime_parse(&options, -1, 0, 7, output, &message));
	assert_int_equal(errno, EBADF);
	assert_null(message);
	assert_int_equal(0, mime_output_tell(output));
	assert_int_equal(0, mime_output_flush(output));

	assert_int_equal(0, mime_parse(&options, input, 0, 7, output, &message));
	assert_int_equal(-1, mime_output_flush(output));
	assert_int_equal(errno, ENOSPC);
	mime_message_free(message);
	message = NULL;
	/* It stays so until a new beginning. */
	assert_int_equal(-1, mime_parse(&options, input, 0, 7, output, &message));
	assert_int_equal(errno, ENOSPC);
	assert_null(message);
	mime_output_seek(output, 0);
	assert_int_equal(0, mime_parse(&options, input, 0, 7, output, &message));
	mime_message_free(message);
	mime_output_free(output);
	close(input);
	close(full);
}

/* Messages share a buffer; one that cannot be read does not take the others' content with it. */
static void test_messages_one_after_the_other(void **state)
{
	struct mime_options options = mime_options_default();
	struct parsed first = {.output = memory_file("", 0)};
	struct parsed second = first;
	struct mime_message *none = NULL;
	int input = memory_file("\r\nfirst\r\nsecond", 15);
	struct mime_output *output = mime_output_new(first.output);

	(void)state;
	assert_int_equal(0, mime_parse(&options, input, 0, 7, output, &first.message));
	assert_int_equal(-1, mime_parse(&options, input, 0, 100, output, &none));
	assert_int_equal(0, mime_parse(&options, input, 7, 8, output, &second.message));
	mime_output_write(output, "!", 1);
	assert_int_equal(0, mime_output_flush(output));
	first.output_end = second.output_end = mime_output_tell(output);
	assert_int_equal(strlen("firstsecond!"), first.output_end);
	assert_text(&first, "first");
	assert_text(&second, "second");
	mime_output_free(output);
	mime_message_free(second.message);
	close(input);
	parsed_clear(&first);
}

static char *digest_of_attachment(int input, uint64_t offset, uint64_t size)
{
	struct mime_options options = mime_options_default();
	struct parsed parsed = {.output = memory_file("", 0)};

	parsed_fill(&parsed, &options, input, offset, size);
	assert_int_equal(1, parsed.message->attachment_count);
	assert_string_equal("[]", parsed.message->defects);
	g_autofree char *text = content_text(&parsed, &parsed.message->attachments[0].content);
	char *digest =
	    g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text,
					(gsize)parsed.message->attachments[0].content.size);
	parsed_clear(&parsed);
	return digest;
}

/* In a file that holds more than it. */
static void test_a_large_message(void **state)
{
	static const char head[] =
	    HEADER MIXED("b") "--b\r\n" TEXT "Text\r\n--b\r\nContent-Type: image/png\r\n"
			      "Content-Transfer-Encoding: base64\r\n\r\n";
	enum { BEFORE = 4097, BYTES = 9000001 };
	g_autofree guchar *bytes = g_malloc(BYTES);
	g_autoptr(GString) file = g_string_new(NULL);
	g_autofree char *wanted = NULL;

	(void)state;
	for (guint32 i = 0, next = 1; i < BYTES; i++, next = next * 1103515245 + 12345)
		bytes[i] = (guchar)(next >> 16);
	wanted = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, BYTES);
	g_autofree char *base64 = g_base64_encode(bytes, BYTES);
	for (int i = 0; i < BEFORE; i++)
		g_string_append_c(file, '\n');
	g_string_append(file, head);
	for (const char *at = base64; *at; at += strnlen(at, 76))
		g_string_append_printf(file, "%.76s\r\n", at);
	g_string_append(file, "--b--\r\n");

	int input = memory_file(file->str, file->len);
	g_autofree char *digest = digest_of_attachment(input, BEFORE, file->len - BEFORE);
	assert_string_equal(wanted, digest);

	/* Shorter than it should be. */
	struct mime_options options = mime_options_default();
	struct mime_message *message = NULL;
	int file_of_output = memory_file("", 0);
	struct mime_output *output = mime_output_new(file_of_output);
	assert_int_equal(-1, mime_parse(&options, input, BEFORE, file->len, output, &message));
	assert_int_equal(errno, EIO);
	mime_output_free(output);
	close(file_of_output);
	close(input);
}

/* The body is in the file before its reply is looked for. */
static void test_reply_before_a_large_attachment(void **state)
{
	g_autofree char *large = g_strnfill(100000, 'x');
	g_autofree char *raw = g_strconcat(
	    HEADER MIXED("m") "--m\r\n" TEXT "Yes, please.\r\n\r\n> Do you want it?\r\n--m\r\n"
			      "Content-Type: application/pdf\r\n\r\n",
	    large, "\r\n--m--\r\n", NULL);
	struct parsed parsed = parse(raw);

	(void)state;
	assert_string_equal(parsed.message->reply_plain, "Yes, please.");
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
	    cmocka_unit_test(test_reply_before_a_large_attachment),
	    cmocka_unit_test(test_header_only),
	    cmocka_unit_test(test_contents_follow_what_is_in_the_file),
	    cmocka_unit_test(test_files_that_fail),
	    cmocka_unit_test(test_messages_one_after_the_other),
	    cmocka_unit_test(test_a_large_message),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
