/* Mail in mail, and files in files: a container's text and files are as if they had been sent plainly. */
#include "mime_fixture.h"

#include "mime/tnef.h"

struct file {
	const char *name;
	const char *type;
	const char *content; /* NULL: not looked at */
};

struct container_case {
	const char *name;
	const char *text;
	const char *html;
	struct file files[6];
	const char *defects;
	bool unpack_forwarded;
	const char *signature;
};

#define OPENED "winmail.dat (TNEF) opened: its text and files are taken"

static const struct container_case cases[] = {
    {"winmail-behind-text",
     "Grüße aus Köln",
     "(none)",
     {{"Angebot für Ann.pdf", "application/pdf", "%PDF-1.4 fake\n"},
      {"winmail.dat", "application/ms-tnef", NULL}},
     "[\"" OPENED "\"]",
     false,
     NULL},
    {"winmail-alone",
     "Привет, мир!\nOrder\t4711 {twelve boxes}\n",
     "(none)",
     {{"Заказ.txt", "text/plain", "12 boxes\n"}, {"winmail.dat", "application/ms-tnef", NULL}},
     "[\"" OPENED "\"]",
     false,
     NULL},
    {"winmail-html-in-rtf",
     "Grüße, Ann",
     "<html><body><p>Grüße, <b>Ann</b>&lt;По€</p></body></html>",
     {{"logo.png", "image/png", "\x89PNG\r\n\x1a\nfake"},
      {"Order 4711.dat", "application/ms-tnef", NULL},
      {"winmail.dat", "application/octet-stream", NULL}},
     "[\"" OPENED "\"]",
     false,
     NULL},
    {"winmail-html-in-rtf",
     "Grüße, Ann",
     "<html><body><p>Grüße, <b>Ann</b>&lt;По€</p></body></html>",
     {{"logo.png", "image/png", "\x89PNG\r\n\x1a\nfake"},
      {"Order 4711.dat", "application/ms-tnef", NULL},
      {"Order 4711.dat_list.csv", "text/csv", "4711;12\n"},
      {"winmail.dat", "application/octet-stream", NULL}},
     "[\"" OPENED "\"]",
     true,
     NULL},
    {"forwarded-with-files",
     "See the forwarded mail.",
     "(none)",
     {{"forwarded.eml", "message/rfc822", NULL}, {"last.csv", "text/csv", "1;2"}},
     "[]",
     false,
     NULL},
    {"forwarded-with-files",
     "See the forwarded mail.",
     "(none)",
     {{"forwarded.eml", "message/rfc822", NULL},
      {"forwarded.eml_report.pdf", "application/pdf", "%PDF-1.4 fake\n"},
      {"forwarded.eml_noname1.eml", "message/rfc822", NULL},
      {"forwarded.eml_noname1.eml_logo.png", "image/png", "hello world\n"},
      {"last.csv", "text/csv", "1;2"}},
     "[]",
     true,
     NULL},
    {"winmail-cut-off",
     "Привет, мир!\nOrder\t4711 {twelve boxes}\n",
     "(none)",
     {{"Заказ.txt", "text/plain", ""}, {"winmail.dat", "application/ms-tnef", NULL}},
     "[\"" OPENED "\",\"winmail.dat (TNEF) damaged\"]",
     false,
     NULL},
    {"winmail-report",
     "Message was read on:",
     "(none)",
     {{"values.dat", "application/octet-stream", "1;2\n"},
      {"winmail.dat", "application/ms-tnef", NULL}},
     "[\"" OPENED "\"]",
     false,
     NULL},
    {"winmail-is-none",
     "See the file.",
     "(none)",
     {{"winmail.dat", "application/ms-tnef", "MZ this is something else"}},
     "[\"winmail.dat (TNEF) unreadable; left closed\"]",
     false,
     NULL},
    {"smime-opaque",
     "Grüße, signed.",
     "(none)",
     {{"order.pdf", "application/pdf", "%PDF-1.4 fake\n"},
      {"smime.p7m", "application/pkcs7-mime", NULL}},
     "[]",
     false,
     "not verified"},
    {"smime-opaque-streamed",
     "Grüße, signed.",
     "(none)",
     {{"order.pdf", "application/pdf", "%PDF-1.4 fake\n"},
      {"smime.p7m", "application/x-pkcs7-mime", NULL}},
     "[]",
     false,
     "not verified"},
    {"smime-opaque-broken",
     "Grüße, mended.",
     "(none)",
     {{"order.pdf", "application/pdf", "%PDF-1.4 fake\n"},
      {"smime.p7m", "application/pkcs7-mime", NULL}},
     "[]",
     false,
     "broken"},
    {"smime-detached",
     "Grüße, signed.",
     "(none)",
     {{"order.pdf", "application/pdf", "%PDF-1.4 fake\n"},
      {"smime.p7s", "application/pkcs7-signature", NULL}},
     "[]",
     false,
     "not verified"},
    {"smime-detached-broken",
     "Grüße, mended.",
     "(none)",
     {{"order.pdf", "application/pdf", "%PDF-1.4 fake\n"},
      {"smime.p7s", "application/pkcs7-signature", NULL}},
     "[]",
     false,
     "broken"},
    {"smime-encrypted",
     "This mail is encrypted (S/MIME); its content lies in the attachment smime.p7m.\n",
     "(none)",
     {{"smime.p7m", "application/pkcs7-mime", NULL}},
     "[\"encrypted (S/MIME); not decrypted\"]",
     false,
     NULL},
    {"signed-file",
     "Invoice attached.",
     "(none)",
     {{"invoice.xml.p7m", "application/pkcs7-mime", NULL}},
     "[]",
     false,
     NULL},
    {"pgp-signed",
     "Signed by hand.",
     "(none)",
     {{"signature.asc", "application/pgp-signature", NULL}},
     "[]",
     false,
     "not verified"},
    {"pgp-encrypted",
     "This mail is encrypted (PGP/MIME); its content lies in the attachment encrypted.asc.\n",
     "(none)",
     {{"noname1.asc", "application/pgp-encrypted", "Version: 1"},
      {"encrypted.asc", "application/octet-stream", NULL}},
     "[\"encrypted (PGP/MIME); not decrypted\"]",
     false,
     NULL},
};

static struct parsed parse_case(const struct container_case *mail)
{
	g_autofree char *file = g_strconcat(mail->name, ".eml", NULL);
	g_autofree char *path = g_build_filename(TEST_DATA, "mail", file, NULL);
	g_autofree char *raw = NULL;
	gsize length = 0;
	struct mime_options options = mime_options_default();

	options.unpack_forwarded = mail->unpack_forwarded;
	if (!g_file_get_contents(path, &raw, &length, NULL))
		fail_msg("cannot read %s", path);
	return parse_bytes(raw, length, &options);
}

static void check_file(const struct parsed *parsed, size_t i, const struct file *file)
{
	assert_true(i < parsed->message->attachment_count);
	const struct mime_attachment *attachment = &parsed->message->attachments[i];

	assert_string_equal(attachment->file_name, file->name);
	assert_string_equal(attachment->content_type, file->type);
	if (file->content)
		assert_content(parsed, &attachment->content, file->content);
	else
		assert_true(attachment->content.size > 0);
}

static void check(const struct container_case *mail)
{
	struct parsed parsed = parse_case(mail);
	size_t count = 0;

	print_message("%s\n", mail->name);
	assert_string_equal(mail->defects, parsed.message->defects);
	if (mail->signature)
		assert_string_equal(mail->signature, parsed.message->signature);
	else
		assert_null(parsed.message->signature);
	assert_text(&parsed, mail->text);
	assert_html(&parsed, mail->html);
	for (; count < G_N_ELEMENTS(mail->files) && mail->files[count].name; count++)
		check_file(&parsed, count, &mail->files[count]);
	assert_int_equal(count, parsed.message->attachment_count);
	parsed_clear(&parsed);
}

static void test_containers(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check(&cases[i]);
}

/* Each byte of it in turn is another: an entry comes out all the same, with the original. */
static void test_damaged_anywhere(void **state)
{
	g_autofree char *path =
	    g_build_filename(TEST_DATA, "mail", "winmail-html-in-rtf.eml", NULL);
	g_autofree char *raw = NULL;
	gsize length = 0;
	struct mime_options options = mime_options_default();
	(void)state;

	assert_true(g_file_get_contents(path, &raw, &length, NULL));
	const char *winmail = strstr(raw, "eJ8+Ig");
	assert_non_null(winmail);
	for (char *at = raw + (winmail - raw); at < raw + length - 8; at++) {
		char before = *at;
		*at = before == 'w' ? 'A' : 'w';
		struct parsed parsed = parse_bytes(raw, length, &options);
		assert_text(&parsed, "Grüße, Ann");
		assert_true(parsed.message->attachment_count > 0);
		parsed_clear(&parsed);
		*at = before;
	}
}

/* A message in a message in a message, …: as far as the caps go, and in no time. */
static void test_forwarded_without_end(void **state)
{
	struct mime_options options = mime_options_default();
	g_autoptr(GString) mail = g_string_new(NULL);
	(void)state;

	options.unpack_forwarded = true;
	for (unsigned i = 0; i < 2000; i++)
		g_string_append(mail, HEADER "Content-Type: message/rfc822\r\n\r\n");
	struct parsed parsed = parse_with(mail->str, &options);
	assert_int_equal(11, parsed.message->attachment_count);
	assert_string_equal("noname1.eml/noname2.eml",
			    parsed.message->attachments[1].declared_name);
	parsed_clear(&parsed);
}

static void test_many_forwarded(void **state)
{
	struct mime_options options = mime_options_default();
	g_autoptr(GString) mail =
	    g_string_new(HEADER "Content-Type: multipart/digest; boundary=b\r\n\r\n");
	(void)state;

	options.unpack_forwarded = true;
	for (unsigned i = 0; i < 300; i++)
		g_string_append(mail, "--b\r\n\r\n" HEADER "Content-Type: image/png\r\n\r\nx\r\n");
	struct parsed parsed = parse_with(mail->str, &options);
	assert_int_equal(400, parsed.message->attachment_count);
	assert_defect(&parsed, "too many containers; one of message/rfc822 left closed");
	parsed_clear(&parsed);
}

static void put_number(GByteArray *bytes, uint32_t number, unsigned length)
{
	for (; length > 0; length--, number >>= 8)
		g_byte_array_append(bytes, (const guint8[]){(guint8)number}, 1);
}

/* 17 bytes out of two, again and again. */
static GByteArray *swelling_rtf(uint32_t size)
{
	static const char text[] = "{\\rtf1\\ansi \\u9786?aaaaaaaaaaaaa";
	GByteArray *rtf = g_byte_array_new();
	uint32_t place = 207 + (uint32_t)strlen(text);

	put_number(rtf, 12 + 64 + size / 8, 4);
	put_number(rtf, size, 4);
	put_number(rtf, 0x75465a4c, 4);
	put_number(rtf, 0, 4);
	for (size_t i = 0; i < strlen(text); i++) {
		if (i % 8 == 0)
			put_number(rtf, 0, 1);
		put_number(rtf, (unsigned char)text[i], 1);
	}
	for (uint32_t out = (uint32_t)strlen(text); out < size; out += 8 * 17) {
		put_number(rtf, 0xff, 1);
		for (unsigned i = 0; i < 8; i++, place += 17) {
			uint32_t token = (place - 8) % 4096 << 4 | 15;
			put_number(rtf, token >> 8, 1);
			put_number(rtf, token, 1);
		}
	}
	return rtf;
}

/* Ten of them may together not become more than the cap. */
static void test_rtf_that_swells(void **state)
{
	g_autoptr(GByteArray) rtf = swelling_rtf(8 * 1024 * 1024);
	g_autoptr(GByteArray) winmail = g_byte_array_new();
	g_autoptr(GString) mail =
	    g_string_new(HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	(void)state;

	put_number(winmail, 0x223e9f78, 4);
	put_number(winmail, 1, 2);
	put_number(winmail, 1, 1);
	put_number(winmail, 0x00069003, 4);
	put_number(winmail, 16 + rtf->len, 4);
	put_number(winmail, 1, 4);
	put_number(winmail, 0x10090102, 4);
	put_number(winmail, 1, 4);
	put_number(winmail, rtf->len, 4);
	g_byte_array_append(winmail, rtf->data, rtf->len);
	g_autofree char *base64 = g_base64_encode(winmail->data, winmail->len);
	for (unsigned i = 0; i < 10; i++)
		g_string_append_printf(mail,
				       "--b\r\nContent-Type: application/ms-tnef\r\n"
				       "Content-Transfer-Encoding: base64\r\n\r\n%s\r\n",
				       base64);
	struct parsed parsed = parse(mail->str);
	assert_true(parsed.message->text_body.size > UINT64_C(1) << 20);
	assert_true(parsed.message->text_body.size <= UINT64_C(32) << 20);
	assert_defect(&parsed, "RTF in winmail.dat damaged");
	parsed_clear(&parsed);
}

static void attribute_append(GString *stream, unsigned id, const char *data)
{
	size_t length = strlen(data);
	unsigned sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += (unsigned char)data[i];
	const char head[] = {2, (char)id, (char)(id >> 8), 0, 0, (char)length, 0, 0, 0};
	g_string_append_len(stream, head, sizeof(head));
	g_string_append_len(stream, data, (gssize)length);
	g_string_append_c(stream, (char)sum);
	g_string_append_c(stream, (char)(sum >> 8));
}

/* What belongs to a file that is not taken changes none that is. */
static void test_files_of_a_winmail_dat_beyond_the_limit(void **state)
{
	enum { FILE_BEGIN = 0x9002, FILE_TITLE = 0x8010 };
	g_autoptr(GString) stream = g_string_new_len("\x78\x9f\x3e\x22\x01\x00", 6);

	(void)state;
	attribute_append(stream, FILE_BEGIN, "");
	attribute_append(stream, FILE_TITLE, "first.txt");
	attribute_append(stream, FILE_BEGIN, "");
	attribute_append(stream, FILE_TITLE, "second one.txt");
	int file = memory_file(stream->str, stream->len);
	struct input *input = input_new(file, 0, stream->len);
	struct tnef *tnef = tnef_read(input, 1);

	assert_non_null(tnef);
	assert_true(tnef->damaged);
	assert_int_equal(1, tnef->files->len);
	const struct tnef_value *name = &g_array_index(tnef->files, struct tnef_file, 0).name;
	assert_int_equal(strlen("first.txt"), name->end - name->begin);
	tnef_free(tnef);
	input_free(input);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_containers),
	    cmocka_unit_test(test_damaged_anywhere),
	    cmocka_unit_test(test_forwarded_without_end),
	    cmocka_unit_test(test_many_forwarded),
	    cmocka_unit_test(test_rtf_that_swells),
	    cmocka_unit_test(test_files_of_a_winmail_dat_beyond_the_limit),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
