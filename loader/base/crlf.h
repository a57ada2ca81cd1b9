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

/* One text on its way. */
struct crlf {
	bool after_cr; /* the last byte was a CR */
};

/* Writes the next `size` bytes of the text to `out`, which has room for twice as many, and returns
 * how many they have become. */
size_t crlf_convert(struct crlf *text, const char *bytes, size_t size, char *out);

#endif
