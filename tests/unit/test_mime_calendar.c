/* What calendars in a mail announce. */
#include "mime_fixture.h"

#define NONE ""

/* method, uid, start, end, organizer, attendees, summary, location; "" stands for none. */
struct row {
	const char *texts[8];
};

struct calendar_case {
	const char *name;
	struct row rows[3];
	const char *defects;
};

static const struct calendar_case cases[] = {
    {"calendar-invitation",
     {{{"REQUEST", "040000008200E00074C5B7101A82E008", "2025-07-04T08:00:00Z",
	"2025-07-04T09:30:00Z", "Ann Lee <ann@example.com>",
	"Bob <bob@example.com>; robot@example.com", "Übergabe, zweiter Teil", "Köln, Raum 4"}}},
     "[]"},
    {"calendar-unknown-zone",
     {{{"PUBLISH", "7@example.com", "2025-03-10T09:00:00", "2025-03-10T09:45:00", NONE, NONE,
	"Call", NONE}},
      {{"PUBLISH", "8@example.com", "2025-03-11", "2025-03-12", NONE, NONE, "Day off", NONE}},
      {{"PUBLISH", "9@example.com", NONE, "2025-03-12T12:00:00Z", NONE, NONE, "Report", NONE}}},
     "[\"no plain text and no HTML; text/calendar attached\","
     "\"calendar: time zone 'Office Time' unknown; its times are local\"]"},
    {"calendar-broken-lines",
     {{{NONE, "10@example.com", "2025-03-10T07:00:00Z", NONE, "ann", NONE, "Call", NONE}}},
     "[\"calendar: a rule of a time zone cannot be followed\","
     "\"calendar: properties that cannot be read: 1\",\"calendar: time of DTEND cannot be\"]"},
};

static char *read_sample(const char *name, gsize *ret_length)
{
	g_autofree char *file = g_strconcat(name, ".eml", NULL);
	g_autofree char *path = g_build_filename(TEST_DATA, "mail", file, NULL);
	char *raw = NULL;

	if (!g_file_get_contents(path, &raw, ret_length, NULL))
		fail_msg("cannot read %s", path);
	return raw;
}

static void check_row(struct mime_calendar *calendar, const struct row *row)
{
	for (size_t i = 0; i < G_N_ELEMENTS(row->texts); i++) {
		const char *text = *mime_calendar_text_at(calendar, i);
		assert_string_equal(row->texts[i], text ? text : NONE);
	}
	assert_null(mime_calendar_text_at(calendar, G_N_ELEMENTS(row->texts)));
}

static void check(const struct calendar_case *mail)
{
	struct mime_options options = mime_options_default();
	gsize length = 0;
	g_autofree char *raw = read_sample(mail->name, &length);
	struct parsed parsed = parse_bytes(raw, length, &options);
	size_t count = 0;

	print_message("%s\n", mail->name);
	assert_string_equal(mail->defects, parsed.message->defects);
	for (; count < G_N_ELEMENTS(mail->rows) && mail->rows[count].texts[0]; count++) {
		assert_true(count < parsed.message->calendar_count);
		check_row(&parsed.message->calendars[count], &mail->rows[count]);
	}
	assert_int_equal(count, parsed.message->calendar_count);
	parsed_clear(&parsed);
}

static void test_calendars(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check(&cases[i]);
}

static void test_damaged_anywhere(void **state)
{
	struct mime_options options = mime_options_default();
	gsize length = 0;
	g_autofree char *raw = read_sample("calendar-invitation", &length);
	(void)state;

	const char *end = strstr(raw, "--a--");
	assert_non_null(end);
	for (char *at = strstr(raw, "BEGIN:VCALENDAR"); at < end; at++) {
		char before = *at;
		*at = before == ':' ? ';' : ':';
		struct parsed parsed = parse_bytes(raw, length, &options);
		assert_text(&parsed, "Please come.");
		parsed_clear(&parsed);
		*at = before;
	}
}

/* Neither depth nor number nor length costs more than it should. */
static void test_hostile_calendars(void **state)
{
	static const char *const lines[] = {"BEGIN:VEVENT\n", "ATTENDEE:mailto:a@example.com\n",
					    "BEGIN:VTIMEZONE\nEND:VTIMEZONE\n", "A:;;;,,,\n"};
	(void)state;

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		GString *mail = g_string_new(HEADER "Content-Type: text/calendar\n\n"
						    "BEGIN:VCALENDAR\nBEGIN:VEVENT\n");
		for (unsigned count = 0; count < 30000; count++)
			g_string_append(mail, lines[i]);
		struct parsed parsed = parse(mail->str);
		assert_defect(&parsed, "too long or too deep");
		assert_true(parsed.message->calendar_count <= 1);
		parsed_clear(&parsed);
		g_string_free(mail, TRUE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_calendars),
	    cmocka_unit_test(test_damaged_anywhere),
	    cmocka_unit_test(test_hostile_calendars),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
