/* Mail in mail, and files in files: a container's text and files are as if they had been sent plainly. */
#include "mime_fixture.h"

struct file {
	const char *name;
	const char *type;
	const char *content; /* NULL: not looked at */
};

struct container_case {
	const char *name;
	const char *text;
	const char *html;
	struct file files[4];
	const char *defects;
};

#define OPENED "winmail.dat (TNEF) opened: its text and files are taken"

static const struct container_case cases[] = {
    {"winmail-behind-text",
     "Grüße aus Köln",
     "(none)",
     {{"Angebot für Ann.pdf", "application/pdf", "%PDF-1.4 fake\n"},
      {"winmail.dat", "application/ms-tnef", NULL}},
     "[\"" OPENED "\"]"},
    {"winmail-alone",
     "Привет, мир!\nOrder\t4711 {twelve boxes}\n",
     "(none)",
     {{"Заказ.txt", "text/plain", "12 boxes\n"}, {"winmail.dat", "application/ms-tnef", NULL}},
     "[\"" OPENED "\"]"},
    {"winmail-html-in-rtf",
     "Grüße, Ann",
     "<html><body><p>Grüße, <b>Ann</b>&lt;По€</p></body></html>",
     {{"logo.png", "image/png", "\x89PNG\r\n\x1a\nfake"},
      {"Order 4711.dat", "application/ms-tnef", NULL},
      {"winmail.dat", "application/octet-stream", NULL}},
     "[\"" OPENED "\"]"},
    {"winmail-cut-off",
     "Привет, мир!\nOrder\t4711 {twelve boxes}\n",
     "(none)",
     {{"Заказ.txt", "text/plain", ""}, {"winmail.dat", "application/ms-tnef", NULL}},
     "[\"" OPENED "\",\"winmail.dat (TNEF) damaged\"]"},
    {"winmail-is-none",
     "See the file.",
     "(none)",
     {{"winmail.dat", "application/ms-tnef", "MZ this is something else"}},
     "[\"winmail.dat (TNEF) unreadable; left closed\"]"},
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
	struct parsed parsed = parse_case(mail->name);
	size_t count = 0;

	print_message("%s\n", mail->name);
	assert_string_equal(mail->defects, parsed.message->defects);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_containers),
	    cmocka_unit_test(test_damaged_anywhere),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
