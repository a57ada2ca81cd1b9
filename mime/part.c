/* What one header block says of its part, and whether its content begins with anything to read. */
#include "mime/part.h"

#include "mime/content_field.h"
#include "mime/html.h"

#include <string.h>

static void part_free_data(void *data)
{
	part_free(data);
}

struct part *part_new(struct input *input, const char *type, uint64_t begin, uint64_t end)
{
	struct part *part = g_new0(struct part, 1);

	part->input = input;
	part->is_typed = true;
	part->type = g_strdup(type);
	part->content = parameters_parse("", 0);
	part->disposition = parameters_parse("", 0);
	part->begin = begin;
	part->end = end;
	part->children = g_ptr_array_new_with_free_func(part_free_data);
	return part;
}

/* Its children go with it, as deep as max_depth lets them be. */
void part_free(struct part *part)
{
	if (!part)
		return;
	g_free(part->type);
	parameters_free(part->content);
	parameters_free(part->disposition);
	g_free(part->content_id);
	g_free(part->name);
	g_ptr_array_unref(part->children);
	g_free(part);
}

bool part_is(const struct part *part, const char *type)
{
	return strcmp(part->type, type) == 0;
}

bool part_is_multipart_type(const struct part *part)
{
	return g_str_has_prefix(part->type, "multipart/");
}

/* A field that is missing is one without parameters, so that nobody has to tell them apart. */
static struct parameters *field_parameters(const struct field *field)
{
	g_autofree char *clean = field ? content_field_clean(field->value, field->length) : NULL;

	return clean ? parameters_parse(clean, strlen(clean)) : parameters_parse("", 0);
}

bool part_is_named(const struct part *part)
{
	return part->name || parameters_bytes(part->disposition, "filename") ||
	       parameters_bytes(part->content, "name");
}

/* RFC 2045, 5.2: what cannot be read is text; but a file is not shown as one. */
static char *type_of(const struct part *part, struct defects *defects)
{
	const char *value = parameters_value(part->content);
	char *type = part->is_typed ? content_field_type(value) : NULL;

	if (!part->is_typed)
		return g_strdup("text/plain");
	if (type && strcmp(type, value) == 0)
		return type;
	if (!type)
		type = g_strdup(part_is_named(part) && *value ? "application/octet-stream"
							      : "text/plain");
	defects_add(defects, "Content-Type '%s' unreadable; read as %s", value, type);
	return type;
}

/* Quotes around the encoding are against RFC 2045; other programs take it for unknown then. */
static enum transfer transfer_of(const struct header *header, struct defects *defects)
{
	const struct field *field = header_find(header, "Content-Transfer-Encoding");
	enum transfer transfer = TRANSFER_IDENTITY;

	if (!field)
		return transfer;
	struct parameters *encoding = field_parameters(field);
	const char *value = parameters_value(encoding);
	if (*value && !transfer_parse(value, &transfer))
		defects_add(defects, "transfer encoding '%s' unknown; content taken as it is",
			    value);
	else if (memchr(field->value, '"', field->length))
		defects_add(defects, "transfer encoding '%s' in quotes", value);
	parameters_free(encoding);
	return transfer;
}

/* HTML refers to parts without the angle brackets (RFC 2392). */
static char *content_id_of(const struct header *header)
{
	const struct field *field = header_find(header, "Content-ID");

	if (!field)
		return NULL;
	g_autofree char *raw = g_strndup(field->value, field->length);
	g_autofree char *valid = g_utf8_make_valid(g_strstrip(raw), -1);
	size_t length = strlen(valid);
	if (length > 1 && valid[0] == '<' && valid[length - 1] == '>')
		return length > 2 ? g_strndup(valid + 1, length - 2) : NULL;
	/* An empty one names nothing. */
	return length > 0 ? g_steal_pointer(&valid) : NULL;
}

/* What a field does not say is as if it stood there empty. */
struct part *part_from_header(struct input *input, const struct header *header,
			      const struct field *type, struct defects *defects)
{
	struct part *part = g_new0(struct part, 1);

	part->input = input;
	part->start = header->start;
	part->begin = header->body;
	/* Where it ends is known when the next delimiter is. */
	part->end = header->body;
	part->content = field_parameters(type);
	part->disposition = field_parameters(header_find(header, "Content-Disposition"));
	part->is_typed = type != NULL;
	part->type = type_of(part, defects);
	part->transfer = transfer_of(header, defects);
	part->content_id = content_id_of(header);
	part->children = g_ptr_array_new_with_free_func(part_free_data);
	return part;
}

/* Whoever holds the part holds from now on what is around it. */
struct part *part_enclose(struct part *part)
{
	struct part *inner = g_memdup2(part, sizeof(*part));
	struct part *outer = part_new(part->input, "multipart/mixed", part->begin, part->end);

	outer->is_multipart = true;
	outer->start = part->start;
	*part = *outer;
	g_free(outer);
	return inner;
}

void part_take_as_text(struct part *part)
{
	g_free(part->type);
	part->type = g_strdup("text/plain");
	part->is_multipart = false;
	part->is_typed = true;
}

/* --- has a part anything to read --------------------------------------------- */

/* No more is decoded than is needed to see whether anything stands there. */
static GString *beginning_of(const struct part *part)
{
	struct string_sink target = string_sink_to(g_string_new(NULL));
	uint64_t end = MIN(part->end, part->begin + PART_TEXT_BYTES);

	transfer_decode(part->input, part->begin, end, part->transfer, &target.sink);
	return target.string;
}

/* As its reader would see it: tags and scripts are no text. */
static GString *text_of_html(const GString *html)
{
	struct string_sink target = string_sink_to(g_string_new(NULL));
	g_autofree char *valid = g_utf8_make_valid(html->str, (gssize)html->len);
	struct html_filter filter;
	struct html_text text;

	html_text_init(&text, &target.sink);
	html_filter_init(&filter, &text.sink);
	sink_write(&filter.sink, valid, strlen(valid));
	html_filter_finish(&filter);
	html_text_finish(&text);
	return target.string;
}

/* In any charset: what is above a blank, but for byte order marks and the no-break space. */
static bool are_blank(const GString *bytes)
{
	for (gsize i = 0; i < bytes->len; i++) {
		unsigned char c = (unsigned char)bytes->str[i];
		if (c > ' ' && c != 0xa0 && c != 0xc2 && c != 0xef && c != 0xbb && c != 0xbf &&
		    c != 0xfe && c != 0xff)
			return false;
	}
	return true;
}

/* "application/xhtml+xml" as well. */
static bool is_html(const struct part *part)
{
	return strstr(part->type, "html") != NULL;
}

/* A part that is longer than a beginning counts without a look, because all of it would have to be
 * decoded. */
bool part_has_text(struct part *part)
{
	if (part->text == PART_TEXT_UNKNOWN && part->end - part->begin > PART_TEXT_BYTES)
		part->text = PART_TEXT_SOME;
	if (part->text == PART_TEXT_UNKNOWN) {
		g_autoptr(GString) bytes = beginning_of(part);
		g_autoptr(GString) text = is_html(part) ? text_of_html(bytes) : NULL;
		part->text = are_blank(text ? text : bytes) ? PART_TEXT_BLANK : PART_TEXT_SOME;
	}
	return part->text == PART_TEXT_SOME;
}

/* HTML of one picture says what it has to say without a word. */
bool part_shows(struct part *part)
{
	if (part_has_text(part))
		return true;
	g_autoptr(GString) bytes = beginning_of(part);
	g_autofree char *lower = g_ascii_strdown(bytes->str, (gssize)bytes->len);
	return strstr(lower, "<img") != NULL;
}
