/*
 * sink.h - somewhere bytes go, piece by piece.
 *
 * Life:    a struct sink is the first member of what receives the bytes; it lives as long as that.
 * Errors:  none here: a receiver that can fail remembers it and swallows the rest.
 * Threads: none.
 */
#ifndef MIME_SINK_H
#define MIME_SINK_H

#include <glib.h>
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

#endif
