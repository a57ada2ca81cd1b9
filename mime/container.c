/* Goes through the tree in the order of the mail, and hands each part to whoever can open it.
 * Forwarded messages are opened here: they are taken apart by the same rules as the message, and so
 * are their bodies chosen. What is wrong with one is its sender's business and no defect of ours. */
#include "mime/container_internal.h"

#include "mime/body.h"
#include "mime/part.h"

#include <string.h>

/* --- walk -------------------------------------------------------------------- */

/* What was written is read back through the file, so that memory does not grow with it. */
struct input *container_input(struct containers *containers, const struct mime_content *content)
{
	if (mime_output_flush(containers->output) < 0)
		return NULL;
	struct input *input = input_new(containers->output->fd, content->offset, content->size);
	g_ptr_array_add(containers->tree->inputs, input);
	return input;
}

/* What could be decoded is opened all the same. */
struct input *container_decode(struct containers *containers, const struct part *part)
{
	struct content_writer writer;
	struct mime_content content;

	content_begin(&writer, containers->output, &content);
	if (!transfer_decode(part->input, part->begin, part->end, part->transfer, &writer.sink))
		defects_add(containers->defects, "transfer encoding of %s damaged", part->type);
	return container_input(containers, &content);
}

/* A text that people see: files may stand in it, and a winmail.dat behind it needs no other. */
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

/* The limits count over the whole message: a small one could unfold without end. */
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

/* Children come first, so that what is opened here is not gone through twice. */
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

/* --- forwarded messages ------------------------------------------------------ */

/* message/global is one with UTF-8 in its header (RFC 6532). */
bool container_is_message(const struct part *part)
{
	return part->is_message || part_is(part, "message/rfc822") ||
	       part_is(part, "message/global");
}

/* The tree is no deeper than max_depth. */
static uint32_t count_parts(const struct part *part)
{
	uint32_t count = 1;

	for (guint i = 0; i < part->children->len; i++)
		count += count_parts(g_ptr_array_index(part->children, i));
	return count;
}

/* The inputs of one tree become the other's. */
static void inputs_move(struct part_tree *from, struct part_tree *to)
{
	for (guint i = 0; i < from->inputs->len; i++)
		g_ptr_array_add(to->inputs, g_ptr_array_index(from->inputs, i));
	g_ptr_array_set_free_func(from->inputs, NULL);
	g_ptr_array_set_size(from->inputs, 0);
}

/* A message in the message may have as many parts as are left of those that the whole may have. */
struct part *container_read_message(struct containers *containers, struct input *input,
				    struct defects *defects)
{
	struct mime_options options = *containers->options;
	struct header_limits limits = {.max_size = options.max_header_size,
				       .max_fields = options.max_headers};
	struct part *root = NULL;

	options.max_parts = containers->parts_left;
	uint64_t start = header_start(input, 0, defects);
	struct header *header = header_read(input, start, &limits, defects);
	struct part_tree *tree =
	    part_tree_read(input, header, &options, containers->output, defects);
	if (tree->capped) {
		defects_add(containers->defects,
			    "a message in the message has too many parts; left closed");
	} else {
		root = g_steal_pointer(&tree->root);
		containers->parts_left -= MIN(containers->parts_left, count_parts(root));
	}
	inputs_move(tree, containers->tree);
	part_tree_free(tree);
	header_free(header);
	return root;
}

/* What is wrong in it, signed or encrypted, is not said of the mail that brings it, and its
 * texts are none before ours. Its bodies are chosen so that they are not taken for its files. */
void container_keep_apart(struct containers *containers, struct part *part, struct part *inner)
{
	struct defects *defects = containers->defects;
	struct container_secrets secrets = containers->secrets;
	GPtrArray *texts = containers->texts;

	containers->defects = defects_new();
	containers->texts = g_ptr_array_new();
	containers_walk(containers, inner);
	struct body body = body_choose(inner, containers->defects);
	body_clear(&body);
	defects_free(containers->defects);
	containers->defects = defects;
	containers->secrets = secrets;
	g_ptr_array_unref(containers->texts);
	containers->texts = texts;

	struct part *original = part_enclose(part);
	part->is_forwarded = true;
	g_ptr_array_add(part->children, original);
	g_ptr_array_add(part->children, inner);
}

/* Content that is not encoded is read where it lies. */
static struct input *input_of(struct containers *containers, const struct part *part)
{
	if (part->transfer != TRANSFER_IDENTITY)
		return container_decode(containers, part);
	struct input *input =
	    input_new(part->input->fd, part->input->base + part->begin, part->end - part->begin);
	g_ptr_array_add(containers->tree->inputs, input);
	return input;
}

void container_open_message(struct containers *containers, struct part *part)
{
	if (part->is_message) {
		container_open_tnef(containers, part);
		return;
	}
	struct input *input = input_of(containers, part);
	struct defects *defects = defects_new();
	struct part *inner = input ? container_read_message(containers, input, defects) : NULL;
	if (inner)
		container_keep_apart(containers, part, inner);
	defects_free(defects);
}
