/*
 * text.h - a text part's content as clean UTF-8 in the output.
 */
#ifndef MIME_TEXT_H
#define MIME_TEXT_H

#include "mime/output.h"
#include "mime/part.h"
#include "mime/sink.h"

#include <glib.h>
#include <stdbool.h>

/* Writes a text part: transfer encoding, charset and format=flowed undone. */
void text_store(const struct part *part, struct mime_output *output, struct defects *defects,
		struct mime_content *ret_content);

/* Writes HTML, stored before, as text. */
void text_store_from_html(const struct mime_content *html, struct mime_output *output,
			  struct mime_content *ret_content);

/* Nothing but blanks and newlines. */
bool text_is_blank(const struct mime_content *content, struct mime_output *output);

/* The charset that an HTML document names in its head, lower case; NULL when none. Caller frees. */
char *text_html_charset(const char *bytes, size_t length);

/* --- format=flowed ----------------------------------------------------------- */
/*
 * Format=flowed text with its paragraphs put together (RFC 3676), as a sink.
 *
 * Life:   flowed_init(), pieces of text with "\n" line ends through the sink, flowed_finish().
 * Rules:  lines that end in a blank go on in the next one of the same quote depth; DelSp drops that
 *         blank; "-- " is a signature's separator and stays alone; quotes come out as "> " or ">>
 *         ".
 * Memory: one line; lines beyond FLOWED_LINE_MAX bytes are passed on as they come.
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

void flowed_init(struct flowed *flowed, bool delete_space, struct sink *next);
void flowed_finish(struct flowed *flowed);

#endif
