#include "loader/source/message_digest.h"

#include "loader/imap/session/body_digest.h"
#include "loader/source/search.h"
#include "queue/base/scoped.h"

int message_digest(struct imapc_session *session, const uint32_t *uids, size_t count,
		   int (*each)(uint32_t uid, const unsigned char sha256[MESSAGE_DIGEST_SIZE],
			       void *context),
		   void *context, struct error *err)
{
	return body_digest(session, uids, count, 0, each, context, err);
}

int message_digest_headers(struct imapc_session *session, const uint32_t *uids, size_t count,
			   int (*each)(uint32_t uid,
				       const unsigned char sha256[MESSAGE_DIGEST_SIZE],
				       void *context),
			   void *context, struct error *err)
{
	return body_digest(session, uids, count, MESSAGE_DIGEST_HEADER_MAX, each, context, err);
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
