/*
 * quoted_printable.h - quoted-printable decoding as a sink (RFC 2045, section 6.7).
 *
 * Life:   quoted_printable_init(), pieces through the sink, quoted_printable_finish().
 * Damage: a "=" that begins neither two hexadecimal digits nor a line end stays in the text and is
 *         reported. Blanks before a line end go, as the RFC says.
 */
#ifndef MIME_QUOTED_PRINTABLE_H
#define MIME_QUOTED_PRINTABLE_H

#include "mime/sink.h"

#include <stdbool.h>

enum { QUOTED_HELD_MAX = 256 };

struct quoted_printable {
	struct sink sink; /* write here */
	struct sink *next;
	size_t held_length;
	unsigned char held[QUOTED_HELD_MAX]; /* "=…" or blanks whose meaning is still open */
	bool damaged;
};

void quoted_printable_init(struct quoted_printable *quoted, struct sink *next);

/* Passes on what is left; false when something was damaged. */
bool quoted_printable_finish(struct quoted_printable *quoted);

#endif
