/*
 * sink.h - somewhere bytes go, piece by piece.
 *
 * Life:    a struct sink is the first member of what receives the bytes; it lives as long as that.
 * Errors:  none here: a receiver that can fail remembers it and swallows the rest.
 * Threads: none.
 */
#ifndef MIME_SINK_H
#define MIME_SINK_H

#include <stddef.h>

struct sink {
	void (*write)(struct sink *sink, const void *bytes, size_t length);
};

static inline void sink_write(struct sink *sink, const void *bytes, size_t length)
{
	if (length > 0)
		sink->write(sink, bytes, length);
}

#endif
