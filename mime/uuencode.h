/*
 * uuencode.h - uuencoded files: as the encoding "x-uuencode" of old mail, and between the lines of
 * a text (POSIX, uuencode(1)).
 */
#ifndef MIME_UUENCODE_H
#define MIME_UUENCODE_H

#include "mime/input.h"

/* A file between the lines of a text. */
struct uuencoded {
	uint64_t begin; /* offset of its "begin" line, or of its first line where that is missing */
	uint64_t data;	/* what uuencode_decode() reads begins here */
	uint64_t data_end; /* and ends here */
	uint64_t end;	   /* offset behind its "end" line, or behind its last one */
	char *name;	   /* NULL where none can be read */
	bool damaged;	/* "begin" or "end" is missing or cannot be read, or a line between them */
	bool is_base64; /* uuencode -m: what lies in [data, data_end) is base64 */
};

/*
 * The first file in [begin, end). A "begin" line needs one line of data behind it; one that is
 * damaged (no mode, no name, other letters), or missing, needs three full lines. Between full lines
 * one may be damaged. The name is the caller's.
 */
bool uuencode_find(struct input *input, uint64_t begin, uint64_t end, struct uuencoded *ret_file);

/*
 * Decodes the first file in [begin, end) into the sink. Without a "begin" line or a first line of
 * data everything is passed on as it is. False when that, or the "end" line, is missing.
 */
bool uuencode_decode(struct input *input, uint64_t begin, uint64_t end, struct sink *sink);

#endif
