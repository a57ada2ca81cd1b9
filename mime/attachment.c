/* Gives each part that is no body, and each file inside of one, a name that can be created, and
 * decodes it into the output. */
#include "mime/body.h"

#include "mime/file_name.h"
#include "mime/sink.h"

#include <string.h>

/* Old mailers write the name into Content-Type alone. Where both have one, the disposition
 * counts: it is about files. */
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

/* A number keeps files without a name apart, and the extension lets a system open them. */
static char *file_name(struct attachments *attachments, const char *declared, const char *type)
{
	if (declared)
		return mime_file_name_clean(declared);
	return g_strdup_printf("noname%u%s", ++attachments->unnamed, file_name_extension(type));
}

/* What lies in another message is named by its path. */
static void name_by_path(const struct attachments *attachments, struct mime_attachment *attachment)
{
	if (!attachments->path)
		return;
	g_free(attachment->declared_name);
	attachment->declared_name =
	    g_strconcat(attachments->path, "/", attachment->file_name, NULL);
	g_autofree char *flat = g_strdelimit(g_strdup(attachment->declared_name), "/", '_');
	g_free(attachment->file_name);
	attachment->file_name = mime_file_name_clean(flat);
}

/* What could be decoded is kept: a file with an error is often good enough. */
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
	name_by_path(attachments, &attachment);
	if (part == attachments->encrypted)
		attachments->encrypted_name = g_strdup(attachment.file_name);
	attachment.content_type = g_strdup(part->type);
	attachment.disposition = *disposition ? clean_line(valid, 0) : NULL;
	attachment.content_id = part->content_id ? clean_line(part->content_id, 0) : NULL;
	content_store(attachments, part, attachment.file_name, &attachment.content);
	g_array_append_val(attachments->list, attachment);
}

/* The first child is the message as a file, the second one what lies in it. */
static void add_forwarded(struct attachments *attachments, const struct part *part)
{
	char *around = attachments->path;

	attachments_add(attachments, g_ptr_array_index(part->children, 0));
	const struct mime_attachment *message =
	    &g_array_index(attachments->list, struct mime_attachment, attachments->list->len - 1);
	attachments->path = g_strdup(around ? message->declared_name : message->file_name);
	attachments_add(attachments, g_ptr_array_index(part->children, 1));
	g_free(attachments->path);
	attachments->path = around;
}

void attachments_add(struct attachments *attachments, const struct part *root)
{
	if (root->is_forwarded) {
		add_forwarded(attachments, root);
		return;
	}
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

/* For a message beyond its limits: what could not be taken apart is there as a whole. */
void attachments_add_message(struct attachments *attachments)
{
	struct part *whole =
	    part_new(attachments->input, "message/rfc822", 0, attachments->input->size);
	struct mime_content content;

	content_store(attachments, whole, "original.eml", &content);
	attachments_add_content(attachments, "original.eml", "message/rfc822", &content);
	part_free(whole);
}
