/*
 * html.h - HTML turned to text, as a sink, and a filter to put in front of it.
 *
 * Life:   html_text_init(), pieces of UTF-8 through the sink, html_text_finish().
 * Rules:  a title is dropped (the rest of head, script and style by the filter); br and li start a
 *         line; div, p and tr a paragraph; other blocks a line; a td after the first of its row
 *         follows a tab; hr is a rule of 20 underscores; a link's address stands in brackets before
 *         its text; entities are decoded, the no-break space to a plain one; blanks run together,
 *         except in pre; at most two newlines in a row; no blank at a line's end, no newline at
 *         either end.
 * Memory: libxml2's push parser holds one token, and a stack of HTML_DEPTH_MAX elements: deeper
 *         ones are closed.
 */
#ifndef MIME_HTML_H
#define MIME_HTML_H

#include "mime/sink.h"

#include <glib.h>
#include <stdbool.h>

/* --- HTML as text ------------------------------------------------------------ */

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

/* --- the filter -------------------------------------------------------------- */
/*
 * HTML without what says nothing to a reader, as a sink in front of the parser.
 *
 * Dropped are comments, declarations (<!…>, Outlook's <![if …]>), processing instructions, and the
 * inside of script and style, and the tags of html, head and body; attribute values are cut at
 * HTML_VALUE_MAX bytes (data: URLs) and tags at HTML_TAG_MAX, because the parser holds a token
 * whole. Pieces passed on end in front of a tag where there is one.
 *
 * Life:   html_filter_init(), pieces through the sink, html_filter_finish().
 * Memory: one piece of HTML_PIECE bytes and a tag.
 */

enum { HTML_PIECE = 8192, HTML_VALUE_MAX = 32768, HTML_TAG_MAX = 131072, HTML_NAME_MAX = 8 };

enum html_filter_state {
	HTML_TEXT,
	HTML_OPEN,	  /* behind "<" */
	HTML_TAG,	  /* in a tag, outside of quotes */
	HTML_QUOTED,	  /* in an attribute's quoted value */
	HTML_BANG,	  /* behind "<!" */
	HTML_COMMENT,	  /* behind "<!--" */
	HTML_DECLARATION, /* in "<!…>" or "<?…>" */
	HTML_RAW	  /* inside script or style */
};

struct html_filter {
	struct sink sink; /* write here */
	struct sink *next;
	GString *piece;
	enum html_filter_state state;
	char quote;
	char before;		      /* the last character of the tag that is no blank */
	size_t tag_start;	      /* of the tag in the piece */
	size_t tag_length;	      /* bytes of the tag so far */
	size_t value_length;	      /* bytes of the quoted value so far */
	size_t dashes;		      /* in a row, in a comment */
	size_t matched;		      /* characters of "</name" seen in raw text */
	char name[HTML_NAME_MAX + 1]; /* the tag's, lower case, cut */
	size_t name_length;
};

void html_filter_init(struct html_filter *filter, struct sink *next);
void html_filter_finish(struct html_filter *filter);

#endif
