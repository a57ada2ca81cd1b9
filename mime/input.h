/*
 * input.h - the raw message, read through one bounded window, and its lines.
 *
 * Life:      input_new() .. input_free(), within one mime_parse().
 * Units:     offsets count from the first byte of the message, not of the file.
 * Ownership: pointers handed out stay valid until the next call with the same input.
 * Errors:    a failed read is remembered in `error` (an errno) and looks like the message's end.
 * Files:     pread() and mmap(): an offset that is shared stays as it is. The file must not become
 *            shorter: the process would be killed.
 */
#ifndef MIME_INPUT_H
#define MIME_INPUT_H

#include "mime/sink.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct input {
	int fd;
	int error;     /* errno of the first failed read, else 0 */
	bool cr_lines; /* the message has no LF at all: lines end in CR */
	uint64_t base; /* of the message in the file */
	uint64_t size; /* of the message */
	uint64_t at;   /* of the window in the message */
	size_t length; /* bytes in the window */
	const unsigned char *window;
	unsigned char *memory; /* of a short message; a long one is mapped */
	unsigned char *map;
	size_t mapped; /* bytes of it */
};

/* A line without its end; what is longer than INPUT_LINE_MAX is cut in `text`, never in `next`. */
struct line {
	const unsigned char *text;
	size_t length;
	uint64_t end;  /* offset behind the text, before the line end */
	uint64_t next; /* offset of the next line */
};

enum { INPUT_LINE_MAX = 32768 };

struct input *input_new(int fd, uint64_t base, uint64_t size);
void input_free(struct input *input);

/* The bytes at `offset`, as many as lie in the window; *ret_length is 0 only at the end or on
 * error. */
const unsigned char *input_at(struct input *input, uint64_t offset, size_t *ret_length);

/* The line that starts at `offset`; false at the end of the message. LF, CRLF and (cr_lines) CR end
 * it. */
bool input_line(struct input *input, uint64_t offset, struct line *ret_line);

/* An empty line, or one of blanks and tabs. */
bool line_is_blank(const struct line *line);

/*
 * The first line from `first_line` on that begins with two dashes; the end of the message if there
 * is none. Where lines were passed over, *ret_previous_end becomes the end of the last one's text.
 */
uint64_t input_find_dashes(struct input *input, uint64_t first_line, uint64_t *ret_previous_end);

/* Passes [begin, end) on. */
void input_copy(struct input *input, uint64_t begin, uint64_t end, struct sink *sink);

/* --- numbers and bytes ------------------------------------------------------- */
/*
 * Numbers and bytes at a place in the input, for formats that are no lines.
 */

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
