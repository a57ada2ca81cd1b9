/*
 * Fetches sizes, messages, headers and digests in batches. A message counts as arrived when its
 * items name its UID; an answer that libetpan could not read is asked for once more without the
 * date, which may be what was wrong. A digest is made of the pieces as they come.
 */
#include "loader/imap/names/uid_set.h"
#include "loader/imap/session/session_internal.h"
#include "queue/base/scoped.h"

#include <nettle/sha2.h>

/* libetpan keeps 100 to 200 bytes of every answer until the command is done. */
#define SIZES_AT_ONCE	 2000
#define MESSAGES_AT_ONCE 500

/* --- sizes ------------------------------------------------------------- */

struct size_job {
	struct uid_set *set;
	struct imapc_size *sizes;
};

static int take_no_body(struct imapc_fetch *fetch, const char *bytes, size_t size, uint32_t origin,
			struct error *err)
{
	(void)fetch;
	(void)bytes;
	(void)size;
	(void)origin;
	(void)err;
	return 0;
}

static int abandon_nothing(struct imapc_fetch *fetch, struct error *err)
{
	(void)fetch;
	(void)err;
	return 0;
}

static int take_size(struct imapc_fetch *fetch, const struct fetch_items *items, struct error *err)
{
	struct size_job *job = fetch->context;
	const struct uid_row *end = job->set->rows + job->set->count;

	(void)err;
	if (!items->has_size)
		return 0;
	for (const struct uid_row *row = uid_set_find(job->set, items->uid);
	     row && row < end && row->uid == items->uid; row++)
		job->sizes[row->index].size_bytes = items->size_bytes;
	return 0;
}

int imapc_fetch_sizes(struct imapc_session *session, struct imapc_size *sizes, size_t count,
		      struct error *err)
{
	g_autofree uint32_t *uids = g_new(uint32_t, count);

	for (size_t i = 0; i < count; i++) {
		uids[i] = sizes[i].uid;
		/* It stays where no answer comes. */
		sizes[i].size_bytes = UINT64_MAX;
	}

	scoped(uid_set_free) struct uid_set *set = uid_set_new(uids, count);
	struct size_job job = {.set = set, .sizes = sizes};
	struct imapc_fetch fetch = {.take_body = take_no_body,
				    .take_items = take_size,
				    .abandon = abandon_nothing,
				    .context = &job};
	g_autoptr(GString) part = g_string_new(NULL);
	size_t part_count = 0;

	while (uid_set_next(set, SIZES_AT_ONCE, part, &part_count)) {
		g_autofree char *command =
		    g_strdup_printf("UID FETCH %s (UID RFC822.SIZE)", part->str);

		imapc_expect(session, part_count, part_count * IMAPC_ANSWER_BYTES, 0);

		if (fetch_run(session, &fetch, command, err) < 0 ||
		    imapc_refuse_unread(session, IMAPC_UNREAD_FETCH, err) < 0)
			return error_prefix(err, "fetch the sizes of messages");
	}
	return 0;
}

/* --- messages ---------------------------------------------------------- */

/* A message whose body is NIL. */
struct nil_message {
	uint32_t uid;
	int64_t internal_date_s;
};

struct message_job {
	const struct imapc_sink *sink;
	struct uid_set *set;
	uint64_t
	    body_max;  /* bytes of a body; 0: of a whole message, whose size the server has told */
	bool *arrived; /* by row of the set */
	GArray *nil;   /* struct nil_message */
	bool begun;
	bool skipped; /* an answer was unreadable */
};

/* The first piece of a body begins its message; a body without bytes has no piece. */
static int begin_message(struct message_job *job, struct error *err)
{
	if (job->begun)
		return 0;
	job->begun = true;
	return job->sink->begin(job->sink->context, err);
}

static int end_message(struct message_job *job, uint32_t uid, int64_t date_s, struct error *err)
{
	job->begun = false;
	return job->sink->end(job->sink->context, uid, date_s, err);
}

static int take_message_body(struct imapc_fetch *fetch, const char *bytes, size_t size,
			     uint32_t origin, struct error *err)
{
	struct message_job *job = fetch->context;

	/* Pieces of another range would be taken for the beginning of the message. */
	if (origin != 0)
		return error_set(err, ERROR_PROTOCOL,
				 "the server sent another part of a message than was asked for");
	if (begin_message(job, err) < 0)
		return -1;
	return job->sink->write(job->sink->context, bytes, size, err);
}

static void note_nil(struct message_job *job, const struct fetch_items *items)
{
	const struct nil_message message = {items->uid, items->internal_date_s};

	g_array_append_val(job->nil, message);
}

/* Answers without a body only tell of changed flags. A body that was not asked for, or the second
 * one of a message, ends with UID 0. */
static int take_message_items(struct imapc_fetch *fetch, const struct fetch_items *items,
			      struct error *err)
{
	struct message_job *job = fetch->context;
	const struct uid_row *row = uid_set_find(job->set, items->uid);
	bool *arrived = row ? &job->arrived[row - job->set->rows] : NULL;
	bool wanted = arrived && !*arrived;

	if (items->body_is_nil && wanted)
		note_nil(job, items);
	if (!items->has_body && !job->begun)
		return 0;
	if (arrived)
		*arrived = true;
	if (begin_message(job, err) < 0)
		return -1;
	return end_message(job, wanted ? items->uid : 0, items->internal_date_s, err);
}

static int abandon_message(struct imapc_fetch *fetch, struct error *err)
{
	struct message_job *job = fetch->context;

	job->skipped = true;
	return job->begun ? end_message(job, 0, 0, err) : 0;
}

/* Of a message whose size the server does not tell, or denies, as much as is ever loaded. */
static uint64_t body_size(const struct imapc_session *session, const struct message_job *job,
			  uint32_t uid)
{
	gpointer size = NULL;

	if (job->body_max > 0)
		return job->body_max;
	if (g_hash_table_lookup_extended(session->sizes, GUINT_TO_POINTER(uid), NULL, &size))
		return GPOINTER_TO_SIZE(size);
	return session->server->max_size_bytes;
}

/* The next command fetches `count` rows of the set, up to `end`. */
static void expect_bodies(struct imapc_session *session, const struct message_job *job,
			  const struct uid_row *end, size_t count)
{
	uint64_t sum = 0;
	uint64_t largest = 0;

	for (const struct uid_row *row = end - count; row < end; row++) {
		const uint64_t size = body_size(session, job, row->uid);

		largest = MAX(largest, size);
		sum += size + IMAPC_ANSWER_BYTES;
	}
	imapc_expect(session, count, sum, largest);
}

/* In parts: libetpan keeps something of every answer until the command has ended. */
static int fetch_set(struct imapc_session *session, struct imapc_fetch *fetch, struct uid_set *set,
		     const char *items, const char *body, struct error *err)
{
	g_autoptr(GString) part = g_string_new(NULL);
	size_t part_count = 0;

	while (uid_set_next(set, MESSAGES_AT_ONCE, part, &part_count)) {
		g_autofree char *command =
		    g_strdup_printf("UID FETCH %s (%s %s)", part->str, items, body);

		expect_bodies(session, fetch->context, set->rows + set->next, part_count);

		if (fetch_run(session, fetch, command, err) < 0)
			return -1;
	}
	return 0;
}

/* libetpan drops the whole answer for a date that it cannot read. */
static int fetch_skipped(struct imapc_session *session, struct imapc_fetch *fetch, const char *body,
			 struct error *err)
{
	const struct message_job *job = fetch->context;
	g_autofree uint32_t *uids = g_new(uint32_t, job->set->count);
	size_t count = 0;

	for (size_t i = 0; i < job->set->count; i++) {
		if (!job->arrived[i])
			uids[count++] = job->set->rows[i].uid;
	}

	scoped(uid_set_free) struct uid_set *missing = uid_set_new(uids, count);

	return fetch_set(session, fetch, missing, "UID", body, err);
}

/* A message whose body is NIL has arrived if it has no bytes; else the server withholds them. */
static int take_empty(struct imapc_session *session, struct message_job *job,
		      const struct nil_message *message, struct error *err)
{
	struct imapc_size size = {.uid = message->uid};
	bool *arrived = &job->arrived[uid_set_find(job->set, message->uid) - job->set->rows];

	if (imapc_fetch_sizes(session, &size, 1, err) < 0)
		return -1;
	if (size.size_bytes > 0 || *arrived)
		return 0;
	*arrived = true;
	if (begin_message(job, err) < 0)
		return -1;
	return end_message(job, message->uid, message->internal_date_s, err);
}

/* A server that refuses to tell them may still send the messages. */
static int learn_sizes(struct imapc_session *session, const struct uid_set *set, struct error *err)
{
	g_autofree struct imapc_size *unknown = g_new(struct imapc_size, set->count);
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		const uint32_t uid = set->rows[i].uid;

		if (!g_hash_table_contains(session->sizes, GUINT_TO_POINTER(uid)))
			unknown[count++].uid = uid;
	}
	if (count == 0 || imapc_fetch_sizes(session, unknown, count, err) == 0)
		return 0;
	return session->alive ? 0 : -1;
}

/* `body` is the item that brings what is wanted of each message, of at most `body_max` bytes; 0: a
 * whole message. */
static int fetch_bodies(struct imapc_session *session, const uint32_t *uids, size_t count,
			const char *body, uint64_t body_max, const struct imapc_sink *sink,
			struct error *err)
{
	scoped(uid_set_free) struct uid_set *set = uid_set_new(uids, count);
	g_autofree bool *arrived = g_new0(bool, set->count);
	g_autoptr(GArray) nil = g_array_new(FALSE, FALSE, sizeof(struct nil_message));
	struct message_job job = {
	    .sink = sink, .set = set, .body_max = body_max, .arrived = arrived, .nil = nil};
	struct imapc_fetch fetch = {.take_body = take_message_body,
				    .take_items = take_message_items,
				    .abandon = abandon_message,
				    .context = &job};

	if (body_max == 0 && learn_sizes(session, set, err) < 0)
		return -1;
	if (fetch_set(session, &fetch, set, "UID INTERNALDATE", body, err) < 0 ||
	    (job.skipped && fetch_skipped(session, &fetch, body, err) < 0))
		return -1;
	for (guint i = 0; i < nil->len; i++) {
		if (take_empty(session, &job, &g_array_index(nil, struct nil_message, i), err) < 0)
			return -1;
	}
	/* A session that lives for months does not keep the sizes of all that it has fetched. */
	for (size_t i = 0; i < set->count; i++)
		g_hash_table_remove(session->sizes, GUINT_TO_POINTER(set->rows[i].uid));
	return 0;
}

int imapc_fetch_messages(struct imapc_session *session, const uint32_t *uids, size_t count,
			 const struct imapc_sink *sink, struct error *err)
{
	return fetch_bodies(session, uids, count, "BODY.PEEK[]", 0, sink, err);
}

int imapc_fetch_headers(struct imapc_session *session, const uint32_t *uids, size_t count,
			uint32_t max_size, const struct imapc_sink *sink, struct error *err)
{
	g_autofree char *body = g_strdup_printf("BODY.PEEK[HEADER]<0.%u>", max_size);

	return fetch_bodies(session, uids, count, body, max_size, sink, err);
}

/* --- digests ----------------------------------------------------------------- */

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
