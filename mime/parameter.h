/*
 * parameter.h - Content-Type and Content-Disposition: a value and its parameters (RFC 2045, 2183,
 * 2231).
 *
 * Life:  parameters_parse() .. parameters_free().
 * Rules: the RFC 2231 form wins over the plain one, wherever it stands; its sections are joined in
 *        their order, whatever number they begin with or leave out, but a whole form that stands
 *        beside a gap wins; of equal names the first counts; a file name may have blanks without
 *        quotes, and a backslash in quotes that escapes nothing stays (C:\Temp\list.csv).
 */
#ifndef MIME_PARAMETER_H
#define MIME_PARAMETER_H

#include "mime/defects.h"

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
