#include "loader/flow/message_digest.h"

#include "loader/base/scoped.h"
#include "loader/flow/search.h"

#include <nettle/sha2.h>

struct message_digest {
	struct sha256_ctx hash;
	int (*each)(uint32_t uid, const unsigned char sha256[MESSAGE_DIGEST_SIZE], void *context);
	void *context;
};

static int message_digest_begin(void *context, struct error *err)
{
	(void)err;
	sha256_init(&((struct message_digest *)context)->hash);
	return 0;
}

static int message_digest_write(void *context, const void *bytes, size_t size, struct error *err)
{
	(void)err;
	sha256_update(&((struct message_digest *)context)->hash, size, bytes);
	return 0;
}

static int message_digest_end(void *context, uint32_t uid, int64_t internal_date_s,
			      struct error *err)
{
	struct message_digest *digest = context;
	unsigned char sha256[SHA256_DIGEST_SIZE];
	(void)internal_date_s;
	sha256_digest(&digest->hash, sizeof sha256, sha256);
	if (uid != 0 && digest->each(uid, sha256, digest->context) != 0)
		return error_set(err, ERROR_SOFTWARE, "comparing messages was given up");
	return 0;
}

static struct imapc_sink message_digest_sink(struct message_digest *digest)
{
	return (struct imapc_sink){.begin = message_digest_begin,
				   .write = message_digest_write,
				   .end = message_digest_end,
				   .context = digest};
}

int message_digest(struct imapc_session *session, const uint32_t *uids, size_t count,
		   int (*each)(uint32_t uid, const unsigned char sha256[MESSAGE_DIGEST_SIZE],
			       void *context),
		   void *context, struct error *err)
{
	struct message_digest digest = {.each = each, .context = context};
	const struct imapc_sink sink = message_digest_sink(&digest);
	if (count > 0 && imapc_fetch_messages(session, uids, count, &sink, err) != 0)
		return error_prefix(err, "fetch messages");
	return 0;
}

int message_digest_headers(struct imapc_session *session, const uint32_t *uids, size_t count,
			   int (*each)(uint32_t uid,
				       const unsigned char sha256[MESSAGE_DIGEST_SIZE],
				       void *context),
			   void *context, struct error *err)
{
	struct message_digest digest = {.each = each, .context = context};
	const struct imapc_sink sink = message_digest_sink(&digest);
	if (count > 0 &&
	    imapc_fetch_headers(session, uids, count, MESSAGE_DIGEST_HEADER_MAX, &sink, err) != 0)
		return error_prefix(err, "fetch messages");
	return 0;
}

int message_digest_like(struct imapc_session *session, const struct pickup_with_entry *row,
			int (*each)(uint32_t uid, const unsigned char sha256[MESSAGE_DIGEST_SIZE],
				    void *context),
			void *context, struct error *err)
{
	g_autofree char *criteria =
	    search_format_like(row->pickup.internal_date_s,
			       row->raw_incomplete ? row->whole_size : row->pickup.raw_size);
	g_autofree uint32_t *uids = NULL;
	size_t count;
	if (imapc_search(session, criteria, &uids, &count, err) != 0)
		return -1;
	return row->raw_incomplete
		   ? message_digest_headers(session, uids, count, each, context, err)
		   : message_digest(session, uids, count, each, context, err);
}
