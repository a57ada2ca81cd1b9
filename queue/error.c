#include "queue/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int queue_error_set(struct queue_error *err, enum queue_status status, const char *format, ...)
{
	char text[sizeof err->text];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	memcpy(err->text, text, sizeof text);
	err->status = status;
	return -1;
}
