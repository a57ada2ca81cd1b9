/*
 * post.h - a mail as it is posted, the formats it is posted in, and the signature that proves to a
 * receiver who posted it.
 *
 * Ownership: all in a post is borrowed, until the body made from it is released.
 * Source:    CloudMailin's HTTP POST formats; field names are theirs exactly. Signatures as Standard
 *            Webhooks has them (https://www.standardwebhooks.com): the headers webhook-id,
 *            webhook-timestamp and webhook-signature, the last "v1," and the base64 of the
 *            HMAC-SHA256 over "ID.SECONDS.BODY".
 */
#ifndef LOADER_HTTP_POST_H
#define LOADER_HTTP_POST_H

#include "loader/http/body.h"

#include <stdbool.h>

struct post_header {
	const char *name; /* as the mail has it */
	const char *value;
};

struct post_attachment {
	const char *file_name;
	const char *content_type;
	const char *disposition; /* NULL where the mail has none, as the next */
	const char *content_id;	 /* without brackets */
	struct body_source content;
};

struct post {
	const struct post_header *headers; /* in the mail's order */
	size_t header_count;
	const char *to;	  /* where it was delivered to */
	const char *from; /* "" where the mail has none */
	struct body_source plain;
	bool has_html;
	struct body_source html;
	const char *reply_plain;
	const struct post_attachment *attachments;
	size_t attachment_count;
	bool has_raw;
	struct body_source raw;
};

enum post_format { POST_MULTIPART, POST_JSON, POST_RAW };

/* "multipart", "json", "raw". */
const char *post_format_name(enum post_format format);
/* -1 for any other text. */
int post_format_parse(const char *text, enum post_format *ret_format);

/* Makes the body and its content type; the caller frees both. POST_RAW needs a post with raw. */
struct body *post_body(const struct post *post, enum post_format format, char **ret_content_type);

/* ---- signatures ---- */

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
