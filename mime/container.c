/* Goes through the tree in the order of the mail, and hands each part to whoever can open it. */
#include "mime/container_internal.h"

#include "mime/part.h"

#include <string.h>

struct input *container_input(struct containers *containers, const struct mime_content *content)
{
	if (mime_output_flush(containers->output) < 0)
		return NULL;
	struct input *input = input_new(containers->output->fd, content->offset, content->size);
	g_ptr_array_add(containers->tree->inputs, input);
	return input;
}

struct input *container_decode(struct containers *containers, const struct part *part)
{
	struct content_writer writer;
	struct mime_content content;

	content_begin(&writer, containers->output, &content);
	if (!transfer_decode(part->input, part->begin, part->end, part->transfer, &writer.sink))
		defects_add(containers->defects, "transfer encoding of %s damaged", part->type);
	return container_input(containers, &content);
}

static bool is_shown(const struct part *part)
{
	return (part_is(part, "text/plain") || part_is(part, "text/html")) &&
	       !part_is_named(part) && !part->is_spare &&
	       strcmp(parameters_value(part->disposition), "attachment") != 0;
}

bool container_has_text(const struct containers *containers)
{
	for (guint i = 0; i < containers->texts->len; i++)
		if (part_has_text(g_ptr_array_index(containers->texts, i)))
			return true;
	return false;
}

static void open_with(struct containers *containers, struct part *part,
		      void (*open)(struct containers *containers, struct part *part))
{
	if (containers->opened >= CONTAINERS_MAX || containers->depth >= CONTAINERS_DEPTH_MAX) {
		defects_add(containers->defects, "too many containers; one of %s left closed",
			    part->type);
		return;
	}
	containers->opened++;
	containers->depth++;
	open(containers, part);
	containers->depth--;
}

void containers_walk(struct containers *containers, struct part *part)
{
	for (guint i = 0; i < part->children->len; i++)
		containers_walk(containers, g_ptr_array_index(part->children, i));
	if (part->is_multipart) {
		container_look_at_multipart(containers, part);
		return;
	}
	if (container_is_message(part)) {
		if (containers->options->unpack_forwarded)
			open_with(containers, part, container_open_message);
	} else if (container_is_tnef(part)) {
		open_with(containers, part, container_open_tnef);
	} else if (container_is_envelope(part)) {
		open_with(containers, part, container_open_envelope);
	} else if (is_shown(part)) {
		g_ptr_array_add(containers->texts, part);
		if (container_may_hold_files(part))
			open_with(containers, part, container_open_text);
	}
}

void containers_open(struct part_tree *tree, const struct mime_options *options,
		     struct mime_output *output, struct defects *defects)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new();
	struct containers containers = {.tree = tree,
					.options = options,
					.output = output,
					.defects = defects,
					.texts = texts,
					.rtf_left = CONTAINERS_RTF_BYTES_MAX,
					.parts_left = options->max_parts};

	containers_walk(&containers, tree->root);
	tree->signature = containers.secrets.signature;
	tree->encrypted = containers.secrets.encrypted;
	tree->encryption = containers.secrets.encryption;
}
