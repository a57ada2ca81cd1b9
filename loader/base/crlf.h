/*
 * crlf.h - text with line feeds alone, as files hold it, becomes text with CRLF, as mail has it.
 *
 * Life:    zeroed before the first byte of a text; nothing to release.
 * Pure:    a lone CR, and a CRLF that is there, stay as they are.
 */
#ifndef LOADER_BASE_CRLF_H
#define LOADER_BASE_CRLF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* One text on its way. */
struct crlf {
	bool after_cr; /* the last byte was a CR */
};

/* Writes the next `size` bytes of the text to `out`, which has room for twice as many, and returns
 * how many they have become. */
static inline size_t crlf_convert(struct crlf *text, const char *bytes, size_t size, char *out)
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

#endif
