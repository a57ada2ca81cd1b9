/*
 * reply_lines.h - a text, line by line, as it stands and folded: without blanks around it, in lower
 * case, with one kind of blank and of apostrophe.
 *
 * Life: lines_split() .. lines_clear().
 */
#ifndef MIME_REPLY_LINES_H
#define MIME_REPLY_LINES_H

#include <glib.h>

struct lines {
	char **text;   /* as they stand */
	char **folded; /* NULL until somebody asks */
	size_t count;
};

struct lines lines_split(const char *text, size_t length);
void lines_clear(struct lines *lines);

/* The folded line, owned by `lines`; NULL behind the last one. */
const char *line_at(struct lines *lines, size_t index);

#endif
