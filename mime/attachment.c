#include "mime/attachment.h"

#include "mime/clean.h"
#include "mime/file_name.h"

#include <string.h>

static char *declared_name(struct attachments *attachments, const struct part *part)
{
	if (part->name)
		return g_strdup(part->name);
	char *name =
	    parameters_text(part->disposition, "filename", attachments->hint, attachments->defects);
	if (!name || !*name) {
		g_free(name);
		name =
		    parameters_text(part->content, "name", attachments->hint, attachments->defects);
	}
	if (name && !*name)
		g_clear_pointer(&name, g_free);
	return name;
}

static char *file_name(struct attachments *attachments, const char *declared, const char *type)
{
	if (declared)
		return mime_file_name_clean(declared);
	return g_strdup_printf("noname%u%s", ++attachments->unnamed, file_name_extension(type));
}

static void content_store(struct attachments *attachments, const struct part *part,
			  const char *name, struct mime_content *ret_content)
{
	struct content_writer writer;

	content_begin(&writer, attachments->output, ret_content);
	if (!transfer_decode(part->input, part->begin, part->end, part->transfer, &writer.sink))
		defects_add(attachments->defects, "transfer encoding of attachment '%s' damaged",
			    name);
}

static void add_part(struct attachments *attachments, const struct part *part)
{
	const char *disposition = parameters_value(part->disposition);
	struct mime_attachment attachment = {.declared_name = declared_name(attachments, part)};
	g_autofree char *valid = g_utf8_make_valid(disposition, -1);

	attachment.file_name = file_name(attachments, attachment.declared_name, part->type);
	attachment.content_type = g_strdup(part->type);
	attachment.disposition = *disposition ? clean_line(valid, 0) : NULL;
	attachment.content_id = part->content_id ? clean_line(part->content_id, 0) : NULL;
	content_store(attachments, part, attachment.file_name, &attachment.content);
	g_array_append_val(attachments->list, attachment);
}

void attachments_add(struct attachments *attachments, const struct part *root)
{
	for (guint i = 0; i < root->children->len; i++)
		attachments_add(attachments, g_ptr_array_index(root->children, i));
	if (!root->is_multipart && !root->is_body)
		add_part(attachments, root);
}

void attachments_add_content(struct attachments *attachments, const char *name,
			     const char *content_type, const struct mime_content *content)
{
	struct mime_attachment attachment = {
	    .file_name = g_strdup(name),
	    .content_type = g_strdup(content_type),
	    .content = *content,
	};

	g_array_append_val(attachments->list, attachment);
}

void attachments_add_message(struct attachments *attachments)
{
	struct part *whole =
	    part_new(attachments->input, "message/rfc822", 0, attachments->input->size);
	struct mime_content content;

	content_store(attachments, whole, "original.eml", &content);
	attachments_add_content(attachments, "original.eml", "message/rfc822", &content);
	part_free(whole);
}
