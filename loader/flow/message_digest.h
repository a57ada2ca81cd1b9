/*
 * message_digest.h - which messages of the selected folder have which bytes.
 */
#ifndef LOADER_FLOW_MESSAGE_DIGEST_H
#define LOADER_FLOW_MESSAGE_DIGEST_H

#include "loader/imap/session.h"

enum { MESSAGE_DIGEST_SIZE = 32 };

/*
 * Fetches messages and calls `each` with the SHA-256 of their bytes, as they come; non-zero ends
 * the session. Nothing is kept: memory does not grow with the messages.
 */
int message_digest(struct imapc_session *session, const uint32_t *uids, size_t count,
		   int (*each)(uint32_t uid, const unsigned char sha256[MESSAGE_DIGEST_SIZE],
			       void *context),
		   void *context, struct error *err);

#endif
