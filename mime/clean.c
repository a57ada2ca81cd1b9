/* Passes what is plain on as it is, and looks at single characters only where something may
 * have to go. */
#include "mime/sink.h"

#include "mime/ascii.h"

#include <glib.h>
#include <string.h>

/* Not a byte that may need work: controls, DEL, and the lead bytes of C1 and of U+FEFF. */
static bool is_plain(unsigned char c)
{
	return ascii_is_printable(c) || (c >= 0x80 && c != 0xc2 && c != 0xef) || c == '\n' ||
	       c == '\t';
}

/* How many bytes at the beginning are plain. */
static size_t plain_span(const unsigned char *at, size_t length)
{
	size_t span = 0;

	while (span < length && is_plain(at[span])) {
		span += ascii_span(at + span, length - span);
		while (span < length && !ascii_is_printable(at[span]) && is_plain(at[span]))
			span++;
	}
	return span;
}

static bool is_line_end(unsigned char c)
{
	return c == '\r' || c == '\f' || c == '\v';
}

/* Handles the one character at `at` that is not plain; returns its length. */
static size_t clean_odd(struct clean *clean, const unsigned char *at, size_t left)
{
	if (at[0] == 0xc2 && left > 1) {
		if (at[1] == 0x85)
			sink_write(clean->next, "\n", 1);
		else if (at[1] >= 0xa0)
			sink_write(clean->next, at, 2);
		return 2;
	}
	if (at[0] == 0xef && left > 2) {
		if (clean->started || at[1] != 0xbb || at[2] != 0xbf)
			sink_write(clean->next, at, 3);
		return 3;
	}
	if (is_line_end(at[0]))
		sink_write(clean->next, "\n", 1);
	clean->after_cr = at[0] == '\r';
	return 1;
}

/* A line feed behind a carriage return belongs to it, even when it comes with the next piece. */
static void clean_write(struct sink *sink, const void *bytes, size_t length)
{
	struct clean *clean = (struct clean *)sink;
	const unsigned char *at = bytes;
	const unsigned char *end = at + length;

	while (at < end) {
		if (clean->after_cr && *at == '\n')
			at++;
		clean->after_cr = false;
		size_t span = plain_span(at, (size_t)(end - at));
		sink_write(clean->next, at, span);
		clean->started = clean->started || span > 0;
		at += span;
		if (at < end) {
			at += clean_odd(clean, at, (size_t)(end - at));
			clean->started = true;
		}
	}
}

void clean_init(struct clean *clean, struct sink *next)
{
	*clean = (struct clean){.sink = {clean_write}, .next = next};
}

/* Between characters. */
static void cut_to(GString *text, size_t max_bytes)
{
	if (max_bytes == 0 || text->len <= max_bytes)
		return;
	while (max_bytes > 0 && ((unsigned char)text->str[max_bytes] & 0xc0) == 0x80)
		max_bytes--;
	g_string_truncate(text, max_bytes);
}

char *clean_line(const char *text, size_t max_bytes)
{
	struct string_sink line = string_sink_to(g_string_sized_new(strlen(text)));
	struct clean clean;

	clean_init(&clean, &line.sink);
	sink_write(&clean.sink, text, strlen(text));
	for (char *c = line.string->str; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	cut_to(line.string, max_bytes);
	return g_strstrip(g_string_free(line.string, FALSE));
}

/* Clean text holds no other characters that JSON does not take. */
void clean_append_json(GString *json, const char *text)
{
	g_string_append_c(json, '"');
	for (;;) {
		size_t plain = strcspn(text, "\"\\\n\t\r");
		g_string_append_len(json, text, (gssize)plain);
		text += plain;
		if (!*text)
			break;
		g_string_append_c(json, '\\');
		g_string_append_c(json, *text == '\n'	? 'n'
					: *text == '\t' ? 't'
					: *text == '\r' ? 'r'
							: *text);
		text++;
	}
	g_string_append_c(json, '"');
}
