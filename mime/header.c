#include "mime/header.h"

#include <glib.h>
#include <string.h>

/* Offsets into the block's bytes, until these have stopped growing. */
struct span {
	size_t name;
	size_t value;
	size_t end;
};

struct reading {
	struct sink sink; /* appends to bytes */
	GString *bytes;	  /* names and values, each with a zero byte behind it */
	GArray *spans;	  /* of struct span */
	bool junk;	  /* lines that are no fields came last */
	size_t junk_bytes;
	uint64_t junk_offset;
	bool had_junk;
	bool capped;
};

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

/* Length of a field's name, its colon not included; 0 when the line begins no field. */
static size_t name_length(const struct line *line)
{
	size_t length = 0;

	while (length < line->length && line->text[length] > ' ' && line->text[length] < 0x7f &&
	       line->text[length] != ':')
		length++;
	size_t colon = length;
	while (colon < line->length && is_blank(line->text[colon]))
		colon++;
	return colon < line->length && line->text[colon] == ':' ? length : 0;
}

static void field_add(struct reading *reading, const struct line *line, size_t name)
{
	const char *text = (const char *)line->text;
	const char *colon = memchr(text + name, ':', line->length - name);
	size_t skip = (size_t)(colon - text) + 1;
	struct span span = {.name = reading->bytes->len};

	while (skip < line->length && is_blank(line->text[skip]))
		skip++;
	g_string_append_len(reading->bytes, text, (gssize)name);
	g_string_append_c(reading->bytes, '\0');
	span.value = reading->bytes->len;
	g_string_append_len(reading->bytes, text + skip, (gssize)(line->length - skip));
	span.end = reading->bytes->len;
	g_string_append_c(reading->bytes, '\0');
	g_array_append_val(reading->spans, span);
}

static void fold_add(struct reading *reading, const struct line *line, bool with_blank)
{
	struct span *last = &g_array_index(reading->spans, struct span, reading->spans->len - 1);

	g_string_truncate(reading->bytes, last->end);
	if (with_blank)
		g_string_append_c(reading->bytes, ' ');
	g_string_append_len(reading->bytes, (const char *)line->text, (gssize)line->length);
	last->end = reading->bytes->len;
	g_string_append_c(reading->bytes, '\0');
}

static void junk_add(struct reading *reading, const struct line *line, uint64_t offset)
{
	struct span *last = &g_array_index(reading->spans, struct span, reading->spans->len - 1);

	if (!reading->junk) {
		reading->junk = true;
		reading->junk_bytes = last->end;
		reading->junk_offset = offset;
	}
	fold_add(reading, line, true);
}

/* The junk at the end was text: gives it back. */
static void junk_drop(struct reading *reading)
{
	struct span *last = &g_array_index(reading->spans, struct span, reading->spans->len - 1);

	last->end = reading->junk_bytes;
	g_string_truncate(reading->bytes, last->end);
	g_string_append_c(reading->bytes, '\0');
}

static void bytes_write(struct sink *sink, const void *bytes, size_t length)
{
	struct reading *reading = (struct reading *)sink;

	g_string_append_len(reading->bytes, bytes, (gssize)length);
}

/* What a very long line has behind the part that input_line() gives. */
static void rest_add(struct reading *reading, struct input *input, uint64_t from, uint64_t end)
{
	struct span *last = &g_array_index(reading->spans, struct span, reading->spans->len - 1);

	g_string_truncate(reading->bytes, last->end);
	input_copy(input, from, end, &reading->sink);
	last->end = reading->bytes->len;
	g_string_append_c(reading->bytes, '\0');
}

static void line_add(struct reading *reading, struct input *input, const struct line *line,
		     uint64_t offset)
{
	size_t name = name_length(line);

	if (is_blank(line->text[0])) {
		fold_add(reading, line, false);
	} else if (name > 0) {
		reading->had_junk = reading->had_junk || reading->junk;
		reading->junk = false;
		field_add(reading, line, name);
	} else {
		junk_add(reading, line, offset);
	}
	if (offset + line->length < line->end)
		rest_add(reading, input, offset + line->length, line->end);
}

static struct header *header_new(const struct reading *reading)
{
	struct header *header = g_new0(struct header, 1);
	char *bytes = reading->bytes->str;

	header->bytes = bytes;
	header->count = reading->spans->len;
	header->size = reading->bytes->len;
	header->fields = g_new0(struct field, header->count);
	for (size_t i = 0; i < header->count; i++) {
		const struct span *span = &g_array_index(reading->spans, struct span, i);
		header->fields[i] = (struct field){
		    .name = bytes + span->name,
		    .value = bytes + span->value,
		    .length = span->end - span->value,
		};
	}
	return header;
}

/* Where the body begins when the block ends at `offset`: with the junk, if that came last. */
static uint64_t body_offset(const struct reading *reading, uint64_t offset)
{
	return reading->junk && !reading->capped ? reading->junk_offset : offset;
}

/* Reads lines until the block ends; returns where the body begins. */
static uint64_t read_lines(struct reading *reading, struct input *input, uint64_t offset,
			   const struct header_limits *limits)
{
	struct line line;

	for (; input_line(input, offset, &line); offset = line.next) {
		if (limits->stops && limits->stops(limits->context, &line))
			return body_offset(reading, offset);
		if (line.length == 0)
			return body_offset(reading, line.next);
		if (reading->spans->len == 0 && name_length(&line) == 0)
			return offset;
		if (reading->capped)
			continue;
		if (reading->bytes->len + (line.end - offset) + 2 > limits->max_size ||
		    (reading->spans->len >= limits->max_fields && name_length(&line) > 0))
			reading->capped = true;
		else
			line_add(reading, input, &line, offset);
	}
	return body_offset(reading, offset);
}

struct header *header_read(struct input *input, uint64_t offset, const struct header_limits *limits,
			   struct defects *defects)
{
	g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(struct span));
	struct reading reading = {
	    .sink = {bytes_write}, .bytes = g_string_sized_new(1024), .spans = spans};
	uint64_t body = read_lines(&reading, input, offset, limits);

	if (reading.junk && !reading.capped) {
		junk_drop(&reading);
		defects_add(defects, "no blank line between header and text");
	} else if (reading.had_junk) {
		defects_add(defects, "a line in the header is no field");
	}
	if (reading.capped)
		defects_add(defects,
			    "header longer than %zu bytes or %zu fields; the rest is left out",
			    limits->max_size, limits->max_fields);

	struct header *header = header_new(&reading);
	g_string_free(reading.bytes, FALSE);
	header->body = body;
	header->capped = reading.capped;
	return header;
}

void header_free(struct header *header)
{
	if (!header)
		return;
	g_free(header->bytes);
	g_free(header->fields);
	g_free(header);
}

bool field_is(const struct field *field, const char *name)
{
	/* Most differ in the first letter. */
	return g_ascii_tolower(field->name[0]) == g_ascii_tolower(name[0]) &&
	       g_ascii_strcasecmp(field->name, name) == 0;
}

const struct field *header_find(const struct header *header, const char *name)
{
	for (size_t i = 0; i < header->count; i++)
		if (field_is(&header->fields[i], name))
			return &header->fields[i];
	return NULL;
}

size_t header_count(const struct header *header, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < header->count; i++)
		if (field_is(&header->fields[i], name))
			count++;
	return count;
}
