/*
 * secret_internal.h - what the sources of secrets share: a buffer that is wiped, and how bytes become a
 * secret.
 */
#ifndef LOADER_BASE_SECRET_INTERNAL_H
#define LOADER_BASE_SECRET_INTERNAL_H

#include "loader/base/secret.h"
#include "queue/base/scoped.h"

#include <stddef.h>
#include <stdint.h>

enum { SECRET_MAX_SIZE = 64 * 1024, SECRET_TIMEOUT_MS = 30000 };

/* Bytes as read from a source. */
struct secret_buffer {
	size_t length;
	char bytes[SECRET_MAX_SIZE + 1];
};

/* Wipes and releases; takes NULL. */
void secret_buffer_free(struct secret_buffer *buffer);
SCOPED_DEFINE(struct secret_buffer *, secret_buffer_free)

/* Reads to the end, to the buffer's end, or to the deadline; the descriptor does not block, so that a
 * pipe without a writer is at its end at once. 0, or -1 with errno. */
int secret_read_descriptor(int descriptor, int64_t deadline_ms, struct secret_buffer *buffer);

/* Makes a secret of the bytes of a source, which `what` names. Errors: CREDENTIALS. */
typedef int secret_taker(const char *bytes, size_t length, const char *what,
			 struct secret **ret_secret, struct error *err);

/* Takes the first line. */
int secret_from_bytes(const char *bytes, size_t length, const char *what,
		      struct secret **ret_secret, struct error *err);

/* Takes all of it. */
int secret_from_text(const char *bytes, size_t length, const char *what, struct secret **ret_secret,
		     struct error *err);

/* As secret_read() does. `noun` stands in errors before "file" and "command": "password ", or "". */
int secret_read_by(secret_taker *take, const char *noun, enum secret_source source,
		   const char *reference, struct secret **ret_secret, struct error *err);

/* What an environment variable has, or had before it was taken out of there. Errors: CONFIGURATION. */
int secret_read_variable(const char *name, secret_taker *take, struct secret **ret_secret,
			 struct error *err);

/* What the command prints. Errors: CONFIGURATION, CREDENTIALS. */
int secret_read_command(const char *reference, const char *what, secret_taker *take,
			struct secret **ret_secret, struct error *err);

#endif
