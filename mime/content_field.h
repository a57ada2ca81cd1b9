/*
 * content_field.h - Content-Type, Content-Disposition and Content-Transfer-Encoding as mailers
 * write them, put as RFC 2045 and 2183 want them.
 *
 * Life:  content_field_clean() on the raw value of a field, then parameters_parse() on what comes
 *        out.
 * Rules: comments go (RFC 5322, 3.2.2), but for what looks like one in a file name without quotes
 *        ("invoice (2).pdf"); quotes around the value and quoted pairs are undone, but for those in
 *        a file name; a semicolon that is missing or a comma that stands for it is put in; a value
 *        that is missing ("charset=utf-8") is "".
 */
#ifndef MIME_CONTENT_FIELD_H
#define MIME_CONTENT_FIELD_H

#include "mime/defects.h"

#include <stddef.h>

/* --- as mailers write them --------------------------------------------------- */
/* "value; name=\"text\"; …" on one line, without zero bytes. Caller frees. */
char *content_field_clean(const char *raw, size_t length);

/*
 * The type at the start of a value, in lower case; behind it may be anything that is no part of a
 * type ("text/plain>"). NULL where there is none. Caller frees.
 */
char *content_field_type(const char *value);

/* --- value and parameters ---------------------------------------------------- */
/*
 * Content-Type and Content-Disposition: a value and its parameters (RFC 2045, 2183,
 * 2231).
 *
 * Life:  parameters_parse() .. parameters_free().
 * Rules: the RFC 2231 form wins over the plain one, wherever it stands; its sections are joined in
 *        their order, whatever number they begin with or leave out, but a whole form that stands
 *        beside a gap wins; of equal names the first counts; a file name may have blanks without
 *        quotes, and a backslash in quotes that escapes nothing stays (C:\Temp\list.csv).
 */

struct parameters;

/* Never NULL. */
struct parameters *parameters_parse(const char *raw, size_t length);
void parameters_free(struct parameters *parameters);

/* What stands before the first ";", in lower case, without blanks; "" when nothing does. */
const char *parameters_value(const struct parameters *parameters);

/* The bytes of a parameter, percent signs decoded, charset untouched; NULL when there is none. */
const char *parameters_bytes(const struct parameters *parameters, const char *name);

/* The same as one line of UTF-8, encoded words decoded; missing sections are a defect. Caller
 * frees. */
char *parameters_text(const struct parameters *parameters, const char *name, const char *hint,
		      struct defects *defects);

#endif
