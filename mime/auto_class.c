/* Says who wrote a message, by its fields, in the order that auto_class.h gives. What a bounce says is
 * read elsewhere. */
#include "mime/auto_class.h"

#include "mime/sink.h"

#include <string.h>

enum { REASON_BYTES_MAX = 200 };

char *auto_class_field(const struct header *header, const char *name)
{
	const struct field *field = header_find(header, name);

	if (!field)
		return NULL;
	g_autofree char *valid = g_utf8_make_valid(field->value, (gssize)field->length);
	return clean_line(valid, 0);
}

/* "Name: value", for a field that is there. */
static char *reason_of(const char *name, const char *value)
{
	g_autofree char *reason = g_strdup_printf("%s: %s", name, value);

	return clean_line(reason, REASON_BYTES_MAX);
}

static bool begins_with(const char *text, const char *word)
{
	return g_ascii_strncasecmp(text, word, strlen(word)) == 0;
}

/* Is this the first word of a value that may go on with parameters or a comment? */
static bool value_is(const char *value, const char *word)
{
	return begins_with(value, word) && !g_ascii_isalnum(value[strlen(word)]) &&
	       value[strlen(word)] != '-';
}

static bool class_set(struct mime_message *message, const char *class, char *reason)
{
	message->auto_class = g_strdup(class);
	message->auto_reason = reason;
	return true;
}

/* --- calendars ----------------------------------------------------------------- */

/* An invitation and what answers it. A calendar that is only published was attached by somebody. */
static bool is_calendar(struct mime_message *message)
{
	static const char *const methods[] = {"REQUEST", "REPLY", "CANCEL",	   "COUNTER",
					      "REFRESH", "ADD",	  "DECLINECOUNTER"};

	for (size_t i = 0; i < message->calendar_count; i++)
		for (size_t m = 0; m < G_N_ELEMENTS(methods); m++)
			if (g_strcmp0(message->calendars[i].method, methods[m]) == 0)
				return class_set(message, "calendar",
						 reason_of("METHOD", methods[m]));
	return false;
}

/* --- programs ------------------------------------------------------------------ */

/* Exchange and Outlook say "auto-generated" of answers as well; the subject is in the language of their
 * owner. */
static const char *const away_subjects[] = {
    "automatic reply:",
    "auto reply:",
    "autoreply:",
    "auto-reply:",
    "out of office",
    "out of the office",
    "automatische antwort",
    "abwesenheitsnotiz",
    "réponse automatique",
    "respuesta automática",
    "risposta automatica",
    "resposta automática",
    "automatisch antwoord",
    "automatiskt svar",
    "automaattinen vastaus",
    "autosvar:",
    "odpowiedź automatyczna",
    "automatická odpověď",
    "автоматический ответ",
    "自動応答:",
    "自动答复:",
    "automatické odpoveď",
};

static bool is_away_subject(const char *subject)
{
	g_autofree char *folded = subject ? g_utf8_strdown(subject, -1) : NULL;

	for (size_t i = 0; folded && i < G_N_ELEMENTS(away_subjects); i++)
		if (g_str_has_prefix(folded, away_subjects[i]))
			return true;
	return false;
}

/* A report of another kind than a bounce: a read receipt answers, a complaint does not. */
static bool is_report(struct mime_message *message, const struct header *header)
{
	g_autofree char *type = auto_class_field(header, "Content-Type");

	if (!type || !begins_with(type, "multipart/report"))
		return false;
	g_autofree char *folded = g_ascii_strdown(type, -1);
	if (strstr(folded, "disposition-notification"))
		return class_set(message, "auto-replied", reason_of("Content-Type", type));
	if (strstr(folded, "feedback-report") || strstr(folded, "delivery-status"))
		return class_set(message, "auto-generated", reason_of("Content-Type", type));
	return false;
}

/* Fields that programs set which answer mail, long before RFC 3834. */
static bool is_answer_field(struct mime_message *message, const struct header *header)
{
	static const struct {
		const char *name;
		const char *value; /* NULL: any */
	} fields[] = {
	    {"X-Autoreply", NULL},	  {"X-Autorespond", NULL},	{"X-Autoreply-From", NULL},
	    {"X-Auto-Reply-From", NULL},  {"X-Mail-Autoreply", NULL},	{"X-AutoReply-From", NULL},
	    {"Precedence", "auto_reply"}, {"Precedence", "auto-reply"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
		g_autofree char *value = auto_class_field(header, fields[i].name);
		if (value && !value_is(value, "no") &&
		    (!fields[i].value || value_is(value, fields[i].value)))
			return class_set(message, "auto-replied", reason_of(fields[i].name, value));
	}
	return false;
}

/* Two signs together: the field that only asks for silence says nothing alone. */
static bool is_away(struct mime_message *message, const struct header *header)
{
	g_autofree char *suppress = auto_class_field(header, "X-Auto-Response-Suppress");

	if (!suppress || value_is(suppress, "none") || !is_away_subject(message->subject))
		return false;
	return class_set(message, "auto-replied", reason_of("Subject", message->subject));
}

static bool is_submitted(struct mime_message *message, const char *submitted)
{
	g_autofree char *reason = reason_of("Auto-Submitted", submitted);

	if (value_is(submitted, "auto-replied"))
		return class_set(message, "auto-replied", g_steal_pointer(&reason));
	if (is_away_subject(message->subject))
		return class_set(message, "auto-replied", reason_of("Subject", message->subject));
	return class_set(message, "auto-generated", g_steal_pointer(&reason));
}

/* cron names the variables of its job; a mail server that says something else than a failure is a
 * program, too. */
static bool is_program(struct mime_message *message, const struct header *header)
{
	g_autofree char *job = auto_class_field(header, "X-Cron-Env");

	if (job)
		return class_set(message, "auto-generated", reason_of("X-Cron-Env", job));
	g_autofree char *from = g_ascii_strdown(message->sender ? message->sender : "", -1);
	if (strstr(from, "mailer-daemon"))
		return class_set(message, "auto-generated", reason_of("From", message->sender));
	return false;
}

/* --- lists --------------------------------------------------------------------- */

/* What leads out of a list stands in advertisements as well: it counts with a Precedence. */
static bool is_list(struct mime_message *message, const struct header *header)
{
	static const char *const names[] = {"List-Id", "List-Post", "Mailing-List",
					    "X-Mailing-List", "X-BeenThere"};
	g_autofree char *leave = auto_class_field(header, "List-Unsubscribe");
	g_autofree char *precedence = auto_class_field(header, "Precedence");

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *value = auto_class_field(header, names[i]);
		if (value && *value)
			return class_set(message, "list", reason_of(names[i], value));
	}
	if (!leave || !precedence ||
	    (!value_is(precedence, "list") && !value_is(precedence, "bulk")))
		return false;
	return class_set(message, "list", reason_of("List-Unsubscribe", leave));
}

/* --- all ----------------------------------------------------------------------- */

/* Most mail has none of these fields, and is through with a few looks at each name. */
void auto_class_fill(struct mime_message *message, const struct header *header,
		     struct mime_output *output)
{
	g_autofree char *submitted = auto_class_field(header, "Auto-Submitted");
	bool is_human = submitted && value_is(submitted, "no");
	char *bounce = is_human ? NULL : bounces_read(message, header, output);

	if (bounce) {
		class_set(message, "bounce", bounce);
		return;
	}
	if (is_calendar(message))
		return;
	if (!is_human && (is_answer_field(message, header) || is_away(message, header) ||
			  (submitted && *submitted && is_submitted(message, submitted)) ||
			  is_report(message, header) || is_program(message, header)))
		return;
	if (is_list(message, header))
		return;
	class_set(message, "human", is_human ? reason_of("Auto-Submitted", submitted) : NULL);
}
