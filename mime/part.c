#include "mime/part.h"

#include <string.h>

static void part_free_data(void *data)
{
	part_free(data);
}

struct part *part_new(const char *type, uint64_t begin, uint64_t end)
{
	struct part *part = g_new0(struct part, 1);

	part->type = g_strdup(type);
	part->content = parameters_parse("", 0);
	part->disposition = parameters_parse("", 0);
	part->begin = begin;
	part->end = end;
	part->children = g_ptr_array_new_with_free_func(part_free_data);
	return part;
}

void part_free(struct part *part)
{
	if (!part)
		return;
	g_free(part->type);
	parameters_free(part->content);
	parameters_free(part->disposition);
	g_free(part->content_id);
	g_ptr_array_unref(part->children);
	g_free(part);
}

bool part_is(const struct part *part, const char *type)
{
	return strcmp(part->type, type) == 0;
}

static struct parameters *field_parameters(const struct header *header, const char *name)
{
	const struct field *field = header_find(header, name);

	return field ? parameters_parse(field->value, field->length) : parameters_parse("", 0);
}

/* type "/" subtype, each of token characters. */
static bool is_type(const char *value)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$&^_.+-%'*`|~{}";
	size_t type = strspn(value, token);
	size_t subtype = value[type] == '/' ? strspn(value + type + 1, token) : 0;

	return type > 0 && subtype > 0 && value[type + 1 + subtype] == '\0' && type + subtype < 128;
}

static char *type_of(const struct header *header, const struct parameters *content,
		     const char *default_type, struct defects *defects)
{
	const char *value = parameters_value(content);

	if (!header_find(header, "Content-Type"))
		return g_strdup(default_type);
	if (is_type(value))
		return g_strdup(value);
	defects_add(defects, "Content-Type '%s' unreadable", value);
	/* Old mailers wrote "text" for text/plain. */
	return g_strdup(*value == '\0' || strcmp(value, "text") == 0 ? "text/plain"
								     : "application/octet-stream");
}

static enum transfer transfer_of(const struct header *header, const char *type,
				 struct defects *defects)
{
	const struct field *field = header_find(header, "Content-Transfer-Encoding");
	enum transfer transfer = TRANSFER_IDENTITY;

	if (!field || g_str_has_prefix(type, "multipart/"))
		return transfer;
	struct parameters *encoding = parameters_parse(field->value, field->length);
	const char *value = parameters_value(encoding);
	if (*value && !transfer_parse(value, &transfer))
		defects_add(defects, "transfer encoding '%s' unknown; content taken as it is",
			    value);
	parameters_free(encoding);
	return transfer;
}

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
	return length > 0 ? g_steal_pointer(&valid) : NULL;
}

struct part *part_from_header(const struct header *header, const char *default_type,
			      struct defects *defects)
{
	struct part *part = g_new0(struct part, 1);

	if (header_count(header, "Content-Type") > 1)
		defects_add(defects, "field Content-Type repeated; the first one counts");
	part->content = field_parameters(header, "Content-Type");
	part->disposition = field_parameters(header, "Content-Disposition");
	part->type = type_of(header, part->content, default_type, defects);
	part->transfer = transfer_of(header, part->type, defects);
	part->content_id = content_id_of(header);
	part->children = g_ptr_array_new_with_free_func(part_free_data);
	return part;
}
