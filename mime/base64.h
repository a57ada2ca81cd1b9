/*
 * base64.h - base64 decoding as a sink (RFC 2045, section 6.8).
 *
 * Life:   base64_init(), pieces through the sink, base64_finish(); nothing to release.
 * Damage: characters outside the alphabet, data behind padding, and a lone last character are
 *         survived and reported; missing padding is not even that.
 */
#ifndef MIME_BASE64_H
#define MIME_BASE64_H

#include "mime/sink.h"

#include <stdbool.h>
#include <stdint.h>

struct base64 {
	struct sink sink; /* write here */
	struct sink *next;
	uint32_t bits;
	unsigned count; /* characters in bits, 0-3 */
	bool padded;
	bool damaged;
};

void base64_init(struct base64 *base64, struct sink *next);

/* Passes on the last bytes; false when something was damaged. */
bool base64_finish(struct base64 *base64);

#endif
