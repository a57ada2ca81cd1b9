/*
 * transfer.h - content transfer encodings (RFC 2045), forgiving as mail needs it.
 *
 * Rules:  base64 goes on behind padding, does without it, and skips what is not of its alphabet,
 *         unless that is so much that the text has not been encoded at all; quoted-printable keeps
 *         a "=" that means nothing; uuencode starts at its "begin" line.
 * Memory: a few kB, whatever the size.
 */
#ifndef MIME_TRANSFER_H
#define MIME_TRANSFER_H

#include "mime/input.h"

#include <glib.h>

enum transfer { TRANSFER_IDENTITY, TRANSFER_BASE64, TRANSFER_QUOTED_PRINTABLE, TRANSFER_UUENCODE };

/* The encoding a Content-Transfer-Encoding names; false (and identity) when it is none we know. */
bool transfer_parse(const char *name, enum transfer *ret_transfer);

/* Decodes [begin, end) of the input into the sink; false when the encoding was damaged. */
bool transfer_decode(struct input *input, uint64_t begin, uint64_t end, enum transfer transfer,
		     struct sink *sink);

/* The text of an encoded word (RFC 2047), "B" or "Q", appended to `bytes`. */
void transfer_decode_word(const char *text, size_t length, bool is_base64, GString *bytes);

#endif
