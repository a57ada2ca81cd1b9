/*
 * content_field.h - Content-Type, Content-Disposition and Content-Transfer-Encoding as mailers
 * write them, put as RFC 2045 and 2183 want them.
 *
 * Life:  content_field_clean() on the raw value of a field, then parameters_parse() on what comes
 *        out.
 *
 * Rules: comments go (RFC 5322, 3.2.2), but for what looks like one in a file name without quotes
 *        ("invoice (2).pdf"); quotes around the value and quoted pairs are undone, but for those in
 *        a file name; a semicolon that is missing or a comma that stands for it is put in; a value
 *        that is missing ("charset=utf-8") is "".
 */
#ifndef MIME_CONTENT_FIELD_H
#define MIME_CONTENT_FIELD_H

#include <stddef.h>

/* "value; name=\"text\"; …" on one line, without zero bytes. Caller frees. */
char *content_field_clean(const char *raw, size_t length);

/*
 * The type at the start of a value, in lower case; behind it may be anything that is no part of a
 * type ("text/plain>"). NULL where there is none. Caller frees.
 */
char *content_field_type(const char *value);

#endif
