/*
 * clean.h - text without control characters: valid UTF-8 in, text that any terminal or robot can
 * take out.
 *
 * Life:  clean_init(), then pieces through the sink; nothing to release.
 * Rules: CRLF, CR, form feed, vertical tab and U+0085 become a newline; newline and tab stay; all
 *        other C0 and C1 characters and DEL go; U+FEFF goes at the start.
 * Input: whole characters only, in every piece.
 */
#ifndef MIME_CLEAN_H
#define MIME_CLEAN_H

#include "mime/sink.h"

#include <stdbool.h>

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
