/*
 * body_digest.h - the SHA-256 of messages of the selected folder, or of their header blocks.
 *
 * Works on a session (session.h: life, errors, threads). Messages pass through and are forgotten:
 * memory does not grow with them.
 */
#ifndef LOADER_IMAP_SESSION_BODY_DIGEST_H
#define LOADER_IMAP_SESSION_BODY_DIGEST_H

#include "loader/imap/session/session.h"

enum { BODY_DIGEST_SIZE = 32 };

/* A message that is too large to be loaded is known by so many bytes of its header. The ledger
 * holds such digests, so this number never changes, whatever maxHeader= is. */
enum { BODY_DIGEST_HEADER_MAX = 262144 };

/* All that is learnt of a message. */
struct body_facts {
	uint32_t uid;
	unsigned char sha256[BODY_DIGEST_SIZE];
	uint64_t size_bytes;	 /* of what was fetched */
	int64_t internal_date_s; /* seconds since 1970-01-01 UTC; 0 = not known */
};

/* Takes the facts of one message; anything but 0 ends the session. */
typedef int (*body_digest_take)(const struct body_facts *facts, void *context);

/* Fetches messages and calls `each` as they come. header_max 0: whole messages, else at most so
 * many bytes of their headers. */
int body_digest(struct imapc_session *session, const uint32_t *uids, size_t count,
		uint32_t header_max, body_digest_take each, void *context, struct error *err);

#endif
