/*
 * sink.h - somewhere bytes go, piece by piece; and one that cleans text on its way.
 *
 * Life:    a struct sink is the first member of what receives the bytes; it lives as long as that.
 * Errors:  none here: a receiver that can fail remembers it and swallows the rest.
 * Threads: none.
 */
#ifndef MIME_SINK_H
#define MIME_SINK_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct sink {
	void (*write)(struct sink *sink, const void *bytes, size_t length);
};

static inline void sink_write(struct sink *sink, const void *bytes, size_t length)
{
	if (length > 0)
		sink->write(sink, bytes, length);
}

/* Puts the bytes behind what the string has. */
struct string_sink {
	struct sink sink;
	GString *string;
};

static inline void string_sink_write(struct sink *sink, const void *bytes, size_t length)
{
	g_string_append_len(((struct string_sink *)sink)->string, bytes, (gssize)length);
}

static inline struct string_sink string_sink_to(GString *string)
{
	return (struct string_sink){.sink = {string_sink_write}, .string = string};
}

/* --- clean text ------------------------------------------------------------- */
/*
 * Text without control characters: valid UTF-8 in, text that any terminal or robot can take out.
 *
 * Life:  clean_init(), then pieces through the sink; nothing to release.
 * Rules: CRLF, CR, form feed, vertical tab and U+0085 become a newline; newline and tab stay; all
 *        other C0 and C1 characters and DEL go; U+FEFF goes at the start.
 * Input: whole characters only, in every piece.
 */

struct clean {
	struct sink sink; /* write here */
	struct sink *next;
	bool started;
	bool after_cr;
};

void clean_init(struct clean *clean, struct sink *next);

/*
 * One line: newlines and tabs become blanks, ends are trimmed, and no more than max_bytes (0: any
 * number) are kept, cut between characters. Caller frees.
 */
char *clean_line(const char *text, size_t max_bytes);

/* Appends clean text in quotes, escaped (RFC 8259); characters outside ASCII stay as they are. */
void clean_append_json(GString *json, const char *text);

#endif
