#include "mime/part.h"

#include "mime/binding.h"
#include "mime/skeleton.h"

struct build {
	struct input *input;
	struct skeleton *skeleton;
	struct part_tree *tree;
	const struct mime_options *options;
	struct defects *defects;
};

static void log_nothing(const char *domain, GLogLevelFlags level, const char *text, void *data)
{
	(void)domain;
	(void)level;
	(void)text;
	(void)data;
}

void part_open(void)
{
	bound.g_mime_init();
	g_log_set_handler("gmime", G_LOG_LEVEL_MASK, log_nothing, NULL);
}

static bool is_a(GMimeObject *object, GType type)
{
	return bound.g_type_check_instance_is_a((GTypeInstance *)object, type);
}

/* Takes the part that a GMime object of the skeleton stands for. */
static struct part *part_take(struct build *build, GMimeObject *object)
{
	const char *text = bound.g_mime_object_get_header(object, SKELETON_BLOCK);
	gint64 block = text ? g_ascii_strtoll(text, NULL, 10) : -1;

	if (block < 0 || block >= build->skeleton->parts->len)
		return NULL;
	struct part *part = g_ptr_array_index(build->skeleton->parts, block);
	build->skeleton->parts->pdata[block] = NULL;
	return part;
}

static void type_complete(struct part *part, const struct part *parent)
{
	if (*part->type)
		return;
	g_free(part->type);
	part->type = g_strdup(parent && part_is(parent, "multipart/digest") ? "message/rfc822"
									    : "text/plain");
}

/* A multipart nobody can take apart is text: its reader sees it as its sender wrote it. */
static void make_text(struct part *part)
{
	g_free(part->type);
	part->type = g_strdup("text/plain");
	part->is_multipart = false;
}

static void leaf_complete(struct build *build, struct part *part, GMimeObject *object)
{
	GMimeDataWrapper *content = is_a(object, bound.g_mime_part_get_type())
					? bound.g_mime_part_get_content((GMimePart *)object)
					: NULL;
	GMimeStream *stream = content ? bound.g_mime_data_wrapper_get_stream(content) : NULL;

	part->end = part->begin;
	if (stream && stream->bound_end > stream->bound_start)
		part->end = MAX(part->begin, skeleton_content_end(build->skeleton, build->input,
								  (size_t)stream->bound_end));
	if (g_str_has_prefix(part->type, "multipart/"))
		make_text(part);
}

static struct part *build_part(struct build *build, GMimeObject *object, const struct part *parent,
			       unsigned depth);

static void build_children(struct build *build, struct part *part, GMimeMultipart *multipart,
			   unsigned depth)
{
	int count = bound.g_mime_multipart_get_count(multipart);

	if (depth >= build->options->max_depth) {
		defects_add(build->defects,
			    "parts nested deeper than %u; the message is attached whole",
			    build->options->max_depth);
		build->tree->capped = true;
		return;
	}
	for (int i = 0; i < count; i++) {
		struct part *child = build_part(
		    build, bound.g_mime_multipart_get_part(multipart, i), part, depth + 1);
		if (child)
			g_ptr_array_add(part->children, child);
	}
	if (!multipart->write_end_boundary)
		defects_add(build->defects, "%s has no end; the message may be cut off",
			    part->type);
}

static struct part *build_part(struct build *build, GMimeObject *object, const struct part *parent,
			       unsigned depth)
{
	struct part *part = part_take(build, object);

	if (!part)
		return NULL;
	type_complete(part, parent);
	if (!is_a(object, bound.g_mime_multipart_get_type())) {
		leaf_complete(build, part, object);
		return part;
	}
	build_children(build, part, (GMimeMultipart *)object, depth);
	if (part->children->len == 0) {
		defects_add(build->defects, "%s without parts; taken as text", part->type);
		part->end = build->input->size;
		make_text(part);
	}
	return part;
}

static GMimeObject *skeleton_parse(const struct skeleton *skeleton)
{
	GMimeStream *stream =
	    bound.g_mime_stream_mem_new_with_buffer(skeleton->text->str, skeleton->text->len);
	GMimeParser *parser = bound.g_mime_parser_new_with_stream(stream);
	GMimeObject *object = bound.g_mime_parser_construct_part(parser, NULL);

	bound.g_object_unref(parser);
	bound.g_object_unref(stream);
	return object;
}

static struct part *build_root(struct build *build, const struct header *top)
{
	struct part *root = g_ptr_array_index(build->skeleton->parts, 0);

	if (root->is_multipart) {
		GMimeObject *object = skeleton_parse(build->skeleton);
		root = object ? build_part(build, object, NULL, 0) : NULL;
		if (object)
			bound.g_object_unref(object);
	} else {
		build->skeleton->parts->pdata[0] = NULL;
		root->end = build->input->size;
		type_complete(root, NULL);
		if (g_str_has_prefix(root->type, "multipart/"))
			make_text(root);
	}
	return root ? root : part_new("text/plain", top->body, build->input->size);
}

struct part_tree *part_tree_read(struct input *input, const struct header *top,
				 const struct mime_options *options, struct defects *defects)
{
	struct part_tree *tree = g_new0(struct part_tree, 1);
	struct skeleton *skeleton = skeleton_read(input, top, options, defects);
	struct build build = {input, skeleton, tree, options, defects};

	tree->capped = skeleton->capped;
	tree->root = build_root(&build, top);
	skeleton_free(skeleton);
	return tree;
}

void part_tree_free(struct part_tree *tree)
{
	if (!tree)
		return;
	part_free(tree->root);
	g_free(tree);
}
