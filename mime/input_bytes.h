/*
 * input_bytes.h - numbers and bytes at a place in the input, for formats that are no lines.
 */
#ifndef MIME_INPUT_BYTES_H
#define MIME_INPUT_BYTES_H

#include "mime/input.h"

#include <string.h>

/* Copies [offset, offset + length); false when the input does not hold so much. */
static inline bool input_bytes(struct input *input, uint64_t offset, void *bytes, size_t length)
{
	unsigned char *to = bytes;

	while (length > 0) {
		size_t there;
		const unsigned char *from = input_at(input, offset, &there);
		if (there == 0)
			return false;
		size_t n = there < length ? there : length;
		memcpy(to, from, n);
		to += n;
		offset += n;
		length -= n;
	}
	return true;
}

static inline uint64_t little_endian(const unsigned char *bytes, size_t length)
{
	uint64_t number = 0;

	while (length-- > 0)
		number = number << 8 | bytes[length];
	return number;
}

#endif
