/*
 * server_words.h - what a server says, fit for an error text.
 *
 * Internal to loader/imap/. Pure.
 */
#ifndef LOADER_IMAP_NAMES_SERVER_WORDS_H
#define LOADER_IMAP_NAMES_SERVER_WORDS_H

#include "queue/base/error.h"

#include <stddef.h>

/* One line of printable UTF-8 without secrets (redact.h), cut at 200 bytes. Caller frees with
 * g_free(). */
char *server_words(const char *bytes, size_t size);

/* The kind that the response code at the start of `words` stands for (RFC 5530, "[NOPERM] …"), or a
 * phrase that some servers use where they have no code for it; `otherwise` for all that is not
 * known. */
enum error_kind server_words_kind(const char *words, enum error_kind otherwise);

#endif
