#include "mime/part.h"

#include <string.h>

/* Delimiter lines are at most two per part, and some for what is closed twice. */
enum { DELIMITERS_PER_PART = 3, HEADER_SIZES_MAX = 16 };

/* A multipart whose end has not come yet. */
struct level {
	struct part *part;
	const char *boundary;
	size_t length;
};

/*
 * One pass over the lines of a message. A part lasts to the next delimiter of a multipart that it
 * lies in, whichever: what a broken mailer left open ends with what is around it (RFC 2046, 5.1.2).
 */
struct scan {
	struct input *input;
	const struct mime_options *options;
	struct defects *defects;
	struct part_tree *tree;
	GArray *levels;	       /* of struct level, the outermost first */
	struct part *leaf;     /* whose content goes by; NULL before, between and behind parts */
	uint64_t previous_end; /* end of the line before */
	size_t parts;
	size_t delimiters;
	size_t header_bytes;
};

static size_t without_blanks(const char *text, size_t length)
{
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	return length;
}

static const struct level *level_at(const struct scan *scan, guint i)
{
	return &g_array_index(scan->levels, struct level, i);
}

static bool boundary_is(const struct level *level, const char *text, size_t length)
{
	return level->length == length && memcmp(level->boundary, text, length) == 0;
}

/* The innermost level that a line separates the parts of, or ends; -1 for any other line. */
static int delimiter_level(const struct scan *scan, const struct line *line, bool *ret_closing)
{
	if (line->length < 3 || line->text[0] != '-' || line->text[1] != '-')
		return -1;
	const char *text = (const char *)line->text + 2;
	size_t length = without_blanks(text, line->length - 2);
	bool ends = length > 2 && text[length - 1] == '-' && text[length - 2] == '-';
	for (guint i = scan->levels->len; i-- > 0;) {
		const struct level *level = level_at(scan, i);
		*ret_closing = ends && boundary_is(level, text, length - 2);
		if (*ret_closing || boundary_is(level, text, length))
			return (int)i;
	}
	return -1;
}

static bool is_delimiter(void *context, const struct line *line)
{
	bool closing;

	return delimiter_level(context, line, &closing) >= 0;
}

static bool line_is_delimiter(struct scan *scan, uint64_t offset)
{
	struct line line;

	return input_line(scan->input, offset, &line) && is_delimiter(scan, &line);
}

/* --- parts begin and end ------------------------------------------------ */

/* A multipart nobody can take apart is text: its reader sees it as its sender wrote it. */
static void take_as_text(struct scan *scan, struct part *part)
{
	g_free(part->type);
	part->type = g_strdup("text/plain");
	part->is_multipart = false;
	scan->leaf = part;
}

/* False when a multipart has no boundary that could be used, or lies too deep. */
static bool level_open(struct scan *scan, struct part *part)
{
	const char *boundary = parameters_bytes(part->content, "boundary");
	struct level level = {.part = part, .boundary = boundary};

	level.length = boundary ? without_blanks(boundary, strlen(boundary)) : 0;
	if (level.length == 0) {
		defects_add(scan->defects, "%s without a boundary; taken as text", part->type);
		return false;
	}
	if (level.length > scan->options->max_boundary) {
		defects_add(scan->defects, "boundary longer than %u bytes; %s taken as text",
			    scan->options->max_boundary, part->type);
		scan->tree->capped = true;
		return false;
	}
	if (scan->levels->len >= scan->options->max_depth) {
		defects_add(scan->defects,
			    "parts nested deeper than %u; the message is attached whole",
			    scan->options->max_depth);
		scan->tree->capped = true;
		return false;
	}
	part->is_multipart = true;
	g_array_append_val(scan->levels, level);
	return true;
}

static struct part *part_begin(struct scan *scan, const struct header *header,
			       const struct part *parent)
{
	bool in_digest = parent && part_is(parent, "multipart/digest");
	struct part *part =
	    part_from_header(header, in_digest ? "message/rfc822" : "text/plain", scan->defects);

	part->begin = header->body;
	scan->previous_end = header->body;
	scan->parts++;
	if (!g_str_has_prefix(part->type, "multipart/"))
		scan->leaf = part;
	else if (!level_open(scan, part))
		take_as_text(scan, part);
	return part;
}

static void leaf_end(struct scan *scan, uint64_t end)
{
	if (scan->leaf)
		scan->leaf->end = MAX(scan->leaf->begin, end);
	scan->leaf = NULL;
}

static void level_close(struct scan *scan, bool has_end)
{
	struct part *part = level_at(scan, scan->levels->len - 1)->part;

	g_array_set_size(scan->levels, scan->levels->len - 1);
	if (!has_end)
		defects_add(scan->defects, "%s has no end; the message may be cut off", part->type);
	if (part->children->len > 0)
		return;
	defects_add(scan->defects, "%s without parts; taken as text", part->type);
	take_as_text(scan, part);
}

/* Ends what lies deeper than so many levels. */
static void levels_cut(struct scan *scan, guint count, uint64_t end)
{
	leaf_end(scan, end);
	while (scan->levels->len > count) {
		level_close(scan, scan->tree->capped);
		leaf_end(scan, end);
	}
}

/* --- the pass ----------------------------------------------------------- */

/* Reads the part that starts here; returns where its content does. */
static uint64_t part_read(struct scan *scan, struct part *parent, uint64_t offset)
{
	struct header_limits limits = {
	    .max_size = scan->options->max_header_size,
	    .max_fields = scan->options->max_headers,
	    .stops = is_delimiter,
	    .context = scan,
	};
	struct header *header = header_read(scan->input, offset, &limits, scan->defects);
	uint64_t body = header->body;

	/* Two delimiters in a row have no part between them. */
	if (header->count > 0 || body != offset || !line_is_delimiter(scan, offset)) {
		scan->header_bytes += header->size;
		scan->tree->capped = scan->tree->capped || header->capped;
		g_ptr_array_add(parent->children, part_begin(scan, header, parent));
	}
	header_free(header);
	return body;
}

/* Returns where to go on. */
static uint64_t delimiter_pass(struct scan *scan, guint level, bool closing,
			       const struct line *line)
{
	scan->delimiters++;
	levels_cut(scan, level + 1, scan->previous_end);
	scan->previous_end = line->next;
	if (!closing)
		return part_read(scan, level_at(scan, level)->part, line->next);
	level_close(scan, true);
	return line->next;
}

static bool within_caps(struct scan *scan)
{
	if (scan->delimiters < (size_t)scan->options->max_parts * DELIMITERS_PER_PART &&
	    scan->parts <= scan->options->max_parts &&
	    scan->header_bytes <= (size_t)scan->options->max_header_size * HEADER_SIZES_MAX)
		return true;
	defects_add(scan->defects, "more than %u parts; the message is attached whole",
		    scan->options->max_parts);
	scan->tree->capped = true;
	return false;
}

static void scan_lines(struct scan *scan, uint64_t offset)
{
	struct line line;

	while (scan->levels->len > 0) {
		offset = input_find_dashes(scan->input, offset, &scan->previous_end);
		if (!input_line(scan->input, offset, &line))
			return;
		bool closing;
		int level = delimiter_level(scan, &line, &closing);
		if (level < 0) {
			scan->previous_end = line.end;
			offset = line.next;
		} else if (within_caps(scan)) {
			offset = delimiter_pass(scan, (guint)level, closing, &line);
		} else {
			return;
		}
	}
}

struct part_tree *part_tree_read(struct input *input, const struct header *top,
				 const struct mime_options *options, struct defects *defects)
{
	struct part_tree *tree = g_new0(struct part_tree, 1);
	g_autoptr(GArray) levels = g_array_new(FALSE, FALSE, sizeof(struct level));
	struct scan scan = {
	    .input = input,
	    .options = options,
	    .defects = defects,
	    .tree = tree,
	    .levels = levels,
	};

	tree->root = part_begin(&scan, top, NULL);
	scan_lines(&scan, top->body);
	levels_cut(&scan, 0, input->size);
	return tree;
}

void part_tree_free(struct part_tree *tree)
{
	if (!tree)
		return;
	part_free(tree->root);
	g_free(tree);
}
