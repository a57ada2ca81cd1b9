/* Each promise is checked by itself. JSON is taken in the one form in which mime/ writes it, so that a
 * look at each byte is enough. */
#include "loader/parser/protocol/protocol_check_internal.h"

#include "mime/ascii.h"
#include "mime/file_name.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* The years 0000 to 9999, which RFC 3339 can write. */
static const int64_t first_date_s = INT64_C(-62167219200);
static const int64_t last_date_s = INT64_C(253402300799);

/* C1 controls are U+0080 to U+009F. */
static bool is_character(const char *text, size_t size)
{
	const gunichar character = g_utf8_get_char_validated(text, (gssize)size);
	return character != (gunichar)-1 && character != (gunichar)-2 && character >= 0xa0;
}

/* Terminals and logs of operators show these texts: a control character could write over what
 * stands there. All bodies are looked at, so that ASCII has a quick way. */
bool parsed_is_text(const char *text, size_t size)
{
	size_t at = 0;
	while ((at += ascii_span((const unsigned char *)text + at, size - at)) < size) {
		if (text[at] == '\n' || text[at] == '\t')
			at++;
		else if (((unsigned char)text[at] & 0x80) != 0 &&
			 is_character(text + at, size - at))
			at += (size_t)g_utf8_skip[(unsigned char)text[at]];
		else
			return false;
	}
	return true;
}

/* Subjects and names are printed in tables and logs, where each has one line. */
static bool is_line(const char *text)
{
	return text == NULL || strpbrk(text, "\n\t") == NULL;
}

/* Returns the end of the string that begins here, or NULL. */
static const char *json_string_end(const char *at)
{
	if (at == NULL || *at != '"')
		return NULL;
	at++;
	for (;;) {
		at += strcspn(at, "\"\\");
		if (*at == '"')
			return at + 1;
		if (*at == '\0' || at[1] == '\0' || strchr("\"\\nt", at[1]) == NULL)
			return NULL;
		at += 2;
	}
}

/* ["Subject","Invoice"]: behind it; NULL where the text is not of this form. */
static const char *json_pair_end(const char *at)
{
	if (at == NULL || *at != '[')
		return NULL;
	at = json_string_end(at + 1);
	if (at == NULL || *at != ',')
		return NULL;
	at = json_string_end(at + 1);
	return at != NULL && *at == ']' ? at + 1 : NULL;
}

/* A list of what `item_end` finds the end of. */
static bool is_json_list(const char *json, const char *(*item_end)(const char *at))
{
	if (json == NULL || *json != '[')
		return false;
	if (strcmp(json, "[]") == 0)
		return true;
	const char *at = json;
	do
		at = item_end(at + 1);
	while (at != NULL && *at == ',');
	return at != NULL && strcmp(at, "]") == 0;
}

/* Names are made safe where they are made; a safe name is not changed by that. */
static bool is_file_name(const char *name)
{
	if (name == NULL)
		return false;
	g_autofree char *clean = mime_file_name_clean(name);
	return strcmp(clean, name) == 0;
}

/* Content of an earlier message is not this one's, though it lies in the same file. */
static bool is_content(const struct mime_content *content, const struct parsed_range *range)
{
	return content->offset <= range->end && content->size <= range->end - content->offset &&
	       (content->present || content->size == 0) &&
	       (content->size == 0 || content->offset >= range->begin);
}

/* Both contents lie in the range, so that the sums cannot overflow. */
static bool are_apart(const struct mime_content *one, const struct mime_content *other)
{
	return one->size == 0 || other->size == 0 || one->offset + one->size <= other->offset ||
	       other->offset + other->size <= one->offset;
}

static int compare_offsets(const void *left, const void *right)
{
	const struct mime_content *one = *(const struct mime_content *const *)left;
	const struct mime_content *other = *(const struct mime_content *const *)right;
	return (one->offset > other->offset) - (one->offset < other->offset);
}

/* No byte is in two attachments: a few bytes cannot become any number of them. Sorted, each has only
 * its neighbour to be compared with. */
static bool attachments_are_apart(const struct mime_message *message)
{
	g_autofree const struct mime_content **contents =
	    g_new(const struct mime_content *, message->attachment_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < message->attachment_count; i++) {
		if (message->attachments[i].content.size > 0)
			contents[count++] = &message->attachments[i].content;
	}
	qsort(contents, count, sizeof(void *), compare_offsets);
	for (size_t i = 1; i < count; i++) {
		if (!are_apart(contents[i - 1], contents[i]))
			return false;
	}
	return true;
}

/* A name and a type are there in any case (message.h); the others may be missing. */
static bool is_attachment(const struct mime_attachment *attachment,
			  const struct parsed_range *range)
{
	return is_file_name(attachment->file_name) && is_line(attachment->declared_name) &&
	       attachment->content_type != NULL && *attachment->content_type != '\0' &&
	       is_line(attachment->content_type) && is_line(attachment->disposition) &&
	       is_line(attachment->content_id) && is_content(&attachment->content, range);
}

static bool attachments_keep(const struct mime_message *message, const struct parsed_range *range)
{
	for (size_t i = 0; i < message->attachment_count; i++) {
		if (!is_attachment(&message->attachments[i], range))
			return false;
	}
	return attachments_are_apart(message);
}

/* As for the fields of the message: each is shown in one line. */
static bool calendars_keep(const struct mime_message *message)
{
	for (size_t i = 0; i < message->calendar_count; i++) {
		struct mime_calendar *calendar = &message->calendars[i];
		for (size_t at = 0; mime_calendar_text_at(calendar, at) != NULL; at++) {
			if (!is_line(*mime_calendar_text_at(calendar, at)))
				return false;
		}
	}
	return true;
}

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

/* Rules and workers decide by the class and the kind. */
static bool bounces_keep(const struct mime_message *message)
{
	static const char *const classes[] = {"human",	"auto-generated", "auto-replied",
					      "bounce", "list",		  "calendar"};
	static const char *const kinds[] = {"hard", "soft"};
	if (message->auto_class != NULL &&
	    !is_one_of(message->auto_class, classes, G_N_ELEMENTS(classes)))
		return false;
	for (size_t i = 0; i < message->bounce_count; i++) {
		struct mime_bounce *bounce = &message->bounces[i];
		if (bounce->kind == NULL || !is_one_of(bounce->kind, kinds, G_N_ELEMENTS(kinds)))
			return false;
		for (size_t at = 0; mime_bounce_text_at(bounce, at) != NULL; at++) {
			if (!is_line(*mime_bounce_text_at(bounce, at)))
				return false;
		}
	}
	return true;
}

static bool is_date(int64_t date_s)
{
	return date_s >= first_date_s && date_s <= last_date_s;
}

/* A signature is one of two words, because people decide by them. */
static bool fields_keep(const struct mime_message *message)
{
	const char *const lines[] = {
	    message->subject,	 message->sender,      message->recipient,
	    message->cc,	 message->bcc,	       message->reply_to,
	    message->message_id, message->in_reply_to, message->thread_references,
	    message->headers,	 message->defects,     message->auto_reason,
	};
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		if (!is_line(lines[i]))
			return false;
	}
	return is_json_list(message->headers, json_pair_end) &&
	       is_json_list(message->defects, json_string_end) &&
	       (message->signature == NULL || strcmp(message->signature, "broken") == 0 ||
		strcmp(message->signature, "not verified") == 0) &&
	       (!message->has_date_sent || is_date(message->date_sent)) &&
	       (!message->has_date_received || is_date(message->date_received));
}

bool parsed_keeps_promises(const struct mime_message *message, const struct parsed_range *range)
{
	return fields_keep(message) && is_content(&message->text_body, range) &&
	       is_content(&message->html_body, range) &&
	       are_apart(&message->text_body, &message->html_body) &&
	       attachments_keep(message, range) && calendars_keep(message) && bounces_keep(message);
}
