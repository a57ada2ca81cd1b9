/* Gathers a line until its end, which says whether the paragraph goes on. */
#include "mime/flowed.h"

#include <string.h>

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

void flowed_init(struct flowed *flowed, bool delete_space, struct sink *next)
{
	*flowed = (struct flowed){
	    .sink = {flowed_write},
	    .next = next,
	    .delete_space = delete_space,
	    .line = g_string_new(NULL),
	};
}

void flowed_finish(struct flowed *flowed)
{
	if (flowed->line->len > 0 && flowed->inside)
		line_pass(flowed, false);
	else if (flowed->line->len > 0)
		line_end(flowed, false);
	paragraph_end(flowed);
	g_string_free(flowed->line, TRUE);
}
