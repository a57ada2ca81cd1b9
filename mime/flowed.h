/*
 * flowed.h - format=flowed text with its paragraphs put together (RFC 3676), as a sink.
 *
 * Life:   flowed_init(), pieces of text with "\n" line ends through the sink, flowed_finish().
 * Rules:  lines that end in a blank go on in the next one of the same quote depth; DelSp drops that
 *         blank; "-- " is a signature's separator and stays alone; quotes come out as "> " or ">>
 *         ".
 * Memory: one line; lines beyond FLOWED_LINE_MAX bytes are passed on as they come.
 */
#ifndef MIME_FLOWED_H
#define MIME_FLOWED_H

#include "mime/sink.h"

#include <glib.h>
#include <stdbool.h>

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

void flowed_init(struct flowed *flowed, bool delete_space, struct sink *next);
void flowed_finish(struct flowed *flowed);

#endif
