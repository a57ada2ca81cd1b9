/*
 * reply.h - the part of an answer that its writer wrote: what stands above the quoted mail, and
 * between and below its lines.
 *
 * Looks for what mail programs put between the two: an attribution line ("On … wrote:", "Am …
 * schrieb …:", "Le … a écrit :", "El … escribió:" and others), Outlook's block of header lines or
 * "-----Original Message-----" in its languages, lines that begin with '>', and lines that ask to
 * reply above them.
 *
 * Threads: one at a time.
 */
#ifndef MIME_REPLY_H
#define MIME_REPLY_H

#include "mime/output.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* The text above the quote, without empty lines around it. Where the quoted lines begin with '>'
 * and answers stand between or below them, all but the quoted lines; a signature alone is no
 * answer. "" where there is no quote, nothing beside it, or where the mail is a forwarded one.
 * `text` is UTF-8 with "\n" line ends. The caller frees with g_free(). */
char *reply_plain(const char *text, size_t length);

/* As reply_plain(), of a body that lies in the output. "" where there is no body; errors are the
 * output's. The caller frees with g_free(). */
char *reply_body(const struct mime_content *body, struct mime_output *output);

/* --- lines ------------------------------------------------------------------- */
/*
 * A text, line by line, as it stands and folded: without blanks around it, in lower
 * case, with one kind of blank and of apostrophe.
 *
 * Life: lines_split() .. lines_clear().
 */

struct reply_line {
	const char *text; /* as it stands */
	const char *folded;
	bool ends_with_colon;
};

struct lines {
	char *text; /* the lines point into it, and into the next */
	char *folded;
	struct reply_line *line;
	size_t count;
	bool has_hint; /* one of the words that lines_split() was given stands in the text */
};

/* The hints are words as they look when they are folded. */
struct lines lines_split(const char *text, size_t length, const char *const *hints,
			 size_t hint_count);
void lines_clear(struct lines *lines);

/* The folded line, owned by `lines`; NULL behind the last one. */
const char *line_at(const struct lines *lines, size_t index);

/* The line as it stands. */
const char *line_text_at(const struct lines *lines, size_t index);

/* False behind the last line. */
bool line_ends_with_colon(const struct lines *lines, size_t index);

bool holds_any(const char *text, const char *const *words, size_t count);

#endif
