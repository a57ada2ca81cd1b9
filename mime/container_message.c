/* A message within the message: taken apart by the same rules, its bodies chosen by the same. What is
 * wrong with it is its sender's business; the entry tells of its own mail. */
#include "mime/container_internal.h"

#include "mime/body.h"

bool container_is_message(const struct part *part)
{
	return part->is_message || part_is(part, "message/rfc822") ||
	       part_is(part, "message/global");
}

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
