/* Reads each field by the rules of its kind (text, addresses, identifiers, date), and lists all
 * of them as they came. */
#include "mime/header.h"

#include "mime/address.h"
#include "mime/charset.h"
#include "mime/sink.h"

#include <string.h>

/* What all fields of one header are read with. */
struct context {
	const struct header *header;
	const char *hint;
	struct defects *defects;
};

/* The name of the field goes into what is said of its defects. */
static char *field_text(const struct context *context, const struct field *field)
{
	g_autofree char *what = g_strconcat("field ", field->name, NULL);

	return word_decode(field->value, field->length, context->hint, what, context->defects);
}

/* The first field of the name counts; all of them are in `headers`. */
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

/* The best mailbox of all fields of the name; the first of equals. */
static enum address_kind first_address(const struct context *context, const char *name,
				       char **ret_mailbox)
{
	g_autofree char *what = g_strconcat("field ", name, NULL);
	enum address_kind best = ADDRESS_ABSENT;

	for (size_t i = 0; i < context->header->count && best < ADDRESS_FULL; i++) {
		const struct field *field = &context->header->fields[i];
		if (!field_is(field, name))
			continue;
		enum address_kind kind;
		g_autofree char *mailbox = address_first_format(
		    field->value, field->length, context->hint, what, context->defects, &kind);
		if (kind <= best)
			continue;
		best = kind;
		g_free(*ret_mailbox);
		*ret_mailbox = g_steal_pointer(&mailbox);
	}
	return best;
}

/* From, unless only Sender has an address. */
static char *sender_of(const struct context *context)
{
	g_autofree char *from = NULL;
	g_autofree char *sender = NULL;
	enum address_kind from_kind = first_address(context, "From", &from);

	/* An address without a domain is one as well: a local program wrote it. */
	if (from_kind >= ADDRESS_LOCAL)
		return g_steal_pointer(&from);
	enum address_kind sender_kind = first_address(context, "Sender", &sender);
	bool takes_sender = sender && (sender_kind > from_kind);
	if (from_kind == ADDRESS_NAME)
		defects_add(context->defects, takes_sender
						  ? "no address in field From; Sender taken"
						  : "no address in field From");
	else
		defects_add(context->defects,
			    takes_sender ? "no From field; Sender taken" : "no From field");
	return takes_sender ? g_steal_pointer(&sender) : g_steal_pointer(&from);
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

/* The first field that can be read. */
static void date_fill(struct mime_message *message, const struct context *context)
{
	bool has_zone = true;
	bool has_field = false;

	for (size_t i = 0; i < context->header->count && !message->has_date_sent; i++) {
		const struct field *field = &context->header->fields[i];
		if (!field_is(field, "Date"))
			continue;
		has_field = true;
		message->has_date_sent =
		    date_parse(field->value, field->length, &message->date_sent, &has_zone);
		if (!message->has_date_sent)
			defects_add(context->defects, "Date field unreadable");
	}
	if (!has_field)
		defects_add(context->defects, "no Date field");
	if (!has_zone)
		defects_add(context->defects, "Date field without a zone; read as UTC");
}

/* The date stands behind the last semicolon (RFC 5321, section 4.4). */
static void date_received_fill(struct mime_message *message, const struct header *header)
{
	const struct field *field = header_find(header, "Received");
	const char *semicolon = field ? memrchr(field->value, ';', field->length) : NULL;
	bool has_zone;

	if (!semicolon)
		return;
	const char *date = semicolon + 1;
	message->has_date_received = date_parse(date, field->length - (size_t)(date - field->value),
						&message->date_received, &has_zone);
}

/* Written here and not by jansson: the parser links no more libraries than it needs. */
static char *headers_format(const struct context *context)
{
	GString *json = g_string_sized_new(2 * context->header->size + 2);

	g_string_append_c(json, '[');
	for (size_t i = 0; i < context->header->count; i++) {
		const struct field *field = &context->header->fields[i];
		g_autofree char *text = field_text(context, field);
		g_string_append(json, i > 0 ? ",[" : "[");
		clean_append_json(json, field->name);
		g_string_append_c(json, ',');
		clean_append_json(json, text);
		g_string_append_c(json, ']');
	}
	g_string_append_c(json, ']');
	return g_string_free(json, FALSE);
}

/* Where people write; other fields may have passed through anything. */
static bool is_written_by_people(const struct field *field)
{
	static const char *const names[] = {"Subject", "From", "Sender", "Reply-To",
					    "To",      "Cc",   "Bcc"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (field_is(field, names[i]))
			return true;
	return false;
}

/* All such fields together tell detection more than each of them. */
char *fields_charset(const struct header *header, const char *hint)
{
	g_autoptr(GString) raw = g_string_new(NULL);

	for (size_t i = 0; i < header->count; i++) {
		const struct field *field = &header->fields[i];
		if (is_written_by_people(field) &&
		    !charset_reads(field->value, field->length, "utf-8")) {
			g_string_append_len(raw, field->value, (gssize)field->length);
			g_string_append_c(raw, '\n');
		}
	}
	return raw->len > 0 ? g_strdup(charset_guess(raw->str, raw->len, hint)) : g_strdup(hint);
}

/* `headers` last: what is wrong with a field is told once, by whoever reads it for its sense. */
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
	date_received_fill(message, header);
	message->headers = headers_format(&context);
}
