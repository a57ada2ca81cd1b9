/*
 * signature.h - what proves to a receiver who posted: HMAC-SHA256 over id, time and body.
 *
 * As Standard Webhooks has it (https://www.standardwebhooks.com): the headers webhook-id,
 * webhook-timestamp and webhook-signature, the last "v1," and the base64 of the HMAC over
 * "ID.SECONDS.BODY".
 */
#ifndef LOADER_HTTP_SIGNATURE_H
#define LOADER_HTTP_SIGNATURE_H

#include "loader/http/body.h"

enum { SIGNATURE_SIZE = sizeof "v1," + 44 };

struct signature_input {
	const char *key; /* "whsec_" and base64, or any text: then its bytes are the key */
	const char *id;
	int64_t time_s;
};

/* CONFIGURATION for a key that begins with whsec_ but is no base64. */
int signature_check_key(const char *key, struct error *err);

/* Reads the whole body, and rewinds it. Errors: the body's, and the key's. */
int signature_make(const struct signature_input *input, struct body *body,
		   char ret_signature[static SIGNATURE_SIZE], struct error *err);

#endif
