#include "loader/cli/entry_view.h"

#include "loader/base/clock.h"
#include "loader/base/scoped.h"
#include "loader/cli/output.h"
#include "loader/flow/from_queue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

SCOPED_DEFINE(json_t *, json_decref)

struct entry_view_text {
	const char *label;
	const char *key;
	const char *value;
};

enum { ENTRY_VIEW_TEXTS = 11 };

/* The text columns, in the order in which people read them. */
static void entry_view_texts(const struct entry *entry,
			     struct entry_view_text texts[static ENTRY_VIEW_TEXTS])
{
	const struct entry_view_text rows[ENTRY_VIEW_TEXTS] = {
	    {"subject", "subject", entry->subject},
	    {"sender", "sender", entry->sender},
	    {"recipient", "recipient", entry->recipient},
	    {"cc", "cc", entry->cc},
	    {"bcc", "bcc", entry->bcc},
	    {"reply to", "reply_to", entry->reply_to},
	    {"message id", "message_id", entry->message_id},
	    {"in reply to", "in_reply_to", entry->in_reply_to},
	    {"references", "thread_references", entry->thread_references},
	    {"error kind", "error_kind", entry->error_kind},
	    {"error", "error_text", entry->error_text},
	};
	memcpy(texts, rows, sizeof rows);
}

static void entry_view_hex(const unsigned char sha256[32], char hex[static 65])
{
	for (size_t i = 0; i < 32; i++)
		g_snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
}

static json_t *entry_view_json_sha256(const unsigned char sha256[32])
{
	char hex[65];
	entry_view_hex(sha256, hex);
	return json_string(hex);
}

static json_t *entry_view_json_time_s(int64_t time_s)
{
	char text[CLOCK_TEXT_SIZE];
	clock_format_s(time_s, text);
	return json_string(text);
}

/* A column that holds JSON, as JSON. */
static json_t *entry_view_json_list(const char *column)
{
	json_t *list = column != NULL ? json_loads(column, 0, NULL) : NULL;
	return list != NULL ? list : json_array();
}

json_t *entry_view_json(const struct entry *entry)
{
	struct entry_view_text texts[ENTRY_VIEW_TEXTS];
	entry_view_texts(entry, texts);
	json_t *object =
	    json_pack("{s:I, s:s, s:s, s:i, s:i}", "id", (json_int_t)entry->id, "queue",
		      entry->queue_name, "state", entry_state_format(entry->state), "priority",
		      (int)entry->priority, "attempt_count", (int)entry->attempt_count);
	for (size_t i = 0; i < ENTRY_VIEW_TEXTS; i++)
		json_object_set_new(object, texts[i].key, output_json_text(texts[i].value));
	json_object_set_new(object, "date_sent", entry_view_json_time_s(entry->date_sent_s));
	json_object_set_new(object, "date_received",
			    entry_view_json_time_s(entry->date_received_s));
	json_object_set_new(object, "last_attempt_at",
			    output_json_time_ms(entry->last_attempt_at_ms));
	json_object_set_new(object, "next_attempt_at",
			    output_json_time_ms(entry->next_attempt_at_ms));
	json_object_set_new(object, "lease_owner", output_json_text(entry->lease_owner));
	json_object_set_new(object, "lease_until", output_json_time_ms(entry->lease_until_ms));
	json_object_set_new(object, "raw_sha256",
			    entry->raw_incomplete ? json_null()
						  : entry_view_json_sha256(entry->raw_sha256));
	json_object_set_new(object, "raw_size", json_integer((json_int_t)entry->raw_size));
	json_object_set_new(object, "raw_kept", json_boolean(entry->raw_kept));
	json_object_set_new(object, "attachment_count",
			    json_integer((json_int_t)entry->attachment_count));
	json_object_set_new(object, "defects", entry_view_json_list(entry->defects));
	json_object_set_new(object, "record_created",
			    output_json_time_ms(entry->record_created_ms));
	json_object_set_new(object, "record_updated",
			    output_json_time_ms(entry->record_updated_ms));
	return object;
}

static json_t *entry_view_json_attachments(const struct entry *entry)
{
	json_t *list = json_array();
	for (size_t i = 0; i < entry->attachment_count; i++) {
		const struct entry_attachment *from = &entry->attachments[i];
		json_array_append_new(
		    list,
		    json_pack("{s:i, s:s, s:s?, s:s, s:s?, s:s?, s:I, s:o}", "position",
			      (int)from->position, "file_name", from->file_name, "declared_name",
			      from->declared_name, "content_type", from->content_type,
			      "disposition", from->disposition, "content_id", from->content_id,
			      "size", (json_int_t)from->size_bytes, "sha256",
			      entry_view_json_sha256(from->sha256)));
	}
	return list;
}

static int entry_view_write(const void *bytes, size_t size, void *context)
{
	char *last = context;
	if (size > 0)
		*last = ((const char *)bytes)[size - 1];
	return fwrite(bytes, 1, size, stdout) == size ? 0 : -1;
}

/* The inside of a JSON string; stored text holds no control characters but newline and tab. */
static int entry_view_write_escaped(const void *bytes, size_t size, void *context)
{
	const unsigned char *at = bytes;
	(void)context;
	for (const unsigned char *end = at + size; at < end; at++) {
		if (*at == '"' || *at == '\\')
			putchar('\\');
		if (*at < 0x20)
			printf("\\u%04x", *at);
		else
			putchar(*at);
	}
	return ferror(stdout) ? -1 : 0;
}

static int entry_view_read(struct store *store, const struct entry *entry, enum entry_part part,
			   int (*write_piece)(const void *, size_t, void *), void *context,
			   struct error *err)
{
	struct queue_error queue_err;
	if (entry_read(store, entry->id, part, 0, write_piece, context, &queue_err) == 0)
		return 0;
	return queue_err.text[0] != '\0'
		   ? error_from_queue(err, &queue_err)
		   : error_set(err, ERROR_IO, "standard output: %s", g_strerror(errno));
}

static int entry_view_print_json_body(struct store *store, const struct entry *entry,
				      const char *key, bool present, enum entry_part part,
				      struct error *err)
{
	printf(",\"%s\":", key);
	if (!present) {
		fputs("null", stdout);
		return 0;
	}
	putchar('"');
	if (entry_view_read(store, entry, part, entry_view_write_escaped, NULL, err) != 0)
		return -1;
	putchar('"');
	return 0;
}

int entry_view_print_json(struct store *store, const struct entry *entry, struct error *err)
{
	scoped(json_decref) json_t *object = entry_view_json(entry);
	json_object_set_new(object, "headers", entry_view_json_list(entry->headers));
	json_object_set_new(object, "attachments", entry_view_json_attachments(entry));
	g_autofree char *text = json_dumps(object, JSON_COMPACT);
	/* The document stays open for the bodies, which may be too long to hold. */
	fwrite(text, 1, strlen(text) - 1, stdout);
	if (entry_view_print_json_body(store, entry, "message_body", entry->has_message_body,
				       ENTRY_MESSAGE_BODY, err) != 0 ||
	    entry_view_print_json_body(store, entry, "html_body", entry->has_html_body,
				       ENTRY_HTML_BODY, err) != 0)
		return -1;
	fputs("}\n", stdout);
	return 0;
}

static void entry_view_print_line(const char *label, const char *value)
{
	if (value != NULL && *value != '\0')
		printf("%-14s %s\n", label, value);
}

static void entry_view_print_time_ms(const char *label, int64_t time_ms)
{
	char text[CLOCK_TEXT_SIZE];
	if (time_ms == 0)
		return;
	clock_format_s(time_ms / 1000, text);
	entry_view_print_line(label, text);
}

static void entry_view_print_state(const struct entry *entry)
{
	printf("%-14s %" PRId64 "\n", "id", entry->id);
	entry_view_print_line("queue", entry->queue_name);
	entry_view_print_line("state", entry_state_format(entry->state));
	printf("%-14s %d\n", "priority", (int)entry->priority);
	printf("%-14s %d\n", "attempts", (int)entry->attempt_count);
	entry_view_print_time_ms("last attempt", entry->last_attempt_at_ms);
	entry_view_print_time_ms("next attempt", entry->next_attempt_at_ms);
	entry_view_print_line("lease owner", entry->lease_owner);
	entry_view_print_time_ms("lease until", entry->lease_until_ms);
}

static void entry_view_print_mail(const struct entry *entry)
{
	struct entry_view_text texts[ENTRY_VIEW_TEXTS];
	char date[CLOCK_TEXT_SIZE];
	char sha256[65];
	entry_view_texts(entry, texts);
	for (size_t i = 0; i < ENTRY_VIEW_TEXTS; i++)
		entry_view_print_line(texts[i].label, texts[i].value);
	clock_format_s(entry->date_sent_s, date);
	entry_view_print_line("sent", date);
	clock_format_s(entry->date_received_s, date);
	entry_view_print_line("received", date);
	entry_view_print_time_ms("loaded", entry->record_created_ms);
	entry_view_hex(entry->raw_sha256, sha256);
	printf("%-14s %" PRIu64 " bytes%s%s%s\n", "raw message", entry->raw_size,
	       entry->raw_incomplete ? "" : ", SHA-256 ", entry->raw_incomplete ? "" : sha256,
	       entry->raw_kept ? ", kept" : "");
	scoped(json_decref) json_t *defects = entry_view_json_list(entry->defects);
	size_t index;
	json_t *defect;
	json_array_foreach(defects, index, defect)
	    entry_view_print_line("defect", json_string_value(defect));
}

static void entry_view_print_attachments(const struct entry *entry)
{
	for (size_t i = 0; i < entry->attachment_count; i++) {
		const struct entry_attachment *attachment = &entry->attachments[i];
		g_autofree char *size = g_format_size(attachment->size_bytes);
		printf("%-14s %u: %s (%s, %s)\n", "attachment", attachment->position,
		       attachment->file_name, attachment->content_type, size);
	}
}

static int entry_view_print_body(struct store *store, const struct entry *entry, const char *label,
				 enum entry_part part, struct error *err)
{
	char last = '\n';
	printf("\n--- %s ---\n", label);
	if (entry_view_read(store, entry, part, entry_view_write, &last, err) != 0)
		return -1;
	if (last != '\n')
		putchar('\n');
	return 0;
}

int entry_view_print(struct store *store, const struct entry *entry, struct error *err)
{
	entry_view_print_state(entry);
	entry_view_print_mail(entry);
	entry_view_print_attachments(entry);
	if (entry->has_message_body &&
	    entry_view_print_body(store, entry, "message body", ENTRY_MESSAGE_BODY, err) != 0)
		return -1;
	if (entry->has_html_body &&
	    entry_view_print_body(store, entry, "HTML body", ENTRY_HTML_BODY, err) != 0)
		return -1;
	return 0;
}
