/*
 * message_digest.h - which messages of the selected folder have which bytes.
 */
#ifndef LOADER_SOURCE_MESSAGE_DIGEST_H
#define LOADER_SOURCE_MESSAGE_DIGEST_H

#include "loader/imap/session/session.h"
#include "queue/pickup_repair.h"

enum { MESSAGE_DIGEST_SIZE = 32 };

/* So many bytes of its header tell a message that is too large. The ledger has such digests, so
 * this number never changes, whatever of a header is read (maxHeader). */
enum { MESSAGE_DIGEST_HEADER_MAX = 262144 };

/*
 * Fetches messages and calls `each` with the SHA-256 of their bytes, as they come; non-zero ends
 * the session. Nothing is kept: memory does not grow with the messages.
 */
int message_digest(struct imapc_session *session, const uint32_t *uids, size_t count,
		   int (*each)(uint32_t uid, const unsigned char sha256[MESSAGE_DIGEST_SIZE],
			       void *context),
		   void *context, struct error *err);

/* The same for the beginning of header blocks, which is what tells a message that is too large. */
int message_digest_headers(struct imapc_session *session, const uint32_t *uids, size_t count,
			   int (*each)(uint32_t uid,
				       const unsigned char sha256[MESSAGE_DIGEST_SIZE],
				       void *context),
			   void *context, struct error *err);

/* The same for the messages that may be the one of this row, by what the row has of it. */
int message_digest_like(struct imapc_session *session, const struct pickup_with_entry *row,
			int (*each)(uint32_t uid, const unsigned char sha256[MESSAGE_DIGEST_SIZE],
				    void *context),
			void *context, struct error *err);

#endif
