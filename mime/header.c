/* Header blocks, with what mailers and what handles mail on its way do to them. */
#include "mime/header.h"

#include "mime/ascii.h"
#include "mime/content_field.h"

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
	bool no_end;	 /* a delimiter ended it */
	bool blank_end;	 /* a line of blanks ended it */
	unsigned dashed; /* lines that were held against the own boundary */
};

/* More lines that begin with dashes are not held against the header's own boundary. */
enum { DASHED_MAX = 16 };

/* Length of a field's name, its colon not included; 0 when the line begins no field. */
static size_t name_length(const struct line *line)
{
	size_t length = 0;

	while (length < line->length && line->text[length] > ' ' && line->text[length] < 0x7f &&
	       line->text[length] != ':')
		length++;
	size_t colon = length;
	while (colon < line->length && ascii_is_blank(line->text[colon]))
		colon++;
	return colon < line->length && line->text[colon] == ':' ? length : 0;
}

static void field_add(struct reading *reading, const struct line *line, size_t name)
{
	const char *text = (const char *)line->text;
	const char *colon = memchr(text + name, ':', line->length - name);
	size_t skip = (size_t)(colon - text) + 1;
	struct span span = {.name = reading->bytes->len};

	while (skip < line->length && ascii_is_blank(line->text[skip]))
		skip++;
	g_string_append_len(reading->bytes, text, (gssize)name);
	g_string_append_c(reading->bytes, '\0');
	span.value = reading->bytes->len;
	g_string_append_len(reading->bytes, text + skip, (gssize)(line->length - skip));
	span.end = reading->bytes->len;
	g_string_append_c(reading->bytes, '\0');
	g_array_append_val(reading->spans, span);
}

/* A line that has lost its blank gets one back: it went on with a word. */
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

	if (ascii_is_blank(line->text[0])) {
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

/* A line of blanks is a fold where a field follows, and where none does, the empty line that
 * something on the way has filled. */
static bool blanks_end_block(struct input *input, struct line *line, uint64_t offset)
{
	struct line next;
	bool ends = input_line(input, line->next, &next) && next.length > 0 &&
		    !ascii_is_blank(next.text[0]) && name_length(&next) == 0;

	/* The window may have moved. */
	input_line(input, offset, line);
	return ends;
}

static char *boundary_of(const char *raw, size_t length)
{
	g_autofree char *clean = content_field_clean(raw, length);
	struct parameters *content = parameters_parse(clean, strlen(clean));
	char *boundary = g_strdup(parameters_bytes(content, "boundary"));

	parameters_free(content);
	return boundary ? g_strchomp(boundary) : NULL;
}

/* Is the line a delimiter of the multipart whose header this is? Then the header ended before it.
 */
static bool is_own_delimiter(struct reading *reading, const struct line *line)
{
	if (line->length < 3 || memcmp(line->text, "--", 2) != 0 || reading->dashed++ >= DASHED_MAX)
		return false;
	for (guint i = 0; i < reading->spans->len; i++) {
		const struct span *span = &g_array_index(reading->spans, struct span, i);
		const char *bytes = reading->bytes->str;
		if (g_ascii_strcasecmp(bytes + span->name, "Content-Type") != 0)
			continue;
		g_autofree char *boundary =
		    boundary_of(bytes + span->value, span->end - span->value);
		size_t length = boundary ? strlen(boundary) : 0;
		if (length > 0 && line->length - 2 >= length &&
		    memcmp(line->text + 2, boundary, length) == 0)
			return true;
	}
	return false;
}

/* Where the body begins if the block ends with the line at `offset`; false if it goes on. */
static bool block_ends(struct reading *reading, struct input *input, uint64_t offset,
		       const struct header_limits *limits, struct line *line, uint64_t *ret_body)
{
	*ret_body = offset;
	if (limits->stops && limits->stops(limits->context, line))
		return true;
	reading->no_end = is_own_delimiter(reading, line);
	if (reading->no_end)
		return true;
	*ret_body = line->next;
	if (line->length == 0)
		return true;
	reading->blank_end =
	    reading->spans->len > 0 && line_is_blank(line) && blanks_end_block(input, line, offset);
	if (reading->blank_end)
		return true;
	/* A first line that is no field: there is no header. */
	*ret_body = offset;
	return reading->spans->len == 0 && name_length(line) == 0;
}

/* Reads lines until the block ends; returns where the body begins. That is looked for also behind a
 * cap. */
static uint64_t read_lines(struct reading *reading, struct input *input, uint64_t offset,
			   const struct header_limits *limits)
{
	struct line line;
	uint64_t body = offset;

	for (; input_line(input, offset, &line); offset = body = line.next) {
		if (block_ends(reading, input, offset, limits, &line, &body))
			break;
		if (reading->capped)
			continue;
		if (reading->bytes->len + (line.end - offset) + 2 > limits->max_size ||
		    (reading->spans->len >= limits->max_fields && name_length(&line) > 0))
			reading->capped = true;
		else
			line_add(reading, input, &line, offset);
	}
	return reading->junk && !reading->capped ? reading->junk_offset : body;
}

static void tell(const struct reading *reading, const struct header_limits *limits,
		 struct defects *defects)
{
	bool junk_is_text = reading->junk && !reading->capped;

	if (junk_is_text || reading->no_end)
		defects_add(defects, "no blank line between header and text");
	else if (reading->had_junk)
		defects_add(defects, "a line in the header is no field");
	if (reading->blank_end)
		defects_add(defects, "the line between header and text holds blanks");
	if (reading->capped)
		defects_add(defects,
			    "header longer than %zu bytes or %zu fields; the rest is left out",
			    limits->max_size, limits->max_fields);
}

struct header *header_read(struct input *input, uint64_t offset, const struct header_limits *limits,
			   struct defects *defects)
{
	g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(struct span));
	struct reading reading = {
	    .sink = {bytes_write}, .bytes = g_string_sized_new(1024), .spans = spans};
	uint64_t body = read_lines(&reading, input, offset, limits);

	if (reading.junk && !reading.capped)
		junk_drop(&reading);
	tell(&reading, limits, defects);
	struct header *header = header_new(&reading);
	g_string_free(reading.bytes, FALSE);
	header->start = offset;
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

/* --- where the header of a message begins ---------------------------------- */

/* So many lines may stand before it. */
enum { BEFORE_MAX = 10, JUNK_MAX = 3 };

/* Names that no text begins its lines with. */
static bool is_known_field(const struct line *line)
{
	static const char *const names[] = {
	    "Return-Path",  "Received",	    "Delivered-To", "From",	"Sender",
	    "Reply-To",	    "To",	    "Cc",	    "Subject",	"Date",
	    "Message-ID",   "MIME-Version", "Content-Type", "X-Mailer", "DKIM-Signature",
	    "X-Original-To"};
	size_t length = name_length(line);

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strlen(names[i]) == length &&
		    g_ascii_strncasecmp((const char *)line->text, names[i], length) == 0)
			return true;
	return false;
}

/* A message that was pasted somewhere may be indented as a whole. */
static void skip_indent(struct line *line, uint64_t *offset)
{
	while (line->length > 0 && ascii_is_blank(line->text[0])) {
		line->text++;
		line->length--;
		(*offset)++;
	}
}

/* Is there a header at `offset`, at least two fields with known names in its first lines? */
static bool is_header(struct input *input, uint64_t offset)
{
	struct line line;
	unsigned fields = 0;

	for (int i = 0; i < BEFORE_MAX && input_line(input, offset, &line); i++) {
		if (line.length == 0)
			break;
		fields += is_known_field(&line) ? 1 : 0;
		offset = line.next;
	}
	return fields > 1;
}

/* The mark that some editors put before UTF-8, of three bytes. */
static uint64_t skip_mark(struct input *input, uint64_t offset)
{
	size_t length;
	const unsigned char *bytes = input_at(input, offset, &length);

	return length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? offset + 3 : offset;
}

uint64_t header_start(struct input *input, uint64_t offset, struct defects *defects)
{
	uint64_t start = skip_mark(input, offset);
	g_autoptr(GString) junk = g_string_new(NULL);
	struct line line;
	unsigned junk_lines = 0;

	for (int i = 0; i < BEFORE_MAX && input_line(input, start, &line); i++) {
		uint64_t at = start;
		uint64_t next = line.next;
		skip_indent(&line, &at);
		if (name_length(&line) > 0 && (at == offset || is_known_field(&line))) {
			if (at == offset || !is_header(input, at))
				return offset;
			defects_add(defects, "before the header: %s",
				    junk->len > 0 ? junk->str : "blanks or a byte order mark");
			return at;
		}
		if (line.length > 0 && ++junk_lines > JUNK_MAX)
			return offset;
		if (line.length > 0)
			g_string_append_printf(junk, "%s'%.*s'", junk->len > 0 ? ", " : "",
					       (int)MIN(line.length, 60), line.text);
		start = next;
	}
	return offset;
}

bool field_is(const struct field *field, const char *name)
{
	/* Most differ in the first letter, of whatever case. */
	return ((field->name[0] ^ name[0]) & ~('a' - 'A')) == 0 &&
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
