/*
 * redact_internal.h - what a text can be decoded to, each byte with its place in that text.
 */
#ifndef LOADER_BASE_REDACT_INTERNAL_H
#define LOADER_BASE_REDACT_INTERNAL_H

#include "queue/base/scoped.h"

#include <stddef.h>
#include <stdint.h>

/* A text, or what it can be decoded to: byte i is made of the text's bytes from[i] .. to[i] - 1,
 * of base64 and hexadecimal digits of the whole run of them. */
struct redact_view {
	size_t size;
	size_t room;
	unsigned char *bytes;
	uint32_t *from;
	uint32_t *to;
};

/* The text itself. */
struct redact_view *redact_view_new(const char *bytes, size_t size);
void redact_view_free(struct redact_view *view); /* takes NULL */
SCOPED_DEFINE(struct redact_view *, redact_view_free)

/* What a view decodes to; NULL where nothing in it is encoded in this way. Runs of base64 and of
 * hexadecimal digits begin at each of their offsets, with a NUL between. */
typedef struct redact_view *redact_decoder(const struct redact_view *view);
redact_decoder redact_unescape;
redact_decoder redact_decode_base64;
redact_decoder redact_decode_hex;

#endif
