/* Makes digests of messages while they arrive. */
#include "loader/imap/body_digest.h"

#include <nettle/sha2.h>

struct body_digest {
	struct sha256_ctx hash;
	body_digest_take each;
	void *context;
};

static int digest_begin(void *context, struct error *err)
{
	(void)err;
	sha256_init(&((struct body_digest *)context)->hash);
	return 0;
}

static int digest_write(void *context, const void *bytes, size_t size, struct error *err)
{
	(void)err;
	sha256_update(&((struct body_digest *)context)->hash, size, bytes);
	return 0;
}

static int digest_end(void *context, uint32_t uid, int64_t internal_date_s, struct error *err)
{
	struct body_digest *digest = context;
	unsigned char sha256[SHA256_DIGEST_SIZE];

	(void)internal_date_s;
	sha256_digest(&digest->hash, sizeof sha256, sha256);
	if (uid != 0 && digest->each(uid, sha256, digest->context) != 0)
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
