/*
 * scram.h - the client's side of SCRAM (RFC 5802 and RFC 7677), without channel binding.
 *
 * libsasl can do it too, but takes forty times as long for the key, which is most of what a run
 * costs that finds nothing new, and does not see to it that libetpan asks the server for its proof.
 *
 * Life:      scram_new() .. scram_free(); in between the messages in their order: scram_first(),
 *            scram_answer(), scram_check().
 * Text:      messages are as RFC 5802 has them, the protocol around them makes base64 of them. Name
 *            and password are taken as they are: Dovecot and Cyrus do not prepare theirs (RFC 4013)
 *            either.
 * Ownership: returned texts are the caller's.
 * Errors:    CREDENTIALS: the server's part is wrong; the text says how, and holds no secret.
 * Threads:   none shared.
 */
#ifndef LOADER_IMAP_SESSION_SCRAM_H
#define LOADER_IMAP_SESSION_SCRAM_H

#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <stdbool.h>

struct scram;

/* "SCRAM-SHA-1" and "SCRAM-SHA-256". */
bool scram_knows(const char *mechanism);

/* `nonce` is new for each exchange: printable ASCII without commas. `authorize` is whom to act for
 * (RFC 5801, 4); NULL: the user. */
struct scram *scram_new(const char *mechanism, const char *authorize, const char *user,
			const char *password, const char *nonce);

/* Wipes and releases; takes NULL. */
void scram_free(struct scram *scram);
SCOPED_DEFINE(struct scram *, scram_free)

/* client-first-message. */
char *scram_first(const struct scram *scram);

/* client-final-message, to the server-first-message. */
int scram_answer(struct scram *scram, const char *server_first, char **ret_final,
		 struct error *err);

/* 0: the server-final-message proves that the server knows the password, too. */
int scram_check(const struct scram *scram, const char *server_final, struct error *err);

#endif
