/* The numbers that worker and parser agree on, and a parsed message as bytes. Its reader goes from
 * field to field, and trusts no length, count or range before it has checked it. */
#include "loader/parser/protocol/protocol.h"

#include "loader/parser/protocol/protocol_check_internal.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Any machine parses more than this a second; what takes longer makes the parser run in circles. */
enum { PROTOCOL_CPU_BASE_S = 10, PROTOCOL_CPU_BYTES_PER_S = 4 * 1024 * 1024 };

const struct protocol_version protocol_version = {.magic = "inqueue-parser",
						  .words = INQUEUE_VERSION ", protocol 7"};

uint64_t protocol_cpu_limit_s(uint64_t size)
{
	return PROTOCOL_CPU_BASE_S + size / PROTOCOL_CPU_BYTES_PER_S;
}

/* --- a parsed message as bytes ----------------------------------------------- */

/* In the place of a length: no text is as long, since a record has 64 MiB at most. */
static const uint32_t no_text = UINT32_MAX;

/* In the byte order of this machine, on which both processes run. */
static void parsed_put_u64(GByteArray *to, uint64_t number)
{
	g_byte_array_append(to, (const guint8 *)&number, sizeof number);
}

/* A text that is missing is something else than an empty one. */
static void parsed_put_text(GByteArray *to, const char *text)
{
	uint32_t length = text != NULL ? (uint32_t)strlen(text) : no_text;
	g_byte_array_append(to, (const guint8 *)&length, sizeof length);
	if (text != NULL)
		g_byte_array_append(to, (const guint8 *)text, length);
}

/* Its place alone travels: the bytes lie in the output file. */
static void parsed_put_content(GByteArray *to, const struct mime_content *content)
{
	parsed_put_u64(to, content->present);
	parsed_put_u64(to, content->offset);
	parsed_put_u64(to, content->size);
}

static void parsed_put_attachment(GByteArray *to, const struct mime_attachment *attachment)
{
	parsed_put_text(to, attachment->file_name);
	parsed_put_text(to, attachment->declared_name);
	parsed_put_text(to, attachment->content_type);
	parsed_put_text(to, attachment->disposition);
	parsed_put_text(to, attachment->content_id);
	parsed_put_content(to, &attachment->content);
}

/* The copy is for mime_calendar_text_at(), whose addresses may be written to. */
static void parsed_put_calendar(GByteArray *to, const struct mime_calendar *calendar)
{
	struct mime_calendar texts = *calendar;
	for (size_t i = 0; mime_calendar_text_at(&texts, i) != NULL; i++)
		parsed_put_text(to, *mime_calendar_text_at(&texts, i));
}

static void parsed_put_bounce(GByteArray *to, const struct mime_bounce *bounce)
{
	struct mime_bounce texts = *bounce;
	for (size_t i = 0; mime_bounce_text_at(&texts, i) != NULL; i++)
		parsed_put_text(to, *mime_bounce_text_at(&texts, i));
}

/* The text members, in the order in which they travel. */
static char **parsed_text_at(struct mime_message *message, size_t index)
{
	char **const members[] = {
	    &message->subject,	  &message->sender,	 &message->recipient,
	    &message->cc,	  &message->bcc,	 &message->reply_to,
	    &message->message_id, &message->in_reply_to, &message->thread_references,
	    &message->headers,	  &message->defects,	 &message->reply_plain,
	    &message->signature,  &message->auto_class,	 &message->auto_reason,
	};
	return index < G_N_ELEMENTS(members) ? members[index] : NULL;
}

/* The order is that of parsed_parse(). Another order is another number in protocol_version. */
void parsed_format(const struct mime_message *message, unsigned char **ret_bytes, size_t *ret_size)
{
	struct mime_message texts = *message;
	GByteArray *to = g_byte_array_new();
	for (size_t i = 0; parsed_text_at(&texts, i) != NULL; i++)
		parsed_put_text(to, *parsed_text_at(&texts, i));
	parsed_put_u64(to, message->has_date_sent);
	parsed_put_u64(to, (uint64_t)message->date_sent);
	parsed_put_u64(to, message->has_date_received);
	parsed_put_u64(to, (uint64_t)message->date_received);
	parsed_put_content(to, &message->text_body);
	parsed_put_u64(to, message->text_from_html);
	parsed_put_content(to, &message->html_body);
	parsed_put_u64(to, message->attachment_count);
	for (size_t i = 0; i < message->attachment_count; i++)
		parsed_put_attachment(to, &message->attachments[i]);
	parsed_put_u64(to, message->calendar_count);
	for (size_t i = 0; i < message->calendar_count; i++)
		parsed_put_calendar(to, &message->calendars[i]);
	parsed_put_u64(to, message->bounce_count);
	for (size_t i = 0; i < message->bounce_count; i++)
		parsed_put_bounce(to, &message->bounces[i]);
	*ret_size = to->len;
	*ret_bytes = g_byte_array_free(to, FALSE);
}

struct parsed_reader {
	const unsigned char *at;
	size_t left;
	bool broken;
};

/* What is missing reads as zeros, so that one look at `broken` at the end is enough. */
static void parsed_take(struct parsed_reader *reader, void *to, size_t size)
{
	if (reader->broken || reader->left < size) {
		reader->broken = true;
		memset(to, 0, size);
		return;
	}
	memcpy(to, reader->at, size);
	reader->at += size;
	reader->left -= size;
}

static uint64_t parsed_take_u64(struct parsed_reader *reader)
{
	uint64_t number;
	parsed_take(reader, &number, sizeof number);
	return number;
}

/* An honest parser writes 0 or 1. */
static bool parsed_take_bool(struct parsed_reader *reader)
{
	uint64_t number = parsed_take_u64(reader);
	if (number > 1)
		reader->broken = true;
	return number == 1;
}

/* What is no text is not copied: it could have been written to break whoever reads it. */
static char *parsed_take_text(struct parsed_reader *reader)
{
	uint32_t length;
	parsed_take(reader, &length, sizeof length);
	if (reader->broken || length == no_text)
		return NULL;
	if (length > reader->left || !parsed_is_text((const char *)reader->at, length)) {
		reader->broken = true;
		return NULL;
	}
	char *text = g_strndup((const char *)reader->at, length);
	reader->at += length;
	reader->left -= length;
	return text;
}

/* Whether it lies in the file is asked when all are known (parsed_keeps_promises()). */
static struct mime_content parsed_take_content(struct parsed_reader *reader)
{
	struct mime_content content = {.present = parsed_take_bool(reader)};
	content.offset = parsed_take_u64(reader);
	content.size = parsed_take_u64(reader);
	return content;
}

static void parsed_take_attachment(struct parsed_reader *reader, struct mime_attachment *attachment)
{
	attachment->file_name = parsed_take_text(reader);
	attachment->declared_name = parsed_take_text(reader);
	attachment->content_type = parsed_take_text(reader);
	attachment->disposition = parsed_take_text(reader);
	attachment->content_id = parsed_take_text(reader);
	attachment->content = parsed_take_content(reader);
}

/* The count is checked before any memory is asked for by it. */
static void parsed_take_attachments(struct parsed_reader *reader, struct mime_message *message)
{
	uint64_t count = parsed_take_u64(reader);
	if (reader->broken || count > PARSED_MAX_ATTACHMENTS) {
		reader->broken = true;
		return;
	}
	message->attachments = calloc(count + 1, sizeof *message->attachments);
	g_assert(message->attachments != NULL);
	message->attachment_count = count;
	for (uint64_t i = 0; i < count && !reader->broken; i++)
		parsed_take_attachment(reader, &message->attachments[i]);
}

/* As of attachments, the count is checked first. */
static void parsed_take_calendars(struct parsed_reader *reader, struct mime_message *message)
{
	uint64_t count = parsed_take_u64(reader);
	if (reader->broken || count > PARSED_MAX_CALENDARS) {
		reader->broken = true;
		return;
	}
	message->calendars = calloc(count + 1, sizeof *message->calendars);
	g_assert(message->calendars != NULL);
	message->calendar_count = count;
	for (uint64_t i = 0; i < count && !reader->broken; i++) {
		struct mime_calendar *calendar = &message->calendars[i];
		for (size_t text = 0; mime_calendar_text_at(calendar, text) != NULL; text++)
			*mime_calendar_text_at(calendar, text) = parsed_take_text(reader);
	}
}

static void parsed_take_bounces(struct parsed_reader *reader, struct mime_message *message)
{
	uint64_t count = parsed_take_u64(reader);
	if (reader->broken || count > PARSED_MAX_BOUNCES) {
		reader->broken = true;
		return;
	}
	message->bounces = calloc(count + 1, sizeof *message->bounces);
	g_assert(message->bounces != NULL);
	message->bounce_count = count;
	for (uint64_t i = 0; i < count && !reader->broken; i++) {
		struct mime_bounce *bounce = &message->bounces[i];
		for (size_t text = 0; mime_bounce_text_at(bounce, text) != NULL; text++)
			*mime_bounce_text_at(bounce, text) = parsed_take_text(reader);
	}
}

/* All bytes must have been used: an honest parser writes none behind the last field. */
int parsed_parse(const unsigned char *bytes, size_t size, const struct parsed_range *range,
		 struct mime_message **ret_message)
{
	struct parsed_reader reader = {.at = bytes, .left = size};
	struct mime_message *message = calloc(1, sizeof *message);
	g_assert(message != NULL);
	for (size_t i = 0; parsed_text_at(message, i) != NULL; i++)
		*parsed_text_at(message, i) = parsed_take_text(&reader);
	message->has_date_sent = parsed_take_bool(&reader);
	message->date_sent = (int64_t)parsed_take_u64(&reader);
	message->has_date_received = parsed_take_bool(&reader);
	message->date_received = (int64_t)parsed_take_u64(&reader);
	message->text_body = parsed_take_content(&reader);
	message->text_from_html = parsed_take_bool(&reader);
	message->html_body = parsed_take_content(&reader);
	parsed_take_attachments(&reader, message);
	parsed_take_calendars(&reader, message);
	parsed_take_bounces(&reader, message);
	if (reader.broken || reader.left != 0 || !parsed_keeps_promises(message, range)) {
		mime_message_free(message);
		return -1;
	}
	*ret_message = message;
	return 0;
}
