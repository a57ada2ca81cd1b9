/*
 * body_digest.h - the SHA-256 of messages of the selected folder, or of their header blocks.
 *
 * Works on a session (session.h: life, errors, threads). Nothing is kept: memory does not grow with
 * the messages.
 */
#ifndef LOADER_IMAP_SESSION_BODY_DIGEST_H
#define LOADER_IMAP_SESSION_BODY_DIGEST_H

#include "loader/imap/session/session.h"

enum { BODY_DIGEST_SIZE = 32 };

typedef int (*body_digest_take)(uint32_t uid, const unsigned char sha256[BODY_DIGEST_SIZE],
				void *context);

/* All that is learnt of a message. */
struct body_facts {
	uint32_t uid;
	unsigned char sha256[BODY_DIGEST_SIZE];
	uint64_t size_bytes;	 /* of what was fetched */
	int64_t internal_date_s; /* seconds since 1970-01-01 UTC; 0 = not known */
};

/* Fetches messages and calls `each` with their digests, as they come; what it returns other than 0
 * ends the session. header_max 0: whole messages, else at most so many bytes of their headers. */
int body_digest(struct imapc_session *session, const uint32_t *uids, size_t count,
		uint32_t header_max, body_digest_take each, void *context, struct error *err);

/* As body_digest(), with all that is learnt. */
int body_digest_facts(struct imapc_session *session, const uint32_t *uids, size_t count,
		      uint32_t header_max,
		      int (*each)(const struct body_facts *facts, void *context), void *context,
		      struct error *err);

#endif
