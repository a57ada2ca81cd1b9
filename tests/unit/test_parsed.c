/* A parsed message crosses from one process to another, and nonsense does not. */
#include "loader/parser/protocol/protocol.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct mime_attachment attachments[] = {
    {.file_name = (char *)"Rechnung Größe.pdf",
     .declared_name = (char *)"../Rechnung Größe.pdf",
     .content_type = (char *)"application/pdf",
     .disposition = (char *)"attachment",
     .content = {.present = true, .offset = 100, .size = 50}},
    {.file_name = (char *)"noname1.png",
     .content_type = (char *)"image/png",
     .content_id = (char *)"logo@example.com",
     .content = {.present = true, .offset = 150, .size = 0}},
};

static struct mime_calendar calendars[] = {
    {.method = (char *)"REQUEST", .starts_at = (char *)"2026-01-31T12:00:00Z"},
};

static struct mime_bounce bounces[] = {
    {.kind = (char *)"hard", .address = (char *)"bob@example.com"},
};

static const struct mime_message example = {
    .subject = (char *)"",
    .sender = (char *)"Anna <anna@example.com>",
    .message_id = (char *)"<1@example.com>",
    .has_date_sent = true,
    .date_sent = -5,
    .has_date_received = true,
    .date_received = -6,
    .headers = (char *)"[[\"Subject\",\"\"]]",
    .defects = (char *)"[]",
    .reply_plain = (char *)"Ja, gern.",
    .signature = (char *)"broken",
    .text_body = {.present = true, .offset = 0, .size = 100},
    .attachments = attachments,
    .attachment_count = 2,
    .calendars = calendars,
    .calendar_count = 1,
    .auto_class = (char *)"bounce",
    .auto_reason = (char *)"message/delivery-status",
    .bounces = bounces,
    .bounce_count = 1,
};

static const struct parsed_range all = {0, 150};

struct record {
	unsigned char *bytes;
	size_t size;
};

static int setup(void **state)
{
	struct record *record = calloc(1, sizeof *record);
	assert_non_null(record);
	parsed_format(&example, &record->bytes, &record->size);
	*state = record;
	return 0;
}

static int teardown(void **state)
{
	struct record *record = *state;
	free(record->bytes);
	free(record);
	return 0;
}

static void everything_arrives(void **state)
{
	const struct record *record = *state;
	struct mime_message *back = NULL;
	assert_int_equal(parsed_parse(record->bytes, record->size, &all, &back), 0);
	assert_string_equal(back->subject, "");
	assert_string_equal(back->sender, "Anna <anna@example.com>");
	assert_null(back->recipient);
	assert_string_equal(back->message_id, "<1@example.com>");
	assert_true(back->has_date_sent);
	assert_int_equal(back->date_sent, -5);
	assert_true(back->has_date_received);
	assert_int_equal(back->date_received, -6);
	assert_true(back->text_body.present);
	assert_int_equal(back->text_body.size, 100);
	assert_false(back->html_body.present);
	assert_string_equal(back->signature, "broken");
	assert_int_equal(back->attachment_count, 2);
	assert_string_equal(back->attachments[0].file_name, "Rechnung Größe.pdf");
	assert_string_equal(back->attachments[0].declared_name, "../Rechnung Größe.pdf");
	assert_int_equal(back->attachments[0].content.offset, 100);
	assert_null(back->attachments[1].disposition);
	assert_string_equal(back->attachments[1].content_id, "logo@example.com");
	assert_int_equal(back->calendar_count, 1);
	assert_string_equal(back->calendars[0].method, "REQUEST");
	assert_string_equal(back->calendars[0].starts_at, "2026-01-31T12:00:00Z");
	assert_null(back->calendars[0].location);
	assert_string_equal(back->auto_class, "bounce");
	assert_string_equal(back->auto_reason, "message/delivery-status");
	assert_int_equal(back->bounce_count, 1);
	assert_string_equal(back->bounces[0].kind, "hard");
	assert_string_equal(back->bounces[0].address, "bob@example.com");
	assert_null(back->bounces[0].status);
	mime_message_free(back);
}

static void content_outside_the_file_is_refused(void **state)
{
	const struct record *record = *state;
	struct mime_message *back = NULL;
	const struct parsed_range shorter = {0, 149};
	const struct parsed_range later = {1, 150};
	assert_int_equal(parsed_parse(record->bytes, record->size, &shorter, &back), -1);
	assert_int_equal(parsed_parse(record->bytes, record->size, &later, &back), -1);
	assert_null(back);
}

static void a_cut_record_is_refused_at_every_length(void **state)
{
	const struct record *record = *state;
	struct mime_message *back = NULL;
	for (size_t size = 0; size < record->size; size++)
		assert_int_equal(parsed_parse(record->bytes, size, &all, &back), -1);
}

static void a_changed_byte_never_crashes_the_reader(void **state)
{
	struct record *record = *state;
	for (size_t i = 0; i < record->size; i++) {
		struct mime_message *back = NULL;
		record->bytes[i] ^= 0xff;
		if (parsed_parse(record->bytes, record->size, &all, &back) == 0)
			mime_message_free(back);
		record->bytes[i] ^= 0xff;
	}
}

static void text_with_a_nul_or_bad_utf8_is_refused(void **state)
{
	struct record *record = *state;
	struct mime_message *back = NULL;
	/* Two lengths of four bytes and an empty subject stand before the sender's first letter. */
	assert_int_equal(record->bytes[8], 'A');
	record->bytes[8] = '\0';
	assert_int_equal(parsed_parse(record->bytes, record->size, &all, &back), -1);
	record->bytes[8] = 0xff;
	assert_int_equal(parsed_parse(record->bytes, record->size, &all, &back), -1);
}

static void a_date_that_nobody_can_write_is_refused(void **state)
{
	struct mime_message odd[] = {example, example};

	(void)state;
	odd[0].date_sent = INT64_MAX;
	odd[1].date_received = INT64_MIN;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		unsigned char *bytes;
		size_t size;
		struct mime_message *back = NULL;
		parsed_format(&odd[i], &bytes, &size);
		assert_int_equal(parsed_parse(bytes, size, &all, &back), -1);
		free(bytes);
	}
}

/* One that is refused at its first byte shows a fuzzer nothing of what comes behind that. */
static void seeds_of_the_fuzzer_are_believed(void **state)
{
	static const char folder[] = TEST_DATA "/fuzz/parsed";
	const struct parsed_range range = {1000, 3000};
	g_autoptr(GDir) names = g_dir_open(folder, 0, NULL);
	const char *name;
	size_t count = 0;
	(void)state;
	assert_non_null(names);
	while ((name = g_dir_read_name(names)) != NULL) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		g_autofree char *bytes = NULL;
		struct mime_message *back = NULL;
		gsize size;
		assert_true(g_file_get_contents(path, &bytes, &size, NULL));
		if (parsed_parse((const unsigned char *)bytes, size, &range, &back) != 0)
			fail_msg("%s", name);
		mime_message_free(back);
		count++;
	}
	assert_true(count > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(everything_arrives, setup, teardown),
	    cmocka_unit_test_setup_teardown(content_outside_the_file_is_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_cut_record_is_refused_at_every_length, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_changed_byte_never_crashes_the_reader, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(text_with_a_nul_or_bad_utf8_is_refused, setup,
					    teardown),
	    cmocka_unit_test(a_date_that_nobody_can_write_is_refused),
	    cmocka_unit_test(seeds_of_the_fuzzer_are_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
