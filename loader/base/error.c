#include "loader/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void error_fill(struct error *err, enum error_kind kind, const char *format, ...)
{
	/* Through a copy: arguments may point into err->text. */
	char text[sizeof err->text];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	memcpy(err->text, text, sizeof text);
	err->kind = kind;
	err->sign_in_refused = false;
	err->outdated = false;
}

void error_put_before(struct error *err, const char *format, ...)
{
	char prefix[sizeof err->text];
	va_list args;
	va_start(args, format);
	vsnprintf(prefix, sizeof prefix, format, args);
	va_end(args);
	const bool sign_in_refused = err->sign_in_refused;
	const bool outdated = err->outdated;
	error_fill(err, err->kind, "%s: %s", prefix, err->text);
	err->sign_in_refused = sign_in_refused;
	err->outdated = outdated;
}
