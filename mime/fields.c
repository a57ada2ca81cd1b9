#include "mime/fields.h"

#include "mime/address.h"
#include "mime/date.h"
#include "mime/json_text.h"
#include "mime/word.h"

#include <string.h>

struct context {
	const struct header *header;
	const char *hint;
	struct defects *defects;
};

static char *field_text(const struct context *context, const struct field *field)
{
	g_autofree char *what = g_strconcat("field ", field->name, NULL);

	return word_decode(field->value, field->length, context->hint, what, context->defects);
}

static char *text_of(const struct context *context, const char *name)
{
	const struct field *field = header_find(context->header, name);

	return field ? field_text(context, field) : NULL;
}

/* All fields of the name, as RFC 5322 allows one and mail has several. */
static char *addresses_of(const struct context *context, const char *name)
{
	g_autofree char *what = g_strconcat("field ", name, NULL);
	g_autoptr(GString) list = g_string_new(NULL);

	for (size_t i = 0; i < context->header->count; i++) {
		const struct field *field = &context->header->fields[i];
		if (!field_is(field, name))
			continue;
		g_autofree char *more = address_list_format(field->value, field->length,
							    context->hint, what, context->defects);
		if (more)
			g_string_append_printf(list, "%s%s", list->len > 0 ? "; " : "", more);
	}
	return list->len > 0 ? g_strdup(list->str) : NULL;
}

static char *first_address(const struct context *context, const char *name)
{
	const struct field *field = header_find(context->header, name);

	return field ? address_first_format(field->value, field->length, context->hint, name,
					    context->defects)
		     : NULL;
}

static char *sender_of(const struct context *context)
{
	char *sender = first_address(context, "From");

	if (sender)
		return sender;
	sender = first_address(context, "Sender");
	defects_add(context->defects, sender ? "no From field; Sender taken" : "no From field");
	return sender;
}

/* The first "<…>", or the first word where brackets are missing. */
static char *message_id_of(const struct context *context)
{
	g_autofree char *text = text_of(context, "Message-ID");
	const char *open = text ? strchr(text, '<') : NULL;
	const char *close = open ? strchr(open, '>') : NULL;

	if (close)
		return g_strndup(open, (size_t)(close - open) + 1);
	return text && *text ? g_strndup(text, strcspn(text, " ")) : NULL;
}

/* Runs of blanks become one; NULL when nothing is left. */
static char *identifiers_of(const struct context *context, const char *name)
{
	g_autofree char *text = text_of(context, name);
	g_autoptr(GString) normal = g_string_new(NULL);

	for (const char *c = text; c && *c; c++)
		if (*c != ' ' || c[1] != ' ')
			g_string_append_c(normal, *c);
	return normal->len > 0 ? g_strdup(normal->str) : NULL;
}

static void date_fill(struct mime_message *message, const struct context *context)
{
	const struct field *field = header_find(context->header, "Date");

	if (!field) {
		defects_add(context->defects, "no Date field");
		return;
	}
	message->has_date_sent = date_parse(field->value, field->length, &message->date_sent);
	if (!message->has_date_sent)
		defects_add(context->defects, "Date field unreadable");
}

static char *headers_format(const struct context *context)
{
	GString *json = g_string_sized_new(2 * context->header->size + 2);

	g_string_append_c(json, '[');
	for (size_t i = 0; i < context->header->count; i++) {
		const struct field *field = &context->header->fields[i];
		g_autofree char *text = field_text(context, field);
		g_string_append(json, i > 0 ? ",[" : "[");
		json_text_append(json, field->name);
		g_string_append_c(json, ',');
		json_text_append(json, text);
		g_string_append_c(json, ']');
	}
	g_string_append_c(json, ']');
	return g_string_free(json, FALSE);
}

void fields_fill(struct mime_message *message, const struct header *header, const char *hint,
		 struct defects *defects)
{
	struct context context = {header, hint, defects};

	message->subject = text_of(&context, "Subject");
	message->sender = sender_of(&context);
	message->recipient = addresses_of(&context, "To");
	message->cc = addresses_of(&context, "Cc");
	message->bcc = addresses_of(&context, "Bcc");
	message->reply_to = addresses_of(&context, "Reply-To");
	message->message_id = message_id_of(&context);
	message->in_reply_to = identifiers_of(&context, "In-Reply-To");
	message->thread_references = identifiers_of(&context, "References");
	date_fill(message, &context);
	message->headers = headers_format(&context);
}
