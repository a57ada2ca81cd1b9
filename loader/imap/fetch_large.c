#include "loader/imap/fetch.h"

#include <inttypes.h>

#define RANGE_BYTES (UINT32_C(8) * 1024 * 1024)

/* One message, in one or more ranges. */
struct range_job {
	const struct imapc_sink *sink;
	uint32_t uid;
	bool begun;
	uint32_t origin;      /* of the range that is asked for */
	uint64_t range_bytes; /* received of it */
	bool range_arrived;
	uint64_t total_bytes;
	uint32_t size_bytes; /* RFC822.SIZE, a hint */
	int64_t internal_date_s;
};

static int begin(struct range_job *job, struct error *err)
{
	if (job->begun)
		return 0;
	job->begun = true;
	return job->sink->begin(job->sink->context, err);
}

static int take_range(struct imapc_fetch *fetch, const char *bytes, size_t size, uint32_t origin,
		      struct error *err)
{
	struct range_job *job = fetch->context;

	if (origin != job->origin || job->range_arrived)
		return error_set(err, ERROR_PROTOCOL,
				 "the server sent another part of the message than was asked for");
	if (begin(job, err) < 0)
		return -1;
	job->range_bytes += size;
	job->total_bytes += size;
	return job->sink->write(job->sink->context, bytes, size, err);
}

static int take_range_items(struct imapc_fetch *fetch, const struct fetch_items *items,
			    struct error *err)
{
	struct range_job *job = fetch->context;

	bool empty = items->body_is_nil && items->has_size && items->size_bytes == 0;

	if (!items->has_body && !empty)
		return 0;
	if (items->uid != job->uid || job->range_arrived)
		return error_set(err, ERROR_PROTOCOL,
				 "the server sent another message than was asked for");
	job->range_arrived = true;
	if (items->internal_date_s != 0)
		job->internal_date_s = items->internal_date_s;
	if (items->has_size)
		job->size_bytes = items->size_bytes;
	return begin(job, err);
}

static int abandon_range(struct imapc_fetch *fetch, struct error *err)
{
	const struct range_job *job = fetch->context;

	if (job->range_bytes == 0)
		return 0;
	return error_set(err, ERROR_PROTOCOL, "the server's answer could not be read to its end");
}

static int fetch_range(struct imapc_session *session, struct range_job *job, const char *section,
		       uint32_t origin, uint32_t size, struct error *err)
{
	struct imapc_fetch fetch = {.take_body = take_range,
				    .take_items = take_range_items,
				    .abandon = abandon_range,
				    .context = job};
	g_autofree char *command =
	    g_strdup_printf("UID FETCH %u (UID INTERNALDATE RFC822.SIZE BODY.PEEK[%s]<%u.%u>)",
			    job->uid, section, origin, size);

	job->origin = origin;
	job->range_bytes = 0;
	job->range_arrived = false;
	return fetch_run(session, &fetch, command, err);
}

/* Ends a message that is there; tells of one that is not. */
static int finish(const struct range_job *job, bool *ret_found, struct error *err)
{
	*ret_found = job->begun;
	if (!job->begun)
		return 0;
	return job->sink->end(job->sink->context, job->uid, job->internal_date_s, err);
}

int imapc_fetch_large(struct imapc_session *session, uint32_t uid, const struct imapc_sink *sink,
		      bool *ret_found, struct error *err)
{
	struct range_job job = {.sink = sink, .uid = uid};

	do {
		if (job.total_bytes > UINT32_MAX)
			return error_set(err, ERROR_DATA,
					 "message %u is larger than IMAP can hand out in ranges",
					 uid);
		if (fetch_range(session, &job, "", (uint32_t)job.total_bytes, RANGE_BYTES, err) < 0)
			return error_prefix(err, "fetch message %u", uid);
		if (!job.range_arrived && job.begun && job.total_bytes < job.size_bytes)
			return error_set(err, ERROR_TEMPORARY,
					 "message %u was removed while it was being fetched", uid);
		/* A server that knows no ranges has sent all there is. */
	} while (job.range_bytes == RANGE_BYTES);
	return finish(&job, ret_found, err);
}

int imapc_fetch_header(struct imapc_session *session, uint32_t uid, uint32_t max_size,
		       const struct imapc_sink *sink, bool *ret_found, struct error *err)
{
	struct range_job job = {.sink = sink, .uid = uid};

	if (fetch_range(session, &job, "HEADER", 0, max_size, err) < 0)
		return error_prefix(err, "fetch the header of message %u", uid);
	return finish(&job, ret_found, err);
}
