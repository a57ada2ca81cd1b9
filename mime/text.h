/*
 * text.h - a text part's content as clean UTF-8 in the output.
 */
#ifndef MIME_TEXT_H
#define MIME_TEXT_H

#include "mime/output.h"
#include "mime/part.h"

#include <stdbool.h>
#include <stddef.h>

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

#endif
