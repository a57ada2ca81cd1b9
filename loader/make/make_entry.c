/*
 * Makes an entry of what the parser says of a message: columns, attachments, calendars, bounces, and where
 * the bytes of each lie. A message that is too large, or that the parser could not take apart,
 * becomes a bad entry that says why.
 */
#include "loader/make/make_entry.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"

#include <string.h>

/* How much longer than the raw message its contents may be: make_output_max() says why, and this has
 * room to spare. */
enum { MAKE_OUTPUT_FACTOR = 16 };

/*
 * Content is kept once per digest, for all mail: a parser that a message has taken over could claim
 * the digest of another message's content and have its own bytes stored under it. So the digest is
 * made where the bytes are stored, and the parser, which stands still meanwhile, has no say in it.
 */
static struct entry_content make_content(const struct make_message *raw,
					 const struct mime_content *content)
{
	return (struct entry_content){.present = content->present,
				      .fd = raw->output,
				      .offset = content->offset,
				      .size_bytes = content->size};
}

/* The date of its arrival where that is known, else the sender's, else now: an entry has a date to
 * be sorted by in any case. */
static int64_t make_date_received_s(const struct make_message *raw,
				    const struct mime_message *message)
{
	if (raw->received_s != 0)
		return raw->received_s;
	return message->has_date_sent ? message->date_sent : clock_now_ms() / 1000;
}

/* Without a Date field the time of the first Received field counts: the mail had just been sent. */
static int64_t make_date_sent_s(const struct make_message *raw, const struct mime_message *message)
{
	if (message->has_date_sent)
		return message->date_sent;
	if (raw->received_is_guess && message->has_date_received)
		return message->date_received;
	return make_date_received_s(raw, message);
}

/* A list of strings, as JSON. Caller frees. */
static char *make_defects(const struct make_message *raw, const struct mime_message *message)
{
	if (raw->received_s != 0)
		return g_strdup(message->defects);
	GString *defects = g_string_new(message->defects);
	g_string_truncate(defects, defects->len - strlen("]"));
	g_string_append_printf(defects, "%s\"received: %s; %s is taken\"]",
			       defects->len > strlen("[") ? "," : "", raw->no_received,
			       message->has_date_sent ? "that of the Date field"
						      : "the time of loading");
	return g_string_free(defects, FALSE);
}

/* The entry borrows everything from the message and the texts. */
static struct entry make_columns(int64_t queue_id, const struct make_message *raw,
				 const struct mime_message *message, char *failure, char *defects)
{
	struct entry entry = {
	    .queue_id = queue_id,
	    .state = failure != NULL ? ENTRY_BAD : ENTRY_NEW,
	    .error_kind = failure != NULL ? (char *)"load" : NULL,
	    .error_text = failure,
	    .subject = message->subject,
	    .sender = message->sender,
	    .recipient = message->recipient,
	    .cc = message->cc,
	    .bcc = message->bcc,
	    .reply_to = message->reply_to,
	    .message_id = message->message_id,
	    .in_reply_to = message->in_reply_to,
	    .thread_references = message->thread_references,
	    .date_sent_s = make_date_sent_s(raw, message),
	    .date_received_s = make_date_received_s(raw, message),
	    .reply_plain = message->reply_plain,
	    .headers = message->headers,
	    .defects = defects,
	    .signature = message->signature,
	    .auto_class = failure == NULL ? message->auto_class : NULL,
	    .auto_reason = failure == NULL ? message->auto_reason : NULL,
	    .raw_size = raw->raw_size,
	    .raw_incomplete = raw->has_no_digest,
	};
	memcpy(entry.raw_sha256, raw->raw_sha256, sizeof entry.raw_sha256);
	return entry;
}

static struct entry_attachment *make_attachments(const struct mime_message *message)
{
	struct entry_attachment *rows = g_new0(struct entry_attachment, message->attachment_count);
	for (size_t i = 0; i < message->attachment_count; i++) {
		const struct mime_attachment *from = &message->attachments[i];
		rows[i] = (struct entry_attachment){.file_name = from->file_name,
						    .declared_name = from->declared_name,
						    .content_type = from->content_type,
						    .disposition = from->disposition,
						    .content_id = from->content_id,
						    .size_bytes = from->content.size};
	}
	return rows;
}

static struct entry_calendar *make_calendars(const struct mime_message *message)
{
	struct entry_calendar *rows = g_new0(struct entry_calendar, message->calendar_count);
	for (size_t i = 0; i < message->calendar_count; i++) {
		const struct mime_calendar *from = &message->calendars[i];
		rows[i] = (struct entry_calendar){.method = from->method,
						  .uid = from->uid,
						  .starts_at = from->starts_at,
						  .ends_at = from->ends_at,
						  .organizer = from->organizer,
						  .attendees = from->attendees,
						  .summary = from->summary,
						  .location = from->location};
	}
	return rows;
}

static struct entry_bounce *make_bounces(const struct mime_message *message)
{
	struct entry_bounce *rows = g_new0(struct entry_bounce, message->bounce_count);
	for (size_t i = 0; i < message->bounce_count; i++) {
		const struct mime_bounce *from = &message->bounces[i];
		rows[i] = (struct entry_bounce){.kind = from->kind,
						.address = from->address,
						.original_address = from->original_address,
						.status = from->status,
						.diagnostic = from->diagnostic,
						.original_id = from->original_id};
	}
	return rows;
}

/* What the entry holds beside its columns; `attachments` has a row for each. */
static struct entry_contents make_contents(const struct make_message *raw,
					   const struct mime_message *message,
					   struct entry_content *attachments)
{
	struct entry_contents contents = {
	    .message_body = make_content(raw, &message->text_body),
	    .html_body = make_content(raw, &message->html_body),
	    .raw = {.fd = raw->spool,
		    .offset = raw->offset,
		    .size_bytes = raw->size_bytes,
		    .hashed = true},
	    .attachments = attachments,
	};
	memcpy(contents.raw.sha256, raw->raw_sha256, sizeof raw->raw_sha256);
	for (size_t i = 0; i < message->attachment_count; i++)
		attachments[i] = make_content(raw, &message->attachments[i].content);
	return contents;
}

int make_entry_of(int64_t queue_id, const struct make_message *raw,
		  const struct mime_message *message, const char *parser_failure, make_put put,
		  void *context, bool *ret_bad, struct error *err)
{
	g_autofree char *failure = g_strdup(raw->failure != NULL ? raw->failure : parser_failure);
	g_autofree struct entry_attachment *rows = make_attachments(message);
	g_autofree struct entry_calendar *calendars = make_calendars(message);
	g_autofree struct entry_bounce *bounces = make_bounces(message);
	g_autofree struct entry_content *bytes =
	    g_new0(struct entry_content, message->attachment_count);
	g_autofree char *defects = make_defects(raw, message);
	struct entry entry = make_columns(queue_id, raw, message, failure, defects);
	struct entry_contents contents = make_contents(raw, message, bytes);
	entry.attachments = rows;
	entry.attachment_count = message->attachment_count;
	entry.calendars = calendars;
	entry.calendar_count = message->calendar_count;
	entry.bounces = bounces;
	entry.bounce_count = message->bounce_count;
	contents.raw.present = (raw->keep_raw || failure != NULL) && raw->is_whole;
	*ret_bad = failure != NULL;
	return put(&entry, &contents, context, err);
}

int make_entry(int64_t queue_id, const struct make_message *raw, make_put put, void *context,
	       bool *ret_bad, struct error *err)
{
	scoped(mime_message_free) struct mime_message *message = NULL;
	const char *parser_failure = NULL;
	if (raw->is_refused)
		message = parser_no_message();
	else if (parser_read(raw->parser, raw->parser_index, &message, &parser_failure, err) != 0)
		return -1;
	return make_entry_of(queue_id, raw, message, parser_failure, put, context, ret_bad, err);
}

char *make_too_large(uint64_t size_bytes, uint64_t max_size_bytes)
{
	return g_strdup_printf(
	    "message too large: %llu bytes, at most %llu are loaded (maxSize); its header was kept",
	    (unsigned long long)size_bytes, (unsigned long long)max_size_bytes);
}

struct mime_options make_options(const struct connection_string *definition)
{
	return (struct mime_options){.attach_html = definition->attach_html,
				     .unpack_forwarded = definition->unpack_forwarded,
				     .max_header_size = definition->max_header_bytes,
				     .max_headers = definition->max_fields,
				     .max_parts = definition->max_parts,
				     .max_depth = definition->max_depth,
				     .max_boundary = definition->max_boundary_bytes};
}

/*
 * Decoded contents are seldom larger than the raw bytes. Text may grow threefold when it becomes
 * UTF-8, and HTML that is nothing but rules fivefold when it becomes text, beside the HTML itself.
 */
uint64_t make_output_max(uint64_t raw_bytes)
{
	return raw_bytes > UINT64_MAX / MAKE_OUTPUT_FACTOR ? 0 : raw_bytes * MAKE_OUTPUT_FACTOR;
}
