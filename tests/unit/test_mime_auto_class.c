/* Who wrote a mail, and what a bounce says: the class, the field that decided, and a row for each
 * recipient. */
#include "mime_fixture.h"

#define FROM   "From: Ann <ann@example.com>\nTo: robot@example.com\n"
#define DAEMON "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.com\nTo: robot@example.com\n"
#define TEXT   "\nHello.\n"
#define REPORT                                                                                     \
	"Content-Type: multipart/report; report-type=delivery-status; "                            \
	"boundary=b\n\n--b\n\nSorry.\n\n--b\n"
#define STATUS "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n"
#define RETURNED                                                                                   \
	"--b\nContent-Type: message/rfc822\n\nMessage-ID: <1@example.com>\nTo: "                   \
	"bob@example.com\n\nHi\n--b--\n"

struct class_case {
	const char *name;
	const char *mail;
	const char *class;
	const char *reason; /* "" : none */
	const char *rows;   /* "kind status address (original) <id>: diagnostic", joined with "|" */
};

static const struct class_case cases[] = {
    {"a person", FROM TEXT, "human", "", ""},
    {"no program", FROM "Auto-Submitted: no\n" TEXT, "human", "Auto-Submitted: no", ""},
    {"silence is asked for", FROM "X-Auto-Response-Suppress: All\n" TEXT, "human", "", ""},
    {"precedence alone", FROM "Precedence: list\n" TEXT, "human", "", ""},
    {"bulk alone", FROM "Precedence: bulk\n" TEXT, "human", "", ""},
    {"a way out alone", FROM "List-Unsubscribe: <https://example.com/>\n" TEXT, "human", "", ""},
    {"away", FROM "Auto-Submitted: auto-replied (vacation)\n" TEXT, "auto-replied",
     "Auto-Submitted: auto-replied (vacation)", ""},
    {"Exchange is away",
     FROM "Auto-Submitted: auto-generated\nSubject: Automatic reply: Order\n" TEXT, "auto-replied",
     "Subject: Automatic reply: Order", ""},
    {"Outlook is away",
     FROM "X-Auto-Response-Suppress: All\nSubject: Abwesenheitsnotiz: Urlaub\n" TEXT,
     "auto-replied", "Subject: Abwesenheitsnotiz: Urlaub", ""},
    {"a person writes of it", FROM "Subject: Out of office next week\n" TEXT, "human", "", ""},
    {"an old answering machine", FROM "X-Autoreply: yes\n" TEXT, "auto-replied", "X-Autoreply: yes",
     ""},
    {"a program", FROM "Auto-Submitted: auto-generated\n" TEXT, "auto-generated",
     "Auto-Submitted: auto-generated", ""},
    {"a notice of Sieve",
     FROM "Auto-Submitted: auto-notified; owner-email=\"a@example.com\"\n" TEXT, "auto-generated",
     "Auto-Submitted: auto-notified; owner-email=\"a@example.com\"", ""},
    {"cron", FROM "X-Cron-Env: <SHELL=/bin/sh>\n" TEXT, "auto-generated",
     "X-Cron-Env: <SHELL=/bin/sh>", ""},
    {"a read receipt",
     FROM "Content-Type: multipart/report; report-type=disposition-notification; "
	  "boundary=b\n\n--b\n\nRead.\n--b--\n",
     "auto-replied",
     "Content-Type: multipart/report; report-type=disposition-notification; boundary=b", ""},
    {"a list", FROM "List-Id: <news.example.com>\nPrecedence: list\n" TEXT, "list",
     "List-Id: <news.example.com>", ""},
    {"a list without an id",
     FROM "List-Unsubscribe: <mailto:out@example.com>\nPrecedence: bulk\n" TEXT, "list",
     "List-Unsubscribe: <mailto:out@example.com>", ""},
    {"an invitation",
     FROM "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\n"
	  "BEGIN:VEVENT\nUID:1\nDTSTART:20260131T120000Z\nEND:VEVENT\nEND:VCALENDAR\n",
     "calendar", "METHOD: REQUEST", ""},
    {"a calendar that is attached",
     FROM "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nMETHOD:PUBLISH\n"
	  "BEGIN:VEVENT\nUID:1\nDTSTART:20260131T120000Z\nEND:VEVENT\nEND:VCALENDAR\n",
     "human", "", ""},

    {"RFC 3464",
     DAEMON REPORT STATUS
     "Original-Recipient: rfc822;sales@example.com\nFinal-Recipient: rfc822; "
     "bob@example.com\nAction: failed\n"
     "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <bob@example.com>:\n  User unknown\n\n"
     "Final-Recipient: rfc822; eve@example.com\nAction: failed\nStatus: 5.2.2\n\n" RETURNED,
     "bounce", "message/delivery-status",
     "hard 5.1.1 bob@example.com (sales@example.com) <1@example.com>: 550 5.1.1 <bob@example.com>: "
     "User unknown|"
     "soft 5.2.2 eve@example.com () <1@example.com>: "},
    {"a delay",
     DAEMON REPORT STATUS
     "Final-Recipient: rfc822; bob@example.com\nAction: delayed\nStatus: 4.4.1\n\n" RETURNED,
     "bounce", "message/delivery-status", "soft 4.4.1 bob@example.com () <1@example.com>: "},
    {"a success",
     DAEMON
     "Auto-Submitted: auto-replied\n" REPORT STATUS
     "Final-Recipient: rfc822; bob@example.com\nAction: delivered\nStatus: 2.0.0\n\n" RETURNED,
     "auto-replied", "Auto-Submitted: auto-replied", ""},
    {"a status in another multipart",
     FROM "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSorry.\n\n--b\n" STATUS
	  "Final-Recipient: rfc822; bob@example.com\nAction: failed\nStatus: 5.0.0\n\n--b--\n",
     "bounce", "message/delivery-status", "hard 5.0.0 bob@example.com () : "},
    {"a bounce that a person passes on",
     FROM "Content-Type: multipart/mixed; boundary=a\n\n--a\n\nLook.\n--a\n"
	  "Content-Type: message/rfc822\n\n" DAEMON REPORT STATUS
	  "Final-Recipient: rfc822; bob@example.com\nAction: failed\nStatus: 5.1.1\n\n" RETURNED
	  "--a--\n",
     "human", "", ""},

    {"qmail",
     DAEMON "Subject: failure notice\n\nHi. This is the qmail-send program at mx.example.com.\n"
	    "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
	    "<bob@example.com>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
	    "--- Below this line is a copy of the message.\n\nMessage-ID: <2@example.com>\nTo: "
	    "eve@example.com\n",
     "bounce", "From: MAILER-DAEMON@mx.example.com; \"wasn't able to deliver\"",
     "hard 5.1.1 bob@example.com () <2@example.com>: Sorry, no mailbox here by that name. "
     "(#5.1.1)"},
    {"Exim",
     DAEMON
     "X-Failed-Recipients: bob@example.com\nAuto-Submitted: auto-replied\n\n"
     "A message that you sent could not be delivered to one or more of its\nrecipients.\n\n"
     "  bob@example.com\n    SMTP error from remote mail server after RCPT TO:<bob@example.com>:\n"
     "    host mx.example.net [192.0.2.1]: 452 4.2.2 Over quota\n\n"
     "------ This is a copy of the message, including all the headers. ------\n\nMessage-Id: "
     "<3@example.com>\n",
     "bounce", "X-Failed-Recipients: bob@example.com; \"could not be delivered to one or more\"",
     "soft 4.2.2 bob@example.com () <3@example.com>: SMTP error from remote mail server after RCPT "
     "TO:<bob@example.com>: host mx.example.net [192.0.2.1]: 452 4.2.2 Over quota"},
    {"Exchange",
     "Return-Path: <>\nFrom: System Administrator <postmaster@example.com>\nTo: robot@example.com\n"
     "Subject: Undeliverable: Order\n\nYour message\n\n  To: bob@example.net\n  Subject: Order\n\n"
     "did not reach the following recipient(s):\n\nbob@example.net on Sat, 31 Jan 2026 12:00:00 "
     "+0000\n"
     "    The recipient name is not recognized\n",
     "bounce", "Subject: Undeliverable: Order; \"did not reach\"",
     "hard  bob@example.net () : on Sat, 31 Jan 2026 12:00:00 +0000 The recipient name is not "
     "recognized"},
    {"a language that nobody here knows", DAEMON "X-Failed-Recipients: bob@example.com\n\nZiku.\n",
     "bounce", "X-Failed-Recipients: bob@example.com", "hard  bob@example.com () : "},
    {"Amazon SES by SNS",
     "From: no-reply@sns.amazonaws.com\n\n{\"notificationType\":\"Bounce\",\"bounce\":{"
     "\"bounceType\":\"Transient\",\"bouncedRecipients\":[{\"emailAddress\":\"bob@example.com\","
     "\"status\":\"5.1.1\",\"diagnosticCode\":\"smtp; 550 unknown\"}]}}\n",
     "bounce", "From: no-reply@sns.amazonaws.com; \"\"notificationtype\":\"bounce\"\"",
     "soft 5.1.1 bob@example.com () : smtp; 550 unknown"},
    {"a mail server that says something else", "From: MAILER-DAEMON@example.com\n" TEXT,
     "auto-generated", "From: MAILER-DAEMON@example.com", ""},
    {"a person quotes a mail server",
     FROM "Subject: Re: Undelivered Mail\n\nIt says: user unknown, "
	  "550 5.1.1 <bob@example.com>\n",
     "human", "", ""},
    {"away, with an empty path",
     "Return-Path: <>\n" FROM "Auto-Submitted: auto-replied\n\nI am away.\n", "auto-replied",
     "Auto-Submitted: auto-replied", ""},
};

static char *rows_format(const struct mime_message *message)
{
	GString *rows = g_string_new(NULL);

	for (size_t i = 0; i < message->bounce_count; i++) {
		const struct mime_bounce *row = &message->bounces[i];
		g_string_append_printf(rows, "%s%s %s %s (%s) %s: %s", i > 0 ? "|" : "", row->kind,
				       row->status ? row->status : "",
				       row->address ? row->address : "",
				       row->original_address ? row->original_address : "",
				       row->original_id ? row->original_id : "",
				       row->diagnostic ? row->diagnostic : "");
	}
	return g_string_free(rows, FALSE);
}

static void each_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct parsed parsed = parse(cases[i].mail);
		const struct mime_message *message = parsed.message;
		g_autofree char *rows = rows_format(message);
		g_autofree char *is =
		    g_strdup_printf("%s: %s, %s, %s", cases[i].name, message->auto_class,
				    message->auto_reason ? message->auto_reason : "", rows);
		g_autofree char *should =
		    g_strdup_printf("%s: %s, %s, %s", cases[i].name, cases[i].class,
				    cases[i].reason, cases[i].rows);
		assert_string_equal(is, should);
		parsed_clear(&parsed);
	}
}

/* Nobody may fill a queue with rows, or stop the parser with one line. */
static void hostile_reports_have_an_end(void **state)
{
	GString *mail = g_string_new(DAEMON REPORT STATUS);

	(void)state;
	for (int i = 0; i < 5000; i++)
		g_string_append_printf(
		    mail, "Final-Recipient: rfc822; b%d@example.com\nAction: failed\n\n", i);
	struct parsed parsed = parse(mail->str);
	assert_int_equal(parsed.message->bounce_count, 100);
	parsed_clear(&parsed);

	g_string_assign(mail, DAEMON "Subject: failure notice\n\nwasn't able to deliver\n");
	for (int i = 0; i < 50000; i++)
		g_string_append_printf(mail, "b%d@example.com ", i);
	g_string_append(mail, "\n");
	parsed = parse(mail->str);
	assert_in_range(parsed.message->bounce_count, 1, 100);
	parsed_clear(&parsed);
	g_string_free(mail, TRUE);
}

/* Without bodies nobody knows. */
static void a_header_alone_has_no_class(void **state)
{
	struct mime_options options = mime_options_default();

	(void)state;
	options.header_only = true;
	struct parsed parsed = parse_with(FROM "\n", &options);
	assert_null(parsed.message->auto_class);
	parsed_clear(&parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_known),
	    cmocka_unit_test(hostile_reports_have_an_end),
	    cmocka_unit_test(a_header_alone_has_no_class),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
