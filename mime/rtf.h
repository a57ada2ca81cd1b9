/*
 * rtf.h - RTF turned to text, or back to the HTML that Outlook made it of, as a sink.
 *
 * Life:   rtf_new(), pieces of RTF through the sink, rtf_free() after rtf_finish().
 * Rules:  paragraphs, lines and rows end in a newline, cells in a tab; what is no text (fonts,
 *         pictures, fields' instructions, headers) goes; bytes are read in the code page of their
 *         font. As HTML (MS-OXRTFEX) only the tags and the text between them count.
 * Memory: RTF_DEPTH_MAX groups, RTF_FONTS_MAX fonts, and a line of text.
 */
#ifndef MIME_RTF_H
#define MIME_RTF_H

#include "mime/sink.h"

#include <stdbool.h>

/* Deeper groups and further fonts are read without what they say of themselves. */
enum { RTF_DEPTH_MAX = 200, RTF_FONTS_MAX = 500 };

enum rtf_form { RTF_TEXT, RTF_HTML };

struct rtf;

struct rtf *rtf_new(enum rtf_form form, struct sink *next);
void rtf_free(struct rtf *rtf);

/* Write here. */
struct sink *rtf_sink(struct rtf *rtf);

/* Passes on what is still held. */
void rtf_finish(struct rtf *rtf);

/* Was the RTF made of HTML? */
bool rtf_is_from_html(const struct rtf *rtf);

#endif
