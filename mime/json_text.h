/*
 * json_text.h - text as a JSON string.
 */
#ifndef MIME_JSON_TEXT_H
#define MIME_JSON_TEXT_H

#include <glib.h>

/* Appends valid UTF-8 in quotes, escaped (RFC 8259); characters outside ASCII stay as they are. */
void json_text_append(GString *json, const char *text);

#endif
