/* A chain of sinks: transfer encoding into scratch memory, from there charset, format=flowed
 * and cleaning into the output. */
#include "mime/text.h"

#include "mime/charset.h"
#include "mime/html.h"
#include "mime/sink.h"

#include <string.h>

/* --- format=flowed ----------------------------------------------------------- */

/*
 * Puts the paragraphs of format=flowed text together (RFC 3676): lines that end in a blank go on in
 * the next one of the same quote depth; DelSp drops that blank; "-- " is a signature's separator and
 * stays alone; quotes come out as "> " or ">> ". A line longer than FLOWED_LINE_MAX bytes is passed
 * on as it comes.
 */
enum { FLOWED_LINE_MAX = 65536 };

struct flowed {
	struct sink sink; /* write here */
	struct sink *next;
	bool delete_space;
	bool open;   /* the line before goes on */
	bool inside; /* of a line whose start was passed on already */
	size_t depth;
	GString *line;
};

static void write_quote(struct flowed *flowed, bool before_text)
{
	for (size_t i = 0; i < flowed->depth; i++)
		sink_write(flowed->next, ">", 1);
	if (flowed->depth > 0 && before_text)
		sink_write(flowed->next, " ", 1);
}

static void paragraph_end(struct flowed *flowed)
{
	if (flowed->open)
		sink_write(flowed->next, "\n", 1);
	flowed->open = false;
}

/* The start of a very long line, or what follows it. */
static void line_pass(struct flowed *flowed, bool has_newline)
{
	if (!flowed->inside && !flowed->open)
		flowed->depth = 0;
	sink_write(flowed->next, flowed->line->str, flowed->line->len);
	sink_write(flowed->next, "\n", has_newline ? 1 : 0);
	g_string_truncate(flowed->line, 0);
	flowed->open = false;
	flowed->inside = !has_newline;
}

static void line_end(struct flowed *flowed, bool has_newline)
{
	const char *text = flowed->line->str;
	size_t depth = strspn(text, ">");

	text += depth;
	/* Space-stuffing: one blank in front says nothing. */
	if (*text == ' ')
		text++;
	size_t length = strlen(text);
	bool is_signature = strcmp(text, "-- ") == 0;
	if (depth != flowed->depth || is_signature)
		paragraph_end(flowed);
	flowed->depth = depth;
	if (!flowed->open)
		write_quote(flowed, length > 0);

	bool flows = has_newline && !is_signature && length > 0 && text[length - 1] == ' ';
	if (flows && flowed->delete_space)
		length--;
	sink_write(flowed->next, text, length);
	flowed->open = flows;
	if (has_newline && !flows)
		sink_write(flowed->next, "\n", 1);
	g_string_truncate(flowed->line, 0);
}

static void flowed_write(struct sink *sink, const void *bytes, size_t length)
{
	struct flowed *flowed = (struct flowed *)sink;
	const char *at = bytes;
	const char *end = at + length;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		g_string_append_len(flowed->line, at, stop - at);
		if (flowed->line->len > FLOWED_LINE_MAX || (flowed->inside && newline))
			line_pass(flowed, newline != NULL);
		else if (newline)
			line_end(flowed, true);
		at = newline ? newline + 1 : end;
	}
}

static void flowed_init(struct flowed *flowed, bool delete_space, struct sink *next)
{
	*flowed = (struct flowed){
	    .sink = {flowed_write},
	    .next = next,
	    .delete_space = delete_space,
	    .line = g_string_new(NULL),
	};
}

static void flowed_finish(struct flowed *flowed)
{
	if (flowed->line->len > 0 && flowed->inside)
		line_pass(flowed, false);
	else if (flowed->line->len > 0)
		line_end(flowed, false);
	paragraph_end(flowed);
	g_string_free(flowed->line, TRUE);
}

/* --- text parts -------------------------------------------------------------- */

/* A page names its charset in its first 1,024 bytes (HTML), or a little later. */
enum { PIECE = 16384, HTML_HEAD_BYTES = 4096 };

struct scratch_source {
	struct text_source source;
	struct scratch *scratch;
};

static void scratch_feed(struct text_source *source, struct sink *sink)
{
	struct scratch *scratch = ((struct scratch_source *)source)->scratch;
	char piece[PIECE];
	size_t n;

	for (uint64_t at = 0; (n = scratch_read(scratch, at, piece, sizeof(piece))) > 0; at += n)
		sink_write(sink, piece, n);
}

char *text_html_charset(const char *bytes, size_t length)
{
	g_autofree char *head = g_ascii_strdown(bytes, (gssize)MIN(length, HTML_HEAD_BYTES));
	const char *meta = head;

	while ((meta = strstr(meta, "<meta"))) {
		const char *end = strchr(meta, '>');
		const char *name = strstr(meta, "charset=");
		if (name && (!end || name < end)) {
			name += strlen("charset=");
			name += strspn(name, "\"' ");
			return g_strndup(name, strcspn(name, "\"' ;/>"));
		}
		meta += strlen("<meta");
	}
	return NULL;
}

/* The label of the part; HTML may carry it itself. A page that we could read says no UTF-16. */
static char *label_of(const struct part *part, struct scratch *scratch, struct defects *defects)
{
	char head[HTML_HEAD_BYTES];
	char *label = parameters_text(part->content, "charset", NULL, defects);

	if ((label && *label) || !strstr(part->type, "html"))
		return label;
	g_free(label);
	g_autofree char *named =
	    text_html_charset(head, scratch_read(scratch, 0, head, sizeof(head)));
	return named && !g_str_has_prefix(named, "utf-16") ? g_steal_pointer(&named) : NULL;
}

static bool parameter_is(const struct part *part, const char *name, const char *value)
{
	const char *bytes = parameters_bytes(part->content, name);

	return bytes && g_ascii_strcasecmp(bytes, value) == 0;
}

/* Paragraphs are joined after cleaning, which has made newlines of all line ends. */
static void convert(struct text_source *source, struct charset_choice choice,
		    const struct part *part, struct sink *sink)
{
	struct clean clean;
	struct flowed flowed;

	if (!part_is(part, "text/plain") || !parameter_is(part, "format", "flowed")) {
		clean_init(&clean, sink);
		charset_convert(source, choice, &clean.sink);
		return;
	}
	flowed_init(&flowed, parameter_is(part, "delsp", "yes"), sink);
	clean_init(&clean, &flowed.sink);
	charset_convert(source, choice, &clean.sink);
	flowed_finish(&flowed);
}

void text_store(const struct part *part, struct mime_output *output, struct defects *defects,
		struct mime_content *ret_content)
{
	struct scratch scratch;
	struct scratch_source source = {{scratch_feed}, &scratch};
	struct content_writer writer;
	const char *what = strstr(part->type, "html") ? "the HTML" : "the text";

	scratch_init(&scratch, output);
	if (!transfer_decode(part->input, part->begin, part->end, part->transfer, &scratch.sink))
		defects_add(defects, "transfer encoding of %s damaged", what);
	g_autofree char *label = label_of(part, &scratch, defects);
	struct charset_choice choice = charset_choose(&source.source, label, NULL, what, defects);

	/* Behind what was decoded, which may lie in the output. */
	content_begin(&writer, output, ret_content);
	convert(&source.source, choice, part, &writer.sink);
	scratch_clear(&scratch);
}

void text_store_from_html(const struct mime_content *html, struct mime_output *output,
			  struct mime_content *ret_content)
{
	struct html_filter filter;
	struct html_text text;
	struct clean clean;
	struct content_writer writer;
	struct mime_content source = *html;

	content_begin(&writer, output, ret_content);
	clean_init(&clean, &writer.sink);
	html_text_init(&text, &clean.sink);
	html_filter_init(&filter, &text.sink);
	output_copy(output, source.offset, source.offset + source.size, &filter.sink);
	html_filter_finish(&filter);
	html_text_finish(&text);
}

bool text_is_blank(const struct mime_content *content, struct mime_output *output)
{
	char piece[256];
	size_t n;

	for (uint64_t at = 0; at < content->size; at += n) {
		size_t wanted = (size_t)MIN((uint64_t)sizeof(piece), content->size - at);
		n = output_read(output, content->offset + at, piece, wanted);
		for (size_t i = 0; i < n; i++)
			if (!strchr(" \t\n", piece[i]))
				return false;
		if (n == 0)
			break;
	}
	return true;
}
