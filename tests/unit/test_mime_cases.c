/* Mail as other people's mailers write it (tests/data/mail): what its entry must say. */
#include "mime_fixture.h"

struct file {
	const char *name;
	const char *type;
	const char *content;
};

struct mail_case {
	const char *name;
	const char *text;
	const char *html;
	struct file files[2];
	const char *defect; /* somewhere among them; NULL: there is none */
};

static const struct mail_case cases[] = {
    {"alternative-footer-replaces-text",
     "The whole text.",
     "(none)",
     {{"a.pdf", "application/pdf", "x"}, {"noname1.txt", "text/plain", "-- \nlist footer"}},
     NULL},
    {"apple-blank-text-first",
     "This text stands after the file.\n\nSent from my iPhone",
     "(none)",
     {{"file.pdf", "application/pdf", "%PDF-1.4 fake\n"}},
     NULL},
    {"base64-multipart",
     "Order 4711 attached",
     "(none)",
     {{"order.pdf", "application/pdf", "%PDF-1.4 fake\n"}},
     "multipart/mixed as a whole encoded; decoded"},
    {"base64-that-is-plain-text",
     "Dear robot, this text is not encoded at all,\n"
     "though its header says so. Please order 12 boxes.\n\nAnn\n",
     "(none)",
     {{0}},
     "transfer encoding of the text damaged"},
    {"blank-in-header-end",
     "Grüße",
     "<p>Grüße</p>",
     {{"noname1.png", "image/png", "hello world\n"}},
     "the line between header and text holds blanks"},
    {"blank-line-before-header",
     "Hello.",
     "<p>Hello.</p>\n",
     {{0}},
     "before the header: blanks or a byte order mark"},
    {"blank-text-before-text",
     "Please see the picture above.",
     "(none)",
     {{"dot.png", "image/png", "hello world\n"}},
     NULL},
    {"blank-text-inside-alternative",
     "The whole text.",
     "(none)",
     {{"noname1.bin", "text/richtext", "<bold>The whole text.</bold>"}},
     NULL},
    {"boundary-trailing-blank-close",
     "Hello.",
     "(none)",
     {{"a.pdf", "application/pdf", "hello world\n"}},
     NULL},
    {"comment-in-content-type",
     "Grüße",
     "(none)",
     {{"a.pdf", "application/pdf", "hello world\n"}},
     NULL},
    {"empty-multipart", "(none)", "(none)", {{0}}, "multipart/mixed without parts"},
    {"empty-multipart-before-text",
     "The text.",
     "(none)",
     {{0}},
     "multipart/alternative without parts; taken as text"},
    {"html-after-file",
     "Please book this invoice on cost centre 4711.",
     "<html><body dir=\"auto\"><p>Please book this invoice on cost centre 4711.</p>"
     "</body></html>",
     {{"file.pdf", "application/pdf", "%PDF-1.4 fake\n"}},
     NULL},
    {"junk-line-before-header",
     "Hello there.",
     "<p>Hello <b>there</b>.</p>\n",
     {{0}},
     "before the header: '---- Forwarded by the scanner ----'"},
    {"missing-semicolon-before-boundary",
     "Hello.",
     "(none)",
     {{"dot.png", "image/png", "hello world\n"}},
     NULL},
    {"named-inline-text-is-the-text",
     "The only text.",
     "(none)",
     {{"a.pdf", "application/pdf", "hello world\n"}},
     NULL},
    {"no-blank-line-before-first-delimiter",
     "The plain text.",
     "<p>The HTML.</p>",
     {{0}},
     "no blank line between header and text"},
    {"qp-in-multipart-without-parts",
     "Grüße aus Köln\n",
     "(none)",
     {{0}},
     "multipart/mixed without parts; taken as text"},
    {"quoted-transfer-encoding",
     "hello body",
     "(none)",
     {{"a.pdf", "application/pdf", "%PDF-1.4 fake\n"}},
     "transfer encoding 'base64' in quotes"},
    {"related-root-is-no-text",
     "The text comes last.",
     "<p>The text comes last.</p>",
     {{"noname1.png", "image/png", "hello world\n"}},
     NULL},
    {"repeated-content-type-multipart-second",
     "Hello.",
     "(none)",
     {{"a.pdf", "application/pdf", "hello world\n"}},
     "field Content-Type repeated; multipart/mixed counts"},
    {"repeated-content-type-notice",
     "The plain text.\n",
     "<p>The HTML.</p>",
     {{0}},
     "field Content-Type repeated; multipart/alternative counts"},
    {"repeated-content-type-text-lost",
     "The plain text.\n",
     "<p>The HTML.</p>",
     {{"noname1.png", "image/png", "hello world\n"}},
     "delimiter before the first part of multipart/alternative missing"},
    {"text-after-inline-image",
     "Before the picture.\nAfter the picture.",
     "(none)",
     {{"dot.png", "image/png", "hello world\n"}},
     NULL},
    {"unreadable-content-type",
     "The text.\n",
     "(none)",
     {{0}},
     "Content-Type 'text/plain>' unreadable; read as text/plain"},
};

static struct parsed parse_case(const char *name)
{
	g_autofree char *file = g_strconcat(name, ".eml", NULL);
	g_autofree char *path = g_build_filename(TEST_DATA, "mail", file, NULL);
	g_autofree char *raw = NULL;
	gsize length = 0;
	struct mime_options options = mime_options_default();

	if (!g_file_get_contents(path, &raw, &length, NULL))
		fail_msg("cannot read %s", path);
	return parse_bytes(raw, length, &options);
}

static void check(const struct mail_case *mail)
{
	struct parsed parsed = parse_case(mail->name);
	size_t count = 0;

	print_message("%s\n", mail->name);
	assert_text(&parsed, mail->text);
	assert_html(&parsed, mail->html);
	for (; count < G_N_ELEMENTS(mail->files) && mail->files[count].name; count++)
		assert_attachment(&parsed, count, mail->files[count].name, mail->files[count].type,
				  mail->files[count].content);
	assert_int_equal(count, parsed.message->attachment_count);
	if (mail->defect)
		assert_defect(&parsed, mail->defect);
	else
		assert_string_equal("[]", parsed.message->defects);
	assert_true(g_str_has_suffix(parsed.message->sender, "<ann@example.com>"));
	parsed_clear(&parsed);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
