/*
 * code_page.h - charsets by the numbers that Windows gives them.
 */
#ifndef MIME_CODE_PAGE_H
#define MIME_CODE_PAGE_H

/* The label that charset_find() knows; NULL for a number without one. Static. */
const char *code_page_label(unsigned code_page);

/* The code page of an RTF font's \fcharset; 0 where it names none. */
unsigned code_page_of_font(unsigned font_charset);

#endif
