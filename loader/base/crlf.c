/* Copies line by line; a CR is put in where none stands before the line feed. */
#include "loader/base/crlf.h"

#include <string.h>

size_t crlf_convert(struct crlf *text, const char *bytes, size_t size, char *out)
{
	const char *end = bytes + size;
	char *to = out;
	while (bytes < end) {
		const char *feed = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t length = (size_t)((feed != NULL ? feed : end) - bytes);
		memcpy(to, bytes, length);
		to += length;
		if (length > 0)
			text->after_cr = bytes[length - 1] == '\r';
		if (feed == NULL)
			break;
		if (!text->after_cr)
			*to++ = '\r';
		*to++ = '\n';
		text->after_cr = false;
		bytes = feed + 1;
	}
	return (size_t)(to - out);
}
