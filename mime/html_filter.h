/*
 * html_filter.h - HTML without what says nothing to a reader, as a sink in front of the parser.
 *
 * Dropped are comments, declarations (<!…>, Outlook's <![if …]>), processing instructions, and the
 * inside of script and style, and the tags of html, head and body; attribute values are cut at
 * HTML_VALUE_MAX bytes (data: URLs) and tags at HTML_TAG_MAX, because the parser holds a token
 * whole. Pieces passed on end in front of a tag where there is one.
 *
 * Life:   html_filter_init(), pieces through the sink, html_filter_finish().
 * Memory: one piece of HTML_PIECE bytes and a tag.
 */
#ifndef MIME_HTML_FILTER_H
#define MIME_HTML_FILTER_H

#include "mime/sink.h"

#include <glib.h>

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
