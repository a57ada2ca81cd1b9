/* What GMime is given of a message. Its contents it does not need to take the message apart, and
 * is better off without: GMime 3.2 keeps what stands in front of and behind the parts in memory,
 * compares each line that begins with dashes with all boundaries, and takes the middle of a line
 * longer than its buffer for the beginning of one. Its header blocks and delimiters it gets as
 * they were meant. */
#include "mime/skeleton.h"

#include <stdlib.h>
#include <string.h>

/* Delimiter lines are at most two per part, and some for what is closed twice. */
enum { DELIMITERS_PER_PART = 3, HEADER_SIZES_MAX = 16 };

static void block_clear(void *data)
{
	part_free(((struct skeleton_block *)data)->part);
}

struct skeleton *skeleton_new(struct input *input, const struct mime_options *options,
			      struct defects *defects)
{
	struct skeleton *skeleton = g_new0(struct skeleton, 1);

	skeleton->input = input;
	skeleton->options = options;
	skeleton->defects = defects;
	skeleton->text = g_string_sized_new(512);
	skeleton->runs = g_array_new(FALSE, FALSE, sizeof(struct skeleton_run));
	skeleton->blocks = g_array_new(FALSE, FALSE, sizeof(struct skeleton_block));
	g_array_set_clear_func(skeleton->blocks, block_clear);
	skeleton->delimiters = g_array_new(FALSE, FALSE, sizeof(struct skeleton_delimiter));
	skeleton->boundaries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return skeleton;
}

void skeleton_free(struct skeleton *skeleton)
{
	if (!skeleton)
		return;
	g_string_free(skeleton->text, TRUE);
	g_array_unref(skeleton->runs);
	g_array_unref(skeleton->blocks);
	g_array_unref(skeleton->delimiters);
	g_hash_table_unref(skeleton->boundaries);
	g_free(skeleton);
}

uint64_t skeleton_offset(const struct skeleton *skeleton, size_t place)
{
	const struct skeleton_run *runs = (const void *)skeleton->runs->data;
	guint low = 0;
	guint high = skeleton->runs->len;

	while (high - low > 1) {
		guint middle = low + (high - low) / 2;
		if (runs[middle].place <= place)
			low = middle;
		else
			high = middle;
	}
	return skeleton->runs->len > 0 ? runs[low].offset : 0;
}

static int compare_places(const void *a, const void *b)
{
	size_t left = ((const struct skeleton_block *)a)->place;
	size_t right = ((const struct skeleton_block *)b)->place;

	return left < right ? -1 : left > right;
}

struct part *skeleton_take_part(struct skeleton *skeleton, size_t place)
{
	struct skeleton_block wanted = {.place = place};
	struct skeleton_block *block = bsearch(
	    &wanted, skeleton->blocks->data, skeleton->blocks->len, sizeof(wanted), compare_places);

	return g_steal_pointer(&block->part);
}

struct part *skeleton_take_only_part(struct skeleton *skeleton)
{
	struct skeleton_block *first = &g_array_index(skeleton->blocks, struct skeleton_block, 0);

	if (skeleton->blocks->len > 1 || part_is_multipart_type(first->part))
		return NULL;
	return g_steal_pointer(&first->part);
}

static void run_begin(struct skeleton *skeleton, uint64_t offset)
{
	struct skeleton_run run = {.place = skeleton->text->len, .offset = offset};

	g_array_append_val(skeleton->runs, run);
}

/* --- what is written ------------------------------------------------------ */

static void content_write(struct skeleton *skeleton, uint64_t begin, uint64_t end)
{
	if (begin == end)
		return;
	run_begin(skeleton, begin);
	g_string_append_c(skeleton->text, '.');
	run_begin(skeleton, end);
}

/* The line end in front of a delimiter belongs to it. */
static void content_write_line(struct skeleton *skeleton, uint64_t begin, uint64_t text_end,
			       uint64_t line_end)
{
	if (begin == line_end)
		return;
	run_begin(skeleton, begin);
	g_string_append_c(skeleton->text, '.');
	run_begin(skeleton, MAX(begin, text_end));
	g_string_append_c(skeleton->text, '\n');
	run_begin(skeleton, line_end);
}

static void delimiter_write(struct skeleton *skeleton, const char *boundary, bool closing,
			    uint64_t previous_end)
{
	struct skeleton_delimiter delimiter = {boundary, closing, previous_end};

	g_array_append_val(skeleton->delimiters, delimiter);
	g_string_append_printf(skeleton->text, "--%s%s\n", boundary, closing ? "--" : "");
}

/*
 * GMime asks only whether a part is a multipart; any other has no fields, which cost it most of its
 * time. Of a digest's parts it would take those for messages, and go into a message of any kind;
 * but a forwarded message is one attachment, with its bytes as they are.
 */
static void block_write(struct skeleton *skeleton, struct part *part)
{
	bool is_multipart = part_is_multipart_type(part) && skeleton_add_boundary(skeleton, part);
	struct skeleton_block block = {.place = skeleton->text->len, .part = part};

	run_begin(skeleton, part->begin);
	if (is_multipart)
		g_string_append_printf(skeleton->text,
				       "Content-Type: multipart/mixed; boundary=\"%s\"\n",
				       skeleton_boundary(skeleton, part));
	else if (part_is_multipart_type(part))
		part_take_as_text(part);
	g_string_append_c(skeleton->text, '\n');
	if (!is_multipart)
		block.place = skeleton->text->len;
	g_array_append_val(skeleton->blocks, block);
}

/* --- header blocks -------------------------------------------------------- */

static struct part *part_of(struct skeleton *skeleton, const struct header *header,
			    const struct field *type)
{
	return part_from_header(skeleton->input, header, type, skeleton->defects);
}

static bool is_multipart(const struct field *type)
{
	const char *value = type->value + strspn(type->value, " \t");

	return g_ascii_strncasecmp(value, "multipart/", strlen("multipart/")) == 0;
}

/*
 * Of several Content-Types a multipart counts whose delimiters are there, else the first that is
 * none. A type behind the multipart's is its first part's, whose delimiter has been lost, if there
 * is a text for it.
 */
static const struct field *choose_type(struct skeleton *skeleton, const struct header *header,
				       const struct field **ret_first_part)
{
	const struct field *simple = NULL;
	const struct field *multipart = NULL;
	const struct field *end = header->fields + header->count;

	*ret_first_part = NULL;
	for (const struct field *field = header->fields; field < end; field++) {
		if (!field_is(field, "Content-Type"))
			continue;
		if (!is_multipart(field)) {
			simple = simple ? simple : field;
			*ret_first_part = multipart && !*ret_first_part ? field : *ret_first_part;
			continue;
		}
		struct part *part = part_of(skeleton, header, field);
		if (!multipart && skeleton_delimiter_follows(skeleton, header->body, part))
			multipart = field;
		part_free(part);
	}
	const struct field *first = header_find(header, "Content-Type");
	return multipart ? multipart : simple ? simple : first;
}

static bool line_has(const struct line *line, const char *word)
{
	return memmem(line->text, line->length, word, strlen(word)) != NULL;
}

/*
 * Text of a part. What mailers tell readers without MIME is none, up to the next blank line, e.g.
 * "This is a multi-part message in MIME format."
 */
static bool text_stands_at(struct skeleton *skeleton, uint64_t offset)
{
	struct line line;
	bool in_notice = false;

	while (input_line(skeleton->input, offset, &line) &&
	       !skeleton_is_delimiter(skeleton, &line)) {
		bool is_blank = line_is_blank(&line);
		bool is_notice = line_has(&line, "MIME") && line_has(&line, "message");

		in_notice = !is_blank && (in_notice || is_notice);
		if (!is_blank && !in_notice)
			return true;
		offset = line.next;
	}
	return false;
}

static void block_repeated(struct skeleton *skeleton, const struct header *header)
{
	const struct field *first_part;
	const struct field *type = choose_type(skeleton, header, &first_part);
	struct part *part = part_of(skeleton, header, type);

	defects_add(skeleton->defects, "field Content-Type repeated; %s counts", part->type);
	block_write(skeleton, part);
	if (!first_part || !part_is_multipart_type(part) || !text_stands_at(skeleton, header->body))
		return;
	defects_add(skeleton->defects, "delimiter before the first part of %s missing", part->type);
	delimiter_write(skeleton, skeleton_boundary(skeleton, part), false, header->body);
	block_write(skeleton, part_of(skeleton, header, first_part));
}

static void block_add(struct skeleton *skeleton, const struct header *header)
{
	skeleton->header_bytes += header->size;
	skeleton->capped = skeleton->capped || header->capped;
	if (header_count(header, "Content-Type") > 1)
		block_repeated(skeleton, header);
	else
		block_write(skeleton,
			    part_of(skeleton, header, header_find(header, "Content-Type")));
}

static bool line_is_delimiter(struct skeleton *skeleton, uint64_t offset)
{
	struct line line;

	return input_line(skeleton->input, offset, &line) && skeleton_is_delimiter(skeleton, &line);
}

/* Reads the header block that a part begins with; returns where its content does. */
static uint64_t block_read(struct skeleton *skeleton, uint64_t offset)
{
	struct header_limits limits = {
	    .max_size = skeleton->options->max_header_size,
	    .max_fields = skeleton->options->max_headers,
	    .stops = skeleton_is_delimiter,
	    .context = skeleton,
	};

	/* Two delimiters in a row have no part between them. */
	if (offset == skeleton->input->size || line_is_delimiter(skeleton, offset))
		return offset;
	struct header *header = header_read(skeleton->input, offset, &limits, skeleton->defects);
	uint64_t body = header->body;
	block_add(skeleton, header);
	header_free(header);
	return body;
}

/* --- the pass ------------------------------------------------------------- */

static bool within_caps(struct skeleton *skeleton)
{
	if (skeleton->delimiters->len < skeleton->options->max_parts * DELIMITERS_PER_PART &&
	    skeleton->parts_before + skeleton->blocks->len <= skeleton->options->max_parts &&
	    skeleton->header_bytes <= (size_t)skeleton->options->max_header_size * HEADER_SIZES_MAX)
		return true;
	defects_add(skeleton->defects, "more than %u parts; the message is attached whole",
		    skeleton->options->max_parts);
	skeleton->capped = true;
	return false;
}

static void lines_read(struct skeleton *skeleton, uint64_t offset)
{
	uint64_t begin = offset;
	uint64_t previous_end = offset;
	struct line line;
	bool closing;

	while (g_hash_table_size(skeleton->boundaries) > 0) {
		offset = input_find_dashes(skeleton->input, offset, &previous_end);
		if (!input_line(skeleton->input, offset, &line))
			break;
		const char *boundary = skeleton_delimited(skeleton, &line, &closing);
		if (!boundary) {
			previous_end = line.end;
			offset = line.next;
			continue;
		}
		if (!within_caps(skeleton))
			break;
		content_write_line(skeleton, begin, previous_end, offset);
		delimiter_write(skeleton, boundary, closing, previous_end);
		offset = closing ? line.next : block_read(skeleton, line.next);
		begin = offset;
		previous_end = offset == line.next ? line.end : offset;
		run_begin(skeleton, offset);
	}
	content_write(skeleton, begin, skeleton->input->size);
}

void skeleton_read(struct skeleton *skeleton, const struct header *top)
{
	block_add(skeleton, top);
	lines_read(skeleton, top->body);
}

void skeleton_read_multipart(struct skeleton *skeleton, struct part *multipart)
{
	uint64_t begin = multipart->begin;

	block_write(skeleton, multipart);
	lines_read(skeleton, begin);
}
