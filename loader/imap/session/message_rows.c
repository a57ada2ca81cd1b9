/*
 * Rows of messages: flags, size, date, number and, if wanted, header. An answer that libetpan could
 * not read is asked for again without flags and date; the flags of those messages then come from
 * searches, one for each flag.
 */
#include "loader/imap/session/message_rows.h"
#include "loader/imap/session/session_internal.h"

#include "loader/imap/names/uid_set.h"
#include "queue/base/scoped.h"

#include <stdlib.h>

/* libetpan keeps 100 to 200 bytes of every answer until the command is done. */
#define ROWS_AT_ONCE 500
/* Of a header: so many are counted on, and larger ones read. */
#define HEADER_BYTES UINT64_C(16384)

struct row_job {
	const struct imapc_row_sink *sink;
	struct uid_set *set;
	bool *arrived;	 /* by row of the set */
	unsigned *flags; /* the same; NULL: they come with the answer */
	bool header;
	bool begun;
};

/* A header in pieces begins its row once; a row without a header begins when it ends. */
static int begin_row(struct row_job *job, struct error *err)
{
	if (job->begun)
		return 0;
	job->begun = true;
	return job->sink->begin ? job->sink->begin(job->sink->context, err) : 0;
}

static int end_row(struct row_job *job, const struct imapc_row *row, struct error *err)
{
	if (begin_row(job, err) < 0)
		return -1;
	job->begun = false;
	return job->sink->end(job->sink->context, row, err);
}

static int take_header(struct imapc_fetch *fetch, const char *bytes, size_t size, uint32_t origin,
		       struct error *err)
{
	struct row_job *job = fetch->context;

	(void)origin;
	if (!job->header || !job->sink->write)
		return 0;
	if (begin_row(job, err) < 0)
		return -1;
	return job->sink->write(job->sink->context, bytes, size, err);
}

/* True if the answer has all that was asked for. An unasked one, of changed flags, lacks the
 * size. */
static bool is_complete(const struct row_job *job, const struct fetch_items *items)
{
	return items->uid != 0 && items->has_size && (items->has_body || !job->header) &&
	       (items->has_flags || job->flags);
}

static int take_row(struct imapc_fetch *fetch, const struct fetch_items *items, struct error *err)
{
	struct row_job *job = fetch->context;
	const struct uid_row *found = uid_set_find(job->set, items->uid);

	if (!is_complete(job, items) || !found || job->arrived[found - job->set->rows])
		return job->begun ? end_row(job, NULL, err) : 0;

	size_t index = (size_t)(found - job->set->rows);
	const struct imapc_row row = {
	    .uid = items->uid,
	    .number = items->number,
	    .flags = job->flags ? job->flags[index] : items->flags,
	    .size_bytes = items->size_bytes,
	    .internal_date_s = items->internal_date_s,
	};

	job->arrived[index] = true;
	return end_row(job, &row, err);
}

static int abandon_row(struct imapc_fetch *fetch, struct error *err)
{
	struct row_job *job = fetch->context;

	return job->begun ? end_row(job, NULL, err) : 0;
}

static int fetch_rows(struct imapc_session *session, struct row_job *job, const char *items,
		      struct error *err)
{
	struct imapc_fetch fetch = {.take_body = take_header,
				    .take_items = take_row,
				    .abandon = abandon_row,
				    .context = job};
	g_autoptr(GString) part = g_string_new(NULL);
	size_t part_count = 0;

	while (uid_set_next(job->set, ROWS_AT_ONCE, part, &part_count)) {
		g_autofree char *command =
		    g_strdup_printf("UID FETCH %s (UID %s RFC822.SIZE%s)", part->str, items,
				    job->header ? " BODY.PEEK[HEADER]" : "");

		imapc_expect(session, part_count,
			     part_count * (job->header ? HEADER_BYTES : IMAPC_ANSWER_BYTES),
			     job->header ? session->server->max_size_bytes : 0);
		if (fetch_run(session, &fetch, command, err) < 0)
			return fetch.failed ? -1 : error_prefix(err, "fetch messages");
	}
	return 0;
}

/* --- answers that could not be read ------------------------------------ */

static void note_flag(const struct imapc_session *session, const struct uid_set *set,
		      enum imapc_flag flag, unsigned *flags)
{
	clist *list = session->imap->imap_response_info->rsp_search_result;

	for (clistiter *at = list ? clist_begin(list) : NULL; at; at = clist_next(at)) {
		const uint32_t *uid = clist_content(at);
		const struct uid_row *row = uid_set_find(set, *uid);

		if (row)
			flags[row - set->rows] |= flag;
	}
}

/* Asks which of the messages have the flag. */
static int search_flag(struct imapc_session *session, struct uid_set *set, const char *key,
		       enum imapc_flag flag, unsigned *flags, struct error *err)
{
	g_autoptr(GString) part = g_string_new(NULL);
	size_t part_count = 0;

	while (uid_set_next(set, ROWS_AT_ONCE, part, &part_count)) {
		imapc_expect(session, 1, part_count * IMAPC_NUMBER_BYTES, 0);
		if (imapc_command(session, err, "UID SEARCH UID %s %s", part->str, key) < 0)
			return error_prefix(err, "look for flags");
		note_flag(session, set, flag, flags);
	}
	set->next = 0;
	return 0;
}

static int search_flags(struct imapc_session *session, struct uid_set *set, unsigned *flags,
			struct error *err)
{
	static const struct {
		const char *key;
		enum imapc_flag flag;
	} searches[] = {
	    {"SEEN", IMAPC_SEEN},	{"ANSWERED", IMAPC_ANSWERED}, {"FLAGGED", IMAPC_FLAGGED},
	    {"DELETED", IMAPC_DELETED}, {"DRAFT", IMAPC_DRAFT},	      {"RECENT", IMAPC_RECENT},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(searches); i++) {
		if (search_flag(session, set, searches[i].key, searches[i].flag, flags, err) < 0)
			return -1;
	}
	return 0;
}

/* The messages that have not arrived and are not gone. */
static int find_missing(struct imapc_session *session, const struct row_job *job,
			uint32_t **ret_uids, size_t *ret_count, struct error *err)
{
	g_autofree uint32_t *uids = g_new(uint32_t, job->set->count + 1);
	size_t count = 0;

	*ret_uids = NULL;
	*ret_count = 0;
	for (size_t i = 0; i < job->set->count; i++) {
		if (!job->arrived[i])
			uids[count++] = job->set->rows[i].uid;
	}
	return count > 0 ? imapc_search_present(session, uids, count, ret_uids, ret_count, err) : 0;
}

/* What was asked for twice in vain. */
static int tell_withheld(struct imapc_session *session, const struct row_job *job,
			 struct error *err)
{
	struct error unread = {0};
	g_autofree uint32_t *present = NULL;
	size_t count = 0;
	const bool nonsense = imapc_refuse_unread(session, IMAPC_UNREAD_FETCH, &unread) < 0;

	if (find_missing(session, job, &present, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (nonsense)
			*err = unread;
		else
			error_set(err, ERROR_PROTOCOL, "%s has the message and tells nothing of it",
				  session->server->url);
		error_prefix(err, "UID %u", present[i]);
		if (job->sink->withheld == NULL ||
		    job->sink->withheld(job->sink->context, present[i], err) < 0)
			return -1;
	}
	return 0;
}

static int fetch_skipped(struct imapc_session *session, const struct row_job *first,
			 struct error *err)
{
	g_autofree uint32_t *present = NULL;
	size_t present_count = 0;

	if (find_missing(session, first, &present, &present_count, err) < 0)
		return -1;
	if (present_count == 0)
		return 0;

	scoped(uid_set_free) struct uid_set *set = uid_set_new(present, present_count);
	g_autofree bool *arrived = g_new0(bool, set->count + 1);
	g_autofree unsigned *flags = g_new0(unsigned, set->count + 1);
	struct row_job job = *first;

	job.set = set;
	job.arrived = arrived;
	/* They take the place of those in the answers. */
	job.flags = flags;
	if (search_flags(session, set, flags, err) < 0)
		return -1;
	return fetch_rows(session, &job, "", err) < 0 ? -1 : tell_withheld(session, &job, err);
}

int imapc_fetch_rows(struct imapc_session *session, const uint32_t *uids, size_t count, bool header,
		     const struct imapc_row_sink *sink, struct error *err)
{
	scoped(uid_set_free) struct uid_set *set = uid_set_new(uids, count);
	g_autofree bool *arrived = g_new0(bool, set->count + 1);
	struct row_job job = {.sink = sink, .set = set, .arrived = arrived, .header = header};

	if (fetch_rows(session, &job, "FLAGS INTERNALDATE", err) < 0)
		return -1;
	return fetch_skipped(session, &job, err);
}
