#include "mime/skeleton.h"

#include <string.h>

/* Delimiter lines are at most two per part, and some for what is closed twice. */
enum { DELIMITERS_PER_PART = 3, HEADER_SIZES_MAX = 16 };

struct scan {
	struct input *input;
	const struct mime_options *options;
	struct defects *defects;
	struct skeleton *skeleton;
	GHashTable *boundaries; /* text -> number + 1 */
	GString *candidate;
	uint64_t previous_end; /* end of the line before */
	size_t header_bytes;
	bool in_content;
};

/* The number of the boundary a line closes or separates with, or -1. */
static int delimiter_number(struct scan *scan, const struct line *line, bool *ret_closing)
{
	size_t length = line->length;

	if (length < 3 || line->text[0] != '-' || line->text[1] != '-')
		return -1;
	while (length > 2 && (line->text[length - 1] == ' ' || line->text[length - 1] == '\t'))
		length--;
	if (length - 2 > scan->options->max_boundary + 2)
		return -1;

	GString *candidate = scan->candidate;
	g_string_truncate(candidate, 0);
	g_string_append_len(candidate, (const char *)line->text + 2, (gssize)length - 2);
	*ret_closing = false;
	int number = GPOINTER_TO_INT(g_hash_table_lookup(scan->boundaries, candidate->str));
	if (number == 0 && g_str_has_suffix(candidate->str, "--")) {
		g_string_truncate(candidate, candidate->len - 2);
		number = GPOINTER_TO_INT(g_hash_table_lookup(scan->boundaries, candidate->str));
		*ret_closing = true;
	}
	return number - 1;
}

static bool is_delimiter(void *context, const struct line *line)
{
	bool closing;

	return delimiter_number(context, line, &closing) >= 0;
}

/* The boundary's number; -1 when the multipart has none that could be used. */
static int boundary_number(struct scan *scan, const struct part *part)
{
	const char *boundary = parameters_bytes(part->content, "boundary");

	if (!boundary || !*boundary) {
		defects_add(scan->defects, "%s without a boundary; taken as text", part->type);
		return -1;
	}
	if (strlen(boundary) > scan->options->max_boundary) {
		defects_add(scan->defects, "boundary longer than %u bytes; %s taken as text",
			    scan->options->max_boundary, part->type);
		scan->skeleton->capped = true;
		return -1;
	}
	int known = GPOINTER_TO_INT(g_hash_table_lookup(scan->boundaries, boundary));
	if (known == 0) {
		known = (int)g_hash_table_size(scan->boundaries) + 1;
		g_hash_table_insert(scan->boundaries, g_strdup(boundary), GINT_TO_POINTER(known));
	}
	return known - 1;
}

static void block_add(struct scan *scan, const struct header *header)
{
	struct skeleton *skeleton = scan->skeleton;
	/* Whether no type means text or, in a digest, a message is known only in the tree. */
	struct part *part = part_from_header(header, "", scan->defects);
	int number = -1;

	part->begin = header->body;
	if (g_str_has_prefix(part->type, "multipart/")) {
		number = boundary_number(scan, part);
		part->is_multipart = number >= 0;
	}
	g_string_append_printf(skeleton->text, SKELETON_BLOCK ": %u\n", skeleton->parts->len);
	if (number >= 0)
		g_string_append_printf(skeleton->text,
				       "Content-Type: multipart/mixed; boundary=b%d\n\n", number);
	else
		g_string_append(skeleton->text, "Content-Type: application/octet-stream\n\n");
	g_ptr_array_add(skeleton->parts, part);
	scan->in_content = false;
	scan->previous_end = header->body;
}

static void delimiter_add(struct scan *scan, int number, bool closing)
{
	struct delimiter delimiter = {
	    .at = scan->skeleton->text->len,
	    .content_end = scan->previous_end,
	};

	g_array_append_val(scan->skeleton->delimiters, delimiter);
	g_string_append_printf(scan->skeleton->text, "--b%d%s\n", number, closing ? "--" : "");
	scan->in_content = false;
}

static bool line_is_delimiter(struct scan *scan, uint64_t offset)
{
	struct line line;

	return input_line(scan->input, offset, &line) && is_delimiter(scan, &line);
}

/* Reads the header block of the part that starts here; returns where its content starts. */
static uint64_t header_add(struct scan *scan, uint64_t offset)
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
	if (header->count == 0 && body == offset && line_is_delimiter(scan, offset)) {
		header_free(header);
		return body;
	}
	scan->header_bytes += header->size;
	scan->skeleton->capped = scan->skeleton->capped || header->capped;
	g_ptr_array_add(scan->skeleton->blocks, header);
	block_add(scan, header);
	return body;
}

static void content_add(struct scan *scan)
{
	if (!scan->in_content)
		g_string_append(scan->skeleton->text, ".\n");
	scan->in_content = true;
}

static bool within_caps(struct scan *scan)
{
	if (scan->skeleton->delimiters->len < scan->options->max_parts * DELIMITERS_PER_PART &&
	    scan->skeleton->parts->len <= scan->options->max_parts &&
	    scan->header_bytes <= (size_t)scan->options->max_header_size * HEADER_SIZES_MAX)
		return true;
	defects_add(scan->defects, "more than %u parts; the message is attached whole",
		    scan->options->max_parts);
	scan->skeleton->capped = true;
	return false;
}

/* Passes over lines that cannot be delimiters; returns where the next one starts that may be. */
static uint64_t skip_content(struct scan *scan, uint64_t offset)
{
	uint64_t next = input_find_dashes(scan->input, offset, &scan->previous_end);

	if (next > offset)
		content_add(scan);
	return next;
}

static void scan_lines(struct scan *scan, uint64_t offset)
{
	struct line line;

	while (offset = skip_content(scan, offset), input_line(scan->input, offset, &line)) {
		bool closing;
		int number = delimiter_number(scan, &line, &closing);
		if (number < 0) {
			content_add(scan);
			scan->previous_end = line.end;
			offset = line.next;
			continue;
		}
		if (!within_caps(scan))
			return;
		delimiter_add(scan, number, closing);
		scan->previous_end = line.next;
		offset = closing ? line.next : header_add(scan, line.next);
	}
}

static void header_free_data(void *data)
{
	header_free(data);
}

static void part_free_data(void *data)
{
	part_free(data);
}

struct skeleton *skeleton_read(struct input *input, const struct header *top,
			       const struct mime_options *options, struct defects *defects)
{
	struct skeleton *skeleton = g_new0(struct skeleton, 1);
	g_autoptr(GHashTable) boundaries =
	    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct scan scan = {
	    .input = input,
	    .options = options,
	    .defects = defects,
	    .skeleton = skeleton,
	    .boundaries = boundaries,
	    .candidate = g_string_new(NULL),
	};

	skeleton->text = g_string_new(NULL);
	skeleton->blocks = g_ptr_array_new_with_free_func(header_free_data);
	skeleton->parts = g_ptr_array_new_with_free_func(part_free_data);
	skeleton->delimiters = g_array_new(FALSE, FALSE, sizeof(struct delimiter));
	block_add(&scan, top);
	if (g_hash_table_size(boundaries) > 0)
		scan_lines(&scan, top->body);
	else
		content_add(&scan);
	g_string_free(scan.candidate, TRUE);
	return skeleton;
}

void skeleton_free(struct skeleton *skeleton)
{
	if (!skeleton)
		return;
	g_string_free(skeleton->text, TRUE);
	g_ptr_array_unref(skeleton->blocks);
	g_ptr_array_unref(skeleton->parts);
	g_array_unref(skeleton->delimiters);
	g_free(skeleton);
}

uint64_t skeleton_content_end(const struct skeleton *skeleton, struct input *input, size_t at)
{
	for (guint i = 0; i < skeleton->delimiters->len; i++) {
		const struct delimiter *delimiter =
		    &g_array_index(skeleton->delimiters, struct delimiter, i);
		if (delimiter->at >= at)
			return delimiter->content_end;
	}
	return input->size;
}
