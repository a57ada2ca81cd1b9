/* The defaults, and the release of what a message owns. */
#include "mime/message.h"

#include <glib.h>

struct mime_options mime_options_default(void)
{
	return (struct mime_options){
	    .max_header_size = MIME_MAX_HEADER_KB * 1024,
	    .max_headers = MIME_MAX_HEADERS,
	    .max_parts = MIME_MAX_PARTS,
	    .max_depth = MIME_MAX_DEPTH,
	    .max_boundary = MIME_MAX_BOUNDARY,
	};
}

static void mime_attachment_clear(struct mime_attachment *attachment)
{
	g_free(attachment->file_name);
	g_free(attachment->declared_name);
	g_free(attachment->content_type);
	g_free(attachment->disposition);
	g_free(attachment->content_id);
}

/* Whoever goes through the texts goes by this list, so that none is forgotten. */
char **mime_calendar_text_at(struct mime_calendar *calendar, size_t index)
{
	char **const texts[] = {
	    &calendar->method,	  &calendar->uid,	&calendar->starts_at, &calendar->ends_at,
	    &calendar->organizer, &calendar->attendees, &calendar->summary,   &calendar->location,
	};

	return index < G_N_ELEMENTS(texts) ? texts[index] : NULL;
}

void mime_calendar_clear(struct mime_calendar *calendar)
{
	for (size_t i = 0; mime_calendar_text_at(calendar, i); i++)
		g_free(*mime_calendar_text_at(calendar, i));
}

char **mime_bounce_text_at(struct mime_bounce *bounce, size_t index)
{
	char **const texts[] = {
	    &bounce->kind,   &bounce->address,	  &bounce->original_address,
	    &bounce->status, &bounce->diagnostic, &bounce->original_id,
	};

	return index < G_N_ELEMENTS(texts) ? texts[index] : NULL;
}

void mime_bounce_clear(struct mime_bounce *bounce)
{
	for (size_t i = 0; mime_bounce_text_at(bounce, i); i++)
		g_free(*mime_bounce_text_at(bounce, i));
}

void mime_message_free(struct mime_message *message)
{
	if (!message)
		return;
	for (size_t i = 0; i < message->attachment_count; i++)
		mime_attachment_clear(&message->attachments[i]);
	g_free(message->attachments);
	for (size_t i = 0; i < message->calendar_count; i++)
		mime_calendar_clear(&message->calendars[i]);
	g_free(message->calendars);
	for (size_t i = 0; i < message->bounce_count; i++)
		mime_bounce_clear(&message->bounces[i]);
	g_free(message->bounces);
	g_free(message->auto_class);
	g_free(message->auto_reason);
	g_free(message->subject);
	g_free(message->sender);
	g_free(message->recipient);
	g_free(message->cc);
	g_free(message->bcc);
	g_free(message->reply_to);
	g_free(message->message_id);
	g_free(message->in_reply_to);
	g_free(message->thread_references);
	g_free(message->reply_plain);
	g_free(message->headers);
	g_free(message->defects);
	g_free(message->signature);
	g_free(message);
}
