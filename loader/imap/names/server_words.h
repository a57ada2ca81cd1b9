/*
 * server_words.h - what a server says, fit for an error text.
 *
 * Internal to loader/imap/. Pure.
 */
#ifndef LOADER_IMAP_NAMES_SERVER_WORDS_H
#define LOADER_IMAP_NAMES_SERVER_WORDS_H

#include "queue/base/error.h"

#include <stddef.h>
#include <stdint.h>

/* One line of printable UTF-8 without secrets (redact.h), cut at 200 bytes. Caller frees with
 * g_free(). */
char *server_words(const char *bytes, size_t size);

/* A server that asks for a longer pause gets this one. */
#define SERVER_WAIT_MAX_MS UINT32_C(900000)

/* What a server means by its words. */
struct server_meaning {
	enum error_kind kind;
	enum error_reason reason; /* NONE, PATIENCE or TOKEN_EXPIRED */
	uint32_t wait_ms;	  /* the pause it asks for, at most SERVER_WAIT_MAX_MS; 0: none */
	const char *advice;	  /* what it comes from, or the way out; static; NULL: none */
};

/* By the response code at the start of `words` (RFC 5530, "[NOPERM] …"), and by phrases of well-known
 * providers; `otherwise` is the kind of all that is not known. */
struct server_meaning server_words_meaning(const char *words, enum error_kind otherwise);

/* Gives *err, whose text stands, the kind, the reason and the wait of a meaning. Returns -1. */
int server_words_error(struct error *err, const struct server_meaning *meaning);

/* Fills *err: "DID: WORDS", or the advice and this in parentheses. Returns -1. */
int server_words_explain(struct error *err, enum error_kind otherwise, const char *did,
			 const char *words);

#endif
