/* Shows an entry for people: a line for each field that is set, its attachments, its bodies. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"
#include "queue/rule.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

/* Other mails of the thread that are shown. */
enum { ENTRY_VIEW_THREAD_MAX = 50 };

/* A column that holds JSON, as JSON; a list in any case. */
static json_t *entry_view_json_list(const char *column)
{
	json_t *list = column != NULL ? json_loads(column, 0, NULL) : NULL;
	return list != NULL ? list : json_array();
}

static int entry_view_write(const void *bytes, size_t size, void *context)
{
	return output_pieces_put(context, bytes, size);
}

/* A write that failed has left errno; an error of the database has words of its own. */
static int entry_view_read(struct store *store, const struct entry *entry, enum entry_part part,
			   int (*write_piece)(const void *, size_t, void *), void *context,
			   struct error *err)
{
	*err = (struct error){0}; /* stays empty where the write fails */
	if (entry_read(store, entry->id, part, 0, write_piece, context, err) == 0)
		return 0;
	return err->text[0] != '\0'
		   ? -1
		   : error_set(err, ERROR_IO, "standard output: %s", g_strerror(errno));
}

/* A field that is empty is left out. */
static void entry_view_print_line(const char *label, const char *value)
{
	output_entry_field(label, "%s", value != NULL ? value : "");
}

/* 0 is no time: the entry has not been attempted, or has no lease. */
static void entry_view_print_time_ms(const char *label, int64_t time_ms)
{
	char text[CLOCK_TEXT_SIZE];
	if (time_ms == 0)
		return;
	output_time_s(time_ms / 1000, text);
	entry_view_print_line(label, text);
}

/* "2026-01-31T12:00:00Z: 3 of 5 pages" */
static void entry_view_print_result(const struct entry *entry)
{
	char time[CLOCK_TEXT_SIZE];
	if (entry->progress != NULL) {
		output_time_s(entry->progress_at_ms / 1000, time);
		output_entry_field("progress", "%s: %s", time, entry->progress);
	}
	entry_view_print_line("output", entry->output);
}

/* The state of the work comes first: that is what changes. */
static void entry_view_print_state(const struct entry *entry)
{
	output_entry_field("id", "%" PRId64, entry->id);
	entry_view_print_line("queue", entry->queue_name);
	entry_view_print_line("state", entry_state_format(entry->state));
	output_entry_field("priority", "%d", (int)entry->priority);
	output_entry_field("attempts", "%d", (int)entry->attempt_count);
	entry_view_print_line("held", entry->held ? "yes" : NULL);
	entry_view_print_line("tags", entry->tags);
	entry_view_print_line("reference", entry->reference);
	if (entry->same_as != 0)
		output_entry_field("same as", "%" PRId64, entry->same_as);
	entry_view_print_time_ms("last attempt", entry->last_attempt_at_ms);
	entry_view_print_time_ms("next attempt", entry->next_attempt_at_ms);
	entry_view_print_time_ms("deadline", entry->deadline_at_ms);
	entry_view_print_time_ms("risk", entry->risk_at_ms);
	entry_view_print_line("lease owner", entry->lease_owner);
	entry_view_print_time_ms("lease until", entry->lease_until_ms);
	entry_view_print_result(entry);
}

/* The order in which people read a mail. */
void entry_view_print_texts(const struct entry *entry)
{
	entry_view_print_line("subject", entry->subject);
	entry_view_print_line("sender", entry->sender);
	entry_view_print_line("recipient", entry->recipient);
	entry_view_print_line("cc", entry->cc);
	entry_view_print_line("bcc", entry->bcc);
	entry_view_print_line("reply to", entry->reply_to);
	entry_view_print_line("message id", entry->message_id);
	entry_view_print_line("in reply to", entry->in_reply_to);
	entry_view_print_line("references", entry->thread_references);
	entry_view_print_line("signature", entry->signature);
	entry_view_print_line("written by", entry->auto_class);
	entry_view_print_line("decided by", entry->auto_reason);
	entry_view_print_line("error kind", entry->error_kind);
	entry_view_print_line("error", entry->error_text);
}

void entry_view_print_defects(const struct entry *entry)
{
	json_auto_t *defects = entry_view_json_list(entry->defects);
	size_t index;
	json_t *defect;
	json_array_foreach(defects, index, defect)
	    entry_view_print_line("defect", json_string_value(defect));
}

/* Times and digests come after the texts. */
static void entry_view_print_mail(const struct entry *entry)
{
	char date[CLOCK_TEXT_SIZE];
	char sha256[ENTRY_SHA256_TEXT];
	entry_view_print_texts(entry);
	output_time_s(entry->date_sent_s, date);
	entry_view_print_line("sent", date);
	output_time_s(entry->date_received_s, date);
	entry_view_print_line("received", date);
	entry_view_print_time_ms("loaded", entry->record_created_ms);
	entry_sha256_format(entry->raw_sha256, sha256);
	output_entry_field("raw message", "%" PRIu64 " bytes%s", entry->raw_size,
			   entry->raw_kept ? ", kept in the database" : "");
	entry_view_print_line("SHA-256", entry->raw_incomplete ? NULL : sha256);
	entry_view_print_defects(entry);
}

/* The number is the one that `save --attachment` takes. */
void entry_view_print_attachments(const struct entry *entry)
{
	for (size_t i = 0; i < entry->attachment_count; i++) {
		const struct entry_attachment *attachment = &entry->attachments[i];
		g_autofree char *size = g_format_size(attachment->size_bytes);
		output_entry_field("attachment", "%u: %s (%s, %s)", attachment->position,
				   attachment->file_name, attachment->content_type, size);
	}
}

/* "REQUEST Handover, 2025-07-04T08:00:00Z to 2025-07-04T09:30:00Z, Room 4 (Ann <ann@example.com>)" */
void entry_view_print_calendars(const struct entry *entry)
{
	for (size_t i = 0; i < entry->calendar_count; i++) {
		const struct entry_calendar *calendar = &entry->calendars[i];
		g_autoptr(GString) line = g_string_new(calendar->method);
		const struct {
			const char *before;
			const char *text;
			const char *after;
		} pieces[] = {
		    {" ", calendar->summary, ""},     {", ", calendar->starts_at, ""},
		    {" to ", calendar->ends_at, ""},  {", ", calendar->location, ""},
		    {" (", calendar->organizer, ")"},
		};
		for (size_t piece = 0; piece < G_N_ELEMENTS(pieces); piece++)
			if (pieces[piece].text != NULL)
				g_string_append_printf(line, "%s%s%s", pieces[piece].before,
						       pieces[piece].text, pieces[piece].after);
		entry_view_print_line("calendar", g_strchug(line->str));
	}
}

/* "hard 5.1.1 ann@example.com: 550 5.1.1 User unknown" */
void entry_view_print_bounces(const struct entry *entry)
{
	for (size_t i = 0; i < entry->bounce_count; i++) {
		const struct entry_bounce *bounce = &entry->bounces[i];
		g_autoptr(GString) line = g_string_new(bounce->kind);
		const struct {
			const char *before;
			const char *text;
			const char *after;
		} pieces[] = {
		    {" ", bounce->status, ""},
		    {" ", bounce->address, ""},
		    {" (sent to ", bounce->original_address, ")"},
		    {": ", bounce->diagnostic, ""},
		};
		for (size_t piece = 0; piece < G_N_ELEMENTS(pieces); piece++)
			if (pieces[piece].text != NULL)
				g_string_append_printf(line, "%s%s%s", pieces[piece].before,
						       pieces[piece].text, pieces[piece].after);
		entry_view_print_line("bounce", line->str);
	}
	if (entry->bounce_count > 0)
		entry_view_print_line("bounced message", entry->bounces[0].original_id);
}

/* "2: priority 5; tag urgent" */
static int entry_view_print_rule(const struct entry_rule *rule, void *context)
{
	(void)context;
	output_entry_field("rule", "%" PRIu32 ": %s", rule->number, rule->did);
	return 0;
}

/* "12 done, 2026-01-31T12:00:00Z, Ann <ann@example.com>: Re: Invoice" */
static int entry_view_print_sibling(const struct entry *entry, void *context)
{
	const struct entry *shown = context;
	char date[CLOCK_TEXT_SIZE];
	if (entry->id == shown->id)
		return 0;
	output_time_s(entry->date_received_s, date);
	output_entry_field(entry->id == shown->parent_id ? "answers" : "thread",
			   "%" PRId64 " %s, %s, %s: %s", entry->id,
			   entry_state_format(entry->state), date,
			   entry->sender != NULL ? entry->sender : "",
			   entry->subject != NULL ? entry->subject : "");
	return 0;
}

/* A long thread goes on in `list --thread`. */
static int entry_view_print_thread(struct store *store, const struct entry *entry,
				   struct error *err)
{
	const struct entry_filter filter = {.thread_of = entry->id, .limit = ENTRY_VIEW_THREAD_MAX};
	return entry_list(store, &filter, entry_view_print_sibling, (void *)entry, err);
}

/* A heading keeps the two bodies apart. A body goes to the terminal piece by piece as the
 * database has it: it may be larger than memory allows. */
static int entry_view_print_body(struct store *store, const struct entry *entry, const char *label,
				 enum entry_part part, struct error *err)
{
	struct output_pieces body = {0};
	output_heading(label);
	if (entry_view_read(store, entry, part, entry_view_write, &body, err) != 0)
		return -1;
	output_pieces_end(&body);
	return 0;
}

/* Ends with the bodies, which may be long. */
int entry_view_print(struct store *store, const struct entry *entry, struct error *err)
{
	entry_view_print_state(entry);
	entry_view_print_mail(entry);
	entry_view_print_attachments(entry);
	entry_view_print_calendars(entry);
	entry_view_print_bounces(entry);
	if (entry_rules_list(store, entry->id, entry_view_print_rule, NULL, err) != 0 ||
	    entry_view_print_thread(store, entry, err) != 0)
		return -1;
	if (entry->has_message_body &&
	    entry_view_print_body(store, entry, "message body", ENTRY_MESSAGE_BODY, err) != 0)
		return -1;
	if (entry->has_html_body &&
	    entry_view_print_body(store, entry, "HTML body", ENTRY_HTML_BODY, err) != 0)
		return -1;
	return 0;
}
