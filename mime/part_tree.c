/* GMime takes the message apart; here its objects become ours, with places in the input. */
#include "mime/container_internal.h"
#include "mime/part.h"
#include "mime/skeleton.h"

#include <gmime/gmime.h>
#include <string.h>

void part_tree_open(void)
{
	g_mime_init();
}

struct walk {
	struct skeleton *skeleton;
	struct mime_output *output;
	struct part_tree *tree;
	size_t *parts;	       /* of the message so far */
	GPtrArray *boundaries; /* of the multiparts around, as in the skeleton */
	bool is_decoded;       /* it lies in an encoded multipart */
};

static struct part *part_take(struct walk *walk, GMimeObject *object, const struct part *parent);
static struct part *tree_grow(struct walk *walk, struct part *multipart);

static const GMimeStream *content_of(GMimeObject *leaf)
{
	return g_mime_data_wrapper_get_stream(g_mime_part_get_content(GMIME_PART(leaf)));
}

/* Where the content of a leaf begins, or the header block of a multipart: its only field is
 * there. */
static size_t place_of(GMimeObject *object)
{
	if (!GMIME_IS_MULTIPART(object))
		return (size_t)content_of(object)->bound_start;
	GMimeHeaderList *fields = g_mime_object_get_header_list(object);
	return (size_t)g_mime_header_get_offset(g_mime_header_list_get_header_at(fields, 0));
}

static void leaf_take(struct walk *walk, struct part *part, uint64_t begin, uint64_t end,
		      const struct part *parent)
{
	/* What a digest holds are messages unless they say otherwise (RFC 2046, 5.1.5). */
	if (!part->is_typed && parent && part_is(parent, "multipart/digest")) {
		g_free(part->type);
		part->type = g_strdup("message/rfc822");
	}
	part->begin = begin;
	part->end = end;
	container_take_out_files(part, walk->skeleton->defects);
}

/* --- multiparts without parts --------------------------------------------- */

static bool is_around(const struct walk *walk, const char *boundary)
{
	for (guint i = 0; i < walk->boundaries->len; i++)
		if (strcmp(g_ptr_array_index(walk->boundaries, i), boundary) == 0)
			return true;
	return false;
}

/* Looks at the delimiters behind the start of a multipart: returns where what is around it goes on;
 * *ret_opened is set when one begins a part of it. */
static uint64_t multipart_end(const struct walk *walk, const struct part *part, bool *ret_opened)
{
	const struct skeleton *skeleton = walk->skeleton;
	const char *own = skeleton_boundary(skeleton, part);
	bool closed = false;

	*ret_opened = false;
	for (guint i = 0; i < skeleton->delimiters->len; i++) {
		const struct skeleton_delimiter *delimiter =
		    &g_array_index(skeleton->delimiters, struct skeleton_delimiter, i);
		if (delimiter->previous_end < part->begin)
			continue;
		if (is_around(walk, delimiter->boundary))
			return MAX(part->begin, delimiter->previous_end);
		if (!own || strcmp(delimiter->boundary, own) != 0)
			continue;
		*ret_opened = *ret_opened || (!closed && !delimiter->closing);
		closed = true;
	}
	return skeleton->input->size;
}

static bool is_encoded(const struct part *part)
{
	return part->transfer == TRANSFER_BASE64 || part->transfer == TRANSFER_QUOTED_PRINTABLE;
}

/* Some mailers encode a multipart as a whole, though RFC 2045 (6.4) forbids it. NULL when no parts
 * come out. */
static struct part *part_decode(struct walk *walk, struct part *part)
{
	struct content_writer writer;
	struct mime_content content;
	struct part *parts = NULL;

	content_begin(&writer, walk->output, &content);
	transfer_decode(part->input, part->begin, part->end, part->transfer, &writer.sink);
	/* It is read back from the file. */
	if (mime_output_flush(walk->output) < 0)
		return NULL;
	struct input *input = input_new(walk->output->fd, content.offset, content.size);
	struct part *inner = part_new(input, part->type, 0, content.size);
	struct parameters *swapped = inner->content;
	inner->content = part->content;
	part->content = swapped;
	g_ptr_array_add(walk->tree->inputs, input);
	parts = tree_grow(walk, inner);
	if (parts->is_multipart) {
		defects_add(walk->skeleton->defects, "%s as a whole encoded; decoded", part->type);
		return parts;
	}
	part->content = parts->content;
	parts->content = swapped;
	part_free(parts);
	g_ptr_array_remove(walk->tree->inputs, input);
	return NULL;
}

static void tell_of_end(struct walk *walk, const struct part *part, const GMimeMultipart *object)
{
	if (!object->write_end_boundary && !walk->skeleton->capped)
		defects_add(walk->skeleton->defects, "%s has no end; the message may be cut off",
			    part->type);
}

/* A multipart that is encoded as a whole shows no delimiters before it is decoded. */
static struct part *without_parts(struct walk *walk, struct part *part, GMimeMultipart *object)
{
	struct defects *defects = walk->skeleton->defects;
	bool opened;

	part->end = multipart_end(walk, part, &opened);
	if (opened) {
		tell_of_end(walk, part, object);
		defects_add(defects, "%s without parts", part->type);
		return part;
	}
	struct part *decoded =
	    is_encoded(part) && !walk->is_decoded ? part_decode(walk, part) : NULL;
	if (decoded) {
		part_free(part);
		return decoded;
	}
	if (!walk->is_decoded)
		tell_of_end(walk, part, object);
	defects_add(defects, "%s without parts; taken as text", part->type);
	part_take_as_text(part);
	return part;
}

/* --- multiparts ----------------------------------------------------------- */

static struct part *too_deep(struct walk *walk, struct part *part)
{
	bool opened;

	defects_add(walk->skeleton->defects,
		    "parts nested deeper than %u; the message is attached whole",
		    walk->skeleton->options->max_depth);
	walk->tree->capped = true;
	part->end = multipart_end(walk, part, &opened);
	part_take_as_text(part);
	return part;
}

static struct part *multipart_take(struct walk *walk, struct part *part, GMimeMultipart *object)
{
	const char *boundary = skeleton_boundary(walk->skeleton, part);

	if (walk->boundaries->len >= walk->skeleton->options->max_depth)
		return too_deep(walk, part);
	part->is_multipart = true;
	if (g_mime_multipart_get_count(object) == 0)
		return without_parts(walk, part, object);
	tell_of_end(walk, part, object);
	g_ptr_array_add(walk->boundaries, (void *)boundary);
	for (int i = 0; i < g_mime_multipart_get_count(object); i++)
		g_ptr_array_add(part->children,
				part_take(walk, g_mime_multipart_get_part(object, i), part));
	g_ptr_array_set_size(walk->boundaries, (gint)walk->boundaries->len - 1);
	return part;
}

static struct part *part_take(struct walk *walk, GMimeObject *object, const struct part *parent)
{
	const struct skeleton *skeleton = walk->skeleton;
	struct part *part = skeleton_take_part(walk->skeleton, place_of(object));

	if (GMIME_IS_MULTIPART(object))
		return multipart_take(walk, part, GMIME_MULTIPART(object));
	const GMimeStream *content = content_of(object);
	leaf_take(walk, part, skeleton_offset(skeleton, (size_t)content->bound_start),
		  skeleton_offset(skeleton, (size_t)content->bound_end), parent);
	return part;
}

/* --- the tree ------------------------------------------------------------- */

static struct part *parts_take(struct walk *walk)
{
	const GString *text = walk->skeleton->text;
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(text->str, text->len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeObject *object = g_mime_parser_construct_part(parser, NULL);
	struct part *root = part_take(walk, object, NULL);

	g_object_unref(object);
	g_object_unref(parser);
	g_object_unref(stream);
	return root;
}

/* A message of one part has nothing that GMime could take apart. */
static struct part *only_part_take(struct walk *walk)
{
	struct part *part = skeleton_take_only_part(walk->skeleton);

	if (part)
		leaf_take(walk, part, part->begin, walk->skeleton->input->size, NULL);
	return part;
}

static struct part *skeleton_take_apart(struct walk *walk)
{
	*walk->parts += walk->skeleton->blocks->len;
	struct part *only = only_part_take(walk);
	struct part *root = only ? only : parts_take(walk);

	walk->tree->capped = walk->tree->capped || walk->skeleton->capped;
	return root;
}

/* What a decoded multipart holds. */
static struct part *tree_grow(struct walk *walk, struct part *multipart)
{
	struct skeleton *outer = walk->skeleton;
	g_autoptr(GPtrArray) boundaries = g_ptr_array_new();
	struct walk inner = {
	    .skeleton = skeleton_new(multipart->input, outer->options, outer->defects),
	    .output = walk->output,
	    .tree = walk->tree,
	    .parts = walk->parts,
	    .boundaries = boundaries,
	    .is_decoded = true,
	};

	inner.skeleton->parts_before = *walk->parts;
	skeleton_read_multipart(inner.skeleton, multipart);
	struct part *root = skeleton_take_apart(&inner);
	skeleton_free(inner.skeleton);
	return root;
}

static void input_free_data(void *data)
{
	input_free(data);
}

struct part_tree *part_tree_read(struct input *input, const struct header *top,
				 const struct mime_options *options, struct mime_output *output,
				 struct defects *defects)
{
	struct part_tree *tree = g_new0(struct part_tree, 1);
	g_autoptr(GPtrArray) boundaries = g_ptr_array_new();
	size_t parts = 0;
	struct walk walk = {
	    .skeleton = skeleton_new(input, options, defects),
	    .output = output,
	    .tree = tree,
	    .parts = &parts,
	    .boundaries = boundaries,
	};

	tree->input = input;
	tree->inputs = g_ptr_array_new_with_free_func(input_free_data);
	skeleton_read(walk.skeleton, top);
	tree->root = skeleton_take_apart(&walk);
	skeleton_free(walk.skeleton);
	return tree;
}

void part_tree_free(struct part_tree *tree)
{
	if (!tree)
		return;
	part_free(tree->root);
	for (guint i = 0; i < tree->inputs->len; i++) {
		const struct input *decoded = g_ptr_array_index(tree->inputs, i);
		/* Errors are looked for in the message's own input alone. */
		if (decoded->error)
			tree->input->error = decoded->error;
	}
	g_ptr_array_unref(tree->inputs);
	g_free(tree);
}
