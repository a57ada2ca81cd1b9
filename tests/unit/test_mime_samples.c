/* The sample messages of the quick start: what each of them is there to show. */
#include "mime_fixture.h"

static struct parsed parse_sample(const char *name)
{
	g_autofree char *path = g_build_filename(SAMPLES, "messages", name, NULL);
	g_autofree char *raw = NULL;
	gsize length = 0;
	struct mime_options options = mime_options_default();

	if (!g_file_get_contents(path, &raw, &length, NULL))
		fail_msg("cannot read %s", path);
	return parse_bytes(raw, length, &options);
}

static const struct sample {
	const char *name;
	const char *subject;
	const char *text; /* somewhere in the text body */
	bool has_html;
	const char *attachments[3]; /* file names */
} samples[] = {
    {"01-plain-question.eml",
     "Cannot sign in to the travel portal",
     "staff number is 40417",
     false,
     {0}},
    {"02-invoice-pdf.eml",
     "Invoice 2025-0317 for purchase order PO-88120",
     "1,184.50 €",
     false,
     {"invoice-2025-0317.pdf"}},
    {"03-html-order.eml",
     "Your order TS-5519 – confirmed",
     "Desk lamp “Luna”\t4\t€ 156.00",
     true,
     {0}},
    {"04-inline-logo.eml",
     "New badge for a visitor on Wednesday",
     "Mr Håkan Ström",
     true,
     {"orbit-logo.png"}},
    {"05-japanese-invoice.eml",
     "三月分請求書の送付について（請求番号２０２５年３月分）",
     "①内訳②合計金額",
     false,
     {"請求書 2025年3月.pdf"}},
    {"06-forwarded-complaint.eml",
     "Fwd: Parcel arrived open",
     "please take over",
     false,
     {"noname1.eml"}},
    {"07-meeting-invitation.eml",
     "Maintenance window: database servers",
     "Saturday 8 March 2025",
     false,
     {"noname1.ics", "invite.ics"}},
    {"08-umlauts-address-change.eml",
     "Adressänderung ab 1. April: neue Straße, größere Wohnung",
     "Königsallee 12",
     false,
     {0}},
    {"09-reply-with-quotes.eml",
     "Re: Cannot sign in to the travel portal",
     "wrong passwords. We have unlocked it.",
     false,
     {0}},
    {"10-delivery-failure.eml",
     "Undelivered Mail Returned to Sender",
     "550 5.1.1",
     false,
     {"noname1.txt", "noname2.txt"}},
    {"11-russian-price-list.eml",
     "Прайс-лист на март 2025 года, новые цены на бумагу",
     "Высылаем прайс-лист",
     false,
     {"Прайс-лист март 2025.csv"}},
};

static void check(const struct sample *sample)
{
	struct parsed parsed = parse_sample(sample->name);
	const struct mime_message *message = parsed.message;
	g_autofree char *text = content_text(&parsed, &message->text_body);

	assert_string_equal(message->subject, sample->subject);
	assert_string_equal(message->defects, "[]");
	assert_true(message->has_date_sent);
	assert_non_null(message->sender);
	assert_non_null(message->message_id);
	if (!strstr(text, sample->text))
		fail_msg("'%s' not in:\n%s", sample->text, text);
	assert_int_equal(message->html_body.present, sample->has_html);
	size_t count = 0;
	for (; count < 3 && sample->attachments[count]; count++) {
		assert_true(count < message->attachment_count);
		assert_string_equal(message->attachments[count].file_name,
				    sample->attachments[count]);
		assert_true(message->attachments[count].content.size > 0);
	}
	assert_int_equal(message->attachment_count, count);
	parsed_clear(&parsed);
}

static void test_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(samples); i++)
		check(&samples[i]);
}

static void test_the_hopelessly_broken_one(void **state)
{
	struct parsed parsed = parse_sample("12-hopelessly-broken.eml");
	g_autofree char *text = content_text(&parsed, &parsed.message->text_body);

	(void)state;
	assert_string_equal(parsed.message->sender, "Scanner <scanner@example.com>");
	assert_string_equal(parsed.message->recipient, "service@example.com");
	assert_false(parsed.message->has_date_sent);
	assert_true(g_str_has_prefix(text, "Scan of 5 March"));
	assert_int_equal(parsed.message->attachment_count, 2);
	assert_string_equal(parsed.message->attachments[0].file_name, "scan 001.png");
	assert_string_equal(parsed.message->attachments[0].declared_name, "../../scan 001.png");
	assert_defect(&parsed, "Date field unreadable");
	assert_defect(&parsed, "charset 'x-scanner' of the text unknown");
	assert_defect(&parsed, "transfer encoding of attachment 'scan 002.pdf' damaged");
	assert_defect(&parsed, "has no end");
	parsed_clear(&parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_samples),
	    cmocka_unit_test(test_the_hopelessly_broken_one),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
