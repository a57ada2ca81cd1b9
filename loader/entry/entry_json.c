/* Writes an entry as a JSON document. The columns are made in memory by jansson; the bodies,
 * which may be long, are copied from the database into the open document. */
#include "loader/entry/json_internal.h"

#include "loader/base/clock.h"
#include "loader/base/visible.h"
#include "queue/base/scoped.h"
#include "queue/rule.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

json_t *entry_json_text(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

/* 0 is "not yet": no attempt, no lease. Dates of the mail are always there, see
 * entry_json_time_s(). */
json_t *entry_json_time_ms(int64_t time_ms)
{
	char text[CLOCK_TEXT_SIZE];
	if (time_ms == 0)
		return json_null();
	clock_format_s(time_ms / 1000, text);
	return json_string(text);
}

/* 64 hexadecimal digits, as sha256sum prints them. */
static json_t *entry_json_sha256(const unsigned char sha256[32])
{
	char hex[ENTRY_SHA256_TEXT];
	entry_sha256_format(sha256, hex);
	return json_string(hex);
}

static json_t *entry_json_time_s(int64_t time_s)
{
	char text[CLOCK_TEXT_SIZE];
	clock_format_s(time_s, text);
	return json_string(text);
}

/* A column that holds JSON, as JSON; a list in any case. */
static json_t *entry_json_list(const char *column)
{
	json_t *list = column != NULL ? json_loads(column, 0, NULL) : NULL;
	return list != NULL ? list : json_array();
}

/* A column of words joined with blanks, as a list. */
static json_t *entry_json_words(const char *column)
{
	g_auto(GStrv) words = g_strsplit(column != NULL ? column : "", " ", -1);
	json_t *list = json_array();
	for (char **word = words; *word != NULL; word++)
		json_array_append_new(list, json_string(*word));
	return list;
}

/* null says that the mail does not have the field. */
static void entry_json_add_texts(json_t *object, const struct entry *entry)
{
	const struct {
		const char *key;
		const char *value;
	} texts[] = {
	    {"subject", entry->subject},
	    {"sender", entry->sender},
	    {"recipient", entry->recipient},
	    {"cc", entry->cc},
	    {"bcc", entry->bcc},
	    {"reply_to", entry->reply_to},
	    {"message_id", entry->message_id},
	    {"in_reply_to", entry->in_reply_to},
	    {"thread_references", entry->thread_references},
	    {"signature", entry->signature},
	    {"auto_class", entry->auto_class},
	    {"auto_reason", entry->auto_reason},
	    {"error_kind", entry->error_kind},
	    {"error_text", entry->error_text},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		json_object_set_new(object, texts[i].key, entry_json_text(texts[i].value));
}

/* null: a mail that is no entry yet, and does not say when it was sent. */
static json_t *entry_json_date_sent(const struct entry *entry)
{
	return entry->date_sent_s != ENTRY_JSON_NO_DATE ? entry_json_time_s(entry->date_sent_s)
							: json_null();
}

static void entry_json_add_raw(json_t *object, const struct entry *entry)
{
	json_object_set_new(object, "raw_sha256",
			    entry->raw_incomplete ? json_null()
						  : entry_json_sha256(entry->raw_sha256));
	json_object_set_new(object, "raw_size", json_integer((json_int_t)entry->raw_size));
}

/* The names are those of the view entry, so that JSON and SQL speak of the same. */
static json_t *entry_json_columns(const struct entry *entry)
{
	json_t *object =
	    json_pack("{s:I, s:s, s:s, s:i, s:b, s:o, s:i}", "id", (json_int_t)entry->id, "queue",
		      entry->queue_name, "state", entry_state_format(entry->state), "priority",
		      (int)entry->priority, "held", (int)entry->held, "tags",
		      entry_json_words(entry->tags), "attempt_count", (int)entry->attempt_count);
	entry_json_add_texts(object, entry);
	json_object_set_new(object, "date_sent", entry_json_date_sent(entry));
	json_object_set_new(object, "date_received", entry_json_time_s(entry->date_received_s));
	json_object_set_new(object, "thread_id", json_integer((json_int_t)entry->thread_id));
	json_object_set_new(object, "parent_id",
			    entry->parent_id != 0 ? json_integer((json_int_t)entry->parent_id)
						  : json_null());
	json_object_set_new(object, "reference", entry_json_text(entry->reference));
	json_object_set_new(object, "same_as",
			    entry->same_as != 0 ? json_integer((json_int_t)entry->same_as)
						: json_null());
	json_object_set_new(object, "last_attempt_at",
			    entry_json_time_ms(entry->last_attempt_at_ms));
	json_object_set_new(object, "next_attempt_at",
			    entry_json_time_ms(entry->next_attempt_at_ms));
	json_object_set_new(object, "lease_owner", entry_json_text(entry->lease_owner));
	json_object_set_new(object, "lease_until", entry_json_time_ms(entry->lease_until_ms));
	json_object_set_new(object, "deadline_at", entry_json_time_ms(entry->deadline_at_ms));
	json_object_set_new(object, "risk_at", entry_json_time_ms(entry->risk_at_ms));
	json_object_set_new(object, "progress", entry_json_text(entry->progress));
	json_object_set_new(object, "progress_at", entry_json_time_ms(entry->progress_at_ms));
	json_object_set_new(object, "output_at", entry_json_time_ms(entry->output_at_ms));
	entry_json_add_raw(object, entry);
	json_object_set_new(object, "raw_kept", json_boolean(entry->raw_kept));
	json_object_set_new(object, "attachment_count",
			    json_integer((json_int_t)entry->attachment_count));
	json_object_set_new(object, "defects", entry_json_list(entry->defects));
	json_object_set_new(object, "record_created", entry_json_time_ms(entry->record_created_ms));
	json_object_set_new(object, "record_updated", entry_json_time_ms(entry->record_updated_ms));
	return object;
}

/* For lists: without bodies, headers and attachments a line stays short, and is made from one
 * row. */
void entry_json_write_columns(FILE *out, const struct entry *entry)
{
	json_auto_t *object = entry_json_columns(entry);
	g_autofree char *text = json_dumps(object, JSON_COMPACT);
	visible_write(VISIBLE_JSON, text, out);
	putc('\n', out);
}

/* The content is left out: `save` and `claim --attachments` write it as files. */
static json_t *entry_json_attachment(const struct entry_attachment *from)
{
	return json_pack("{s:i, s:s, s:s?, s:s, s:s?, s:s?, s:I, s:o}", "position",
			 (int)from->position, "file_name", from->file_name, "declared_name",
			 from->declared_name, "content_type", from->content_type, "disposition",
			 from->disposition, "content_id", from->content_id, "size",
			 (json_int_t)from->size_bytes, "sha256", entry_json_sha256(from->sha256));
}

/* The worker's paths stand in the order of the attachments. */
static json_t *entry_json_attachments(const struct entry *entry, const GPtrArray *paths)
{
	json_t *list = json_array();
	for (size_t i = 0; i < entry->attachment_count; i++) {
		json_t *attachment = entry_json_attachment(&entry->attachments[i]);
		if (paths != NULL && i < paths->len)
			json_object_set_new(attachment, "path",
					    json_string(g_ptr_array_index(paths, i)));
		json_array_append_new(list, attachment);
	}
	return list;
}

/* Times are texts as the invitation has them: some are days, some local times of no known zone. */
static json_t *entry_json_calendars(const struct entry *entry)
{
	json_t *list = json_array();
	for (size_t i = 0; i < entry->calendar_count; i++) {
		const struct entry_calendar *from = &entry->calendars[i];
		json_array_append_new(
		    list, json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}", "method",
				    from->method, "uid", from->uid, "starts_at", from->starts_at,
				    "ends_at", from->ends_at, "organizer", from->organizer,
				    "attendees", from->attendees, "summary", from->summary,
				    "location", from->location));
	}
	return list;
}

/* Empty for all mail but a bounce. */
static json_t *entry_json_bounces(const struct entry *entry)
{
	json_t *list = json_array();
	for (size_t i = 0; i < entry->bounce_count; i++) {
		const struct entry_bounce *from = &entry->bounces[i];
		json_array_append_new(
		    list, json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?}", "kind", from->kind,
				    "address", from->address, "original_address",
				    from->original_address, "status", from->status, "diagnostic",
				    from->diagnostic, "original_id", from->original_id));
	}
	return list;
}

/* A body on its way out of the database. */
struct entry_json_body {
	FILE *out;
	struct visible visible;
};

static int entry_json_write_piece(const void *bytes, size_t size, void *context)
{
	struct entry_json_body *body = context;
	visible_put(&body->visible, bytes, size, body->out);
	return ferror(body->out) ? -1 : 0;
}

/* A body that cannot be written leaves *err empty, because its source has nothing to say: the
 * stream's errno says it. */
static int entry_json_write_body(FILE *out, const struct entry_json_source *source, const char *key,
				 bool present, enum entry_part part, struct error *err)
{
	fprintf(out, ",\"%s\":%s", key, present ? "\"" : "null");
	if (!present)
		return 0;
	struct entry_json_body body = {.out = out, .visible = {.form = VISIBLE_JSON_STRING}};
	*err = (struct error){0}; /* stays so where the writing fails */
	if (source->read(part, entry_json_write_piece, &body, source->context, err) != 0)
		return err->text[0] != '\0'
			   ? -1
			   : error_set(err, ERROR_IO, "standard output: %s", g_strerror(errno));
	visible_put_end(&body.visible, out);
	putc('"', out);
	return 0;
}

/* JSON stands as the worker wrote it, so that its numbers stay exact: a line break stands between its words only, never in
 * a string, and would end the line. What somebody has written with SQL and is no JSON is a string. */
static void entry_json_write_output(FILE *out, const char *output)
{
	json_auto_t *value =
	    json_loads(output, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
	json_auto_t *string = value == NULL ? json_string(output) : NULL;
	g_autofree char *line =
	    value != NULL ? g_strdelimit(g_strdup(output), "\r\n", ' ')
			  : json_dumps(string != NULL ? string : json_null(), JSON_ENCODE_ANY);
	fputs(",\"output\":", out);
	visible_write(VISIBLE_JSON, line, out);
}

/* Leaves the closing brace off the document of columns, and puts it behind the bodies, which may be
 * too long to hold. */
static int entry_json_write_all(FILE *out, const json_t *columns, const struct entry *entry,
				const struct entry_json_source *source, struct error *err)
{
	g_autofree char *text = json_dumps(columns, JSON_COMPACT);
	text[strlen(text) - 1] = '\0';
	visible_write(VISIBLE_JSON, text, out);
	if (entry_json_write_body(out, source, "message_body", entry->has_message_body,
				  ENTRY_MESSAGE_BODY, err) != 0 ||
	    entry_json_write_body(out, source, "html_body", entry->has_html_body, ENTRY_HTML_BODY,
				  err) != 0)
		return -1;
	if (entry->output != NULL)
		entry_json_write_output(out, entry->output);
	fputs("}\n", out);
	return 0;
}

static void entry_json_add_parts(json_t *object, const struct entry *entry, const GPtrArray *paths)
{
	json_object_set_new(object, "headers", entry_json_list(entry->headers));
	json_object_set_new(object, "attachments", entry_json_attachments(entry, paths));
	json_object_set_new(object, "calendars", entry_json_calendars(entry));
	json_object_set_new(object, "bounces", entry_json_bounces(entry));
}

struct entry_json_stored {
	struct store *store;
	int64_t entry_id;
};

static int entry_json_read_stored(enum entry_part part,
				  int (*write)(const void *bytes, size_t size, void *to), void *to,
				  void *context, struct error *err)
{
	const struct entry_json_stored *stored = context;
	return entry_read(stored->store, stored->entry_id, part, 0, write, to, err);
}

static int entry_json_add_rule(const struct entry_rule *rule, void *context)
{
	json_array_append_new(context, json_pack("{s:i, s:i, s:s}", "number", (int)rule->number,
						 "version", (int)rule->version, "did", rule->did));
	return 0;
}

/* All of one entry. What lies in other tables (reply, rules) is read before anything is printed, so that an error
 * there leaves no half document. */
int entry_json_write(FILE *out, struct store *store, const struct entry *entry,
		     const struct entry_json_claim *claim, struct error *err)
{
	json_auto_t *object = entry_json_columns(entry);
	struct entry_json_stored stored = {.store = store, .entry_id = entry->id};
	const struct entry_json_source source = {.read = entry_json_read_stored,
						 .context = &stored};
	g_autofree char *reply = NULL;
	json_t *rules = json_array();
	json_object_set_new(object, "rules", rules);
	if (entry_find_reply(store, entry->id, &reply, err) != 0 ||
	    entry_rules_list(store, entry->id, entry_json_add_rule, rules, err) != 0)
		return -1;
	json_object_set_new(object, "reply_plain", entry_json_text(reply));
	if (entry->output == NULL)
		json_object_set_new(object, "output", json_null());
	if (claim != NULL)
		json_object_set_new(object, "lease_token", json_string(claim->token));
	entry_json_add_parts(object, entry, claim != NULL ? claim->paths : NULL);
	return entry_json_write_all(out, object, entry, &source, err);
}

/* A mail that is no entry yet (`parse`): no queue, no state, no lease. */
int entry_json_write_mail(FILE *out, const struct entry *entry,
			  const struct entry_json_source *source, struct error *err)
{
	json_auto_t *object = json_object();
	entry_json_add_texts(object, entry);
	json_object_set_new(object, "date_sent", entry_json_date_sent(entry));
	entry_json_add_raw(object, entry);
	json_object_set_new(object, "defects", entry_json_list(entry->defects));
	entry_json_add_parts(object, entry, NULL);
	json_object_set_new(object, "reply_plain", entry_json_text(entry->reply_plain));
	return entry_json_write_all(out, object, entry, source, err);
}
