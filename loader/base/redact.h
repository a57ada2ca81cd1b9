/*
 * redact.h - hides the secrets of this process in what a peer says: a mail server, a web
 * application, a command.
 *
 * Each secret is hidden as it is and in whatever it can be decoded from: backslashes (IMAP quoted
 * strings, JSON, "\u00e9", "\x41"), HTML entities, percent signs of URLs, base64 at any offset and
 * of any alphabet (so also inside a SASL message), hexadecimal digits, and two of these in each
 * other. Of base64 and hexadecimal digits the whole run is hidden. A secret of fewer than four
 * bytes is hidden where it stands alone, as a word; inside longer words it would be everywhere.
 *
 * Life:      secret.h tells of every secret that is read; it is known from then on, also after its
 *            own end, in processes that are forked later. Of many the last 256 are.
 * Memory:    no secret is kept, but its length and a number that is made of it with a random key.
 * Cost:      some 100 ns for each byte of the text and each length of a secret; nothing where there
 *            is no secret.
 * Ownership: texts that are returned are the caller's, who frees them with g_free().
 * Threads:   any.
 */
#ifndef LOADER_BASE_REDACT_H
#define LOADER_BASE_REDACT_H

#include "queue/base/error.h"

#include <glib.h>
#include <stddef.h>

/* Hides these bytes from now on; none for size 0. */
void redact_add(const void *secret, size_t size);

/* What `bytes` say, with "***" in place of secrets, and of NUL a blank. */
char *redact(const char *bytes, size_t size);

/* The same, cut at `most` bytes of the result. `bytes` may be the beginning of a longer text: a
 * secret that begins in it and is not whole does not show. */
char *redact_cut(const char *bytes, size_t size, size_t most);

/* Hides them in an error that quotes a peer. */
void redact_error(struct error *err);

/* Takes from the front of a stream of bytes what can be shown before more of it is there; NULL where
 * that is nothing. What remains may be the beginning of a secret. */
char *redact_take(GString *stream);

/* So many bytes of a text are enough for redact_cut() to fill `most` bytes, if secrets take no more
 * than half of them. */
size_t redact_enough(size_t most);

/* The list of secrets as a line of text, for another process that is to hide the same ones; no
 * secret can be read from it. */
char *redact_export(void);

/* Adds what redact_export() has given; anything else is ignored. */
void redact_import(const char *list);

#endif
