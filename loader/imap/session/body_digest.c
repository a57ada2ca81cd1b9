/*
 * Makes digests of messages while they arrive: a sink (session.h) that hashes each piece and keeps
 * none of them.
 */
#include "loader/imap/session/body_digest.h"

#include <nettle/sha2.h>

struct body_digest {
	struct sha256_ctx hash;
	uint64_t size_bytes;
	body_digest_take each;
	void *context;
};

static int digest_begin(void *context, struct error *err)
{
	struct body_digest *digest = context;
	(void)err;
	sha256_init(&digest->hash);
	digest->size_bytes = 0;
	return 0;
}

static int digest_write(void *context, const void *bytes, size_t size, struct error *err)
{
	struct body_digest *digest = context;
	(void)err;
	sha256_update(&digest->hash, size, bytes);
	digest->size_bytes += size;
	return 0;
}

static int digest_end(void *context, uint32_t uid, int64_t internal_date_s, struct error *err)
{
	struct body_digest *digest = context;
	struct body_facts facts = {
	    .uid = uid, .size_bytes = digest->size_bytes, .internal_date_s = internal_date_s};
	sha256_digest(&digest->hash, sizeof facts.sha256, facts.sha256);
	/* UID 0: this body was not asked for. */
	if (uid != 0 && digest->each(&facts, digest->context) != 0)
		return error_set(err, ERROR_SOFTWARE, "comparing messages was given up");
	return 0;
}

int body_digest(struct imapc_session *session, const uint32_t *uids, size_t count,
		uint32_t header_max, body_digest_take each, void *context, struct error *err)
{
	struct body_digest digest = {.each = each, .context = context};
	const struct imapc_sink sink = {
	    .begin = digest_begin, .write = digest_write, .end = digest_end, .context = &digest};

	if (count == 0)
		return 0;
	if ((header_max == 0
		 ? imapc_fetch_messages(session, uids, count, &sink, err)
		 : imapc_fetch_headers(session, uids, count, header_max, &sink, err)) < 0)
		return error_prefix(err, "fetch messages");
	return 0;
}
