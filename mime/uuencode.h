/*
 * uuencode.h - uuencode decoding, the encoding "x-uuencode" of old mail (POSIX, uuencode(1)).
 */
#ifndef MIME_UUENCODE_H
#define MIME_UUENCODE_H

#include "mime/input.h"

/*
 * Decodes the first file in [begin, end) into the sink. Without a "begin" line everything is passed
 * on as it is. False when that, or the "end" line, is missing.
 */
bool uuencode_decode(struct input *input, uint64_t begin, uint64_t end, struct sink *sink);

#endif
