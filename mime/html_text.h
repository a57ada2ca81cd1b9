/*
 * html_text.h - HTML turned to text, as a sink.
 *
 * Life:   html_text_init(), pieces of UTF-8 through the sink, html_text_finish(); html_filter.h in
 *         front.
 * Rules:  a title is dropped (the rest of head, script and style by the filter); br and li start a
 *         line; div, p and tr a paragraph; other blocks a line; a td after the first of its row
 *         follows a tab; hr is a rule of 20 underscores; a link's address stands in brackets before
 *         its text; entities are decoded, the no-break space to a plain one; blanks run together,
 *         except in pre; at most two newlines in a row; no blank at a line's end, no newline at
 *         either end.
 * Memory: libxml2's push parser holds one token, and a stack of HTML_DEPTH_MAX elements: deeper
 *         ones are closed.
 */
#ifndef MIME_HTML_TEXT_H
#define MIME_HTML_TEXT_H

#include "mime/sink.h"

#include <glib.h>
#include <stdbool.h>

enum { HTML_DEPTH_MAX = 500 };

struct _xmlParserCtxt;

struct html_text {
	struct sink sink; /* write here */
	struct sink *next;
	struct _xmlParserCtxt *parser;
	GString *out;	   /* text not yet passed on */
	size_t depth;	   /* open elements */
	size_t dropped;	   /* open elements whose text is dropped */
	size_t preserved;  /* open pre elements */
	unsigned newlines; /* to come before the next text */
	unsigned blanks;   /* to come before the next text */
	unsigned tabs;	   /* to come before the next text: cells begun and still empty */
	bool in_row;	   /* a cell of this row has begun */
	bool row_started;  /* text of this row has come */
	bool started;	   /* text has come */
};

/* What the parser needs once per process. */
void html_text_open(void);
void html_text_close(void);

void html_text_init(struct html_text *html, struct sink *next);
void html_text_finish(struct html_text *html);

#endif
