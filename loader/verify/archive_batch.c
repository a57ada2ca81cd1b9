/*
 * Takes a batch of messages out of the archive folder: compares their bytes with the ledger, notes them
 * as gone, has the server move or delete them, and looks whether it has. What it keeps all the same is
 * taken back from the note.
 */
#include "loader/verify/archive_internal.h"

#include "loader/base/clock.h"
#include "loader/imap/names/uid_set.h"
#include "loader/imap/session/move.h"
#include "queue/base/scoped.h"

#include <string.h>

/* The UIDs of the batch, each once; only those that fit if `fitting`. Caller frees. */
static uint32_t *archive_uids(const struct archive *archive, bool fitting, size_t *ret_count)
{
	uint32_t *uids = g_new(uint32_t, archive->batch_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < archive->batch_count; i++) {
		const struct archive_row *row = &archive->batch[i];
		const uint32_t uid = row->pickup.target_uid;
		if ((!fitting || row->fits) && (count == 0 || uids[count - 1] != uid))
			uids[count++] = uid;
	}
	*ret_count = count;
	return uids;
}

static int archive_take_body(const struct body_facts *facts, void *context)
{
	const struct archive *archive = context;
	for (size_t i = 0; i < archive->batch_count; i++) {
		struct archive_row *row = &archive->batch[i];
		if (row->pickup.target_uid == facts->uid && !row->of_header)
			row->fits =
			    row->pickup.raw_size == facts->size_bytes &&
			    memcmp(row->pickup.raw_sha256, facts->sha256, BODY_DIGEST_SIZE) == 0;
	}
	return 0;
}

/* Counts the messages none of whose rows fits. */
static void archive_count_changed(struct archive *archive)
{
	size_t all;
	size_t fitting;
	g_free(archive_uids(archive, false, &all));
	g_free(archive_uids(archive, true, &fitting));
	archive->result->changed += all - fitting;
}

/* Notes what is about to go; `back`: takes that back for those that are still `there`. */
static int archive_note_row(const struct archive *archive, const struct archive_row *row, bool back,
			    struct error *err)
{
	const struct pickup_source source = {.queue_id = archive->queue->id,
					     .source = row->source,
					     .uid_validity = row->row_uid_validity};
	const char *to = archive->options->to;
	g_autofree char *note =
	    to != NULL
		? g_strdup_printf("purge: its message leaves '%s' for '%s'", archive_name(archive),
				  to)
		: g_strdup_printf("purge: its message is deleted in '%s'", archive_name(archive));
	if (back)
		return pickup_redirect(archive->store, &source, &row->pickup, clock_now_ms(), err);
	return pickup_accept_gone(archive->store, &source, row->pickup.uid,
				  row->has_entry ? row->pickup.entry_id : 0, archive->options->who,
				  note, clock_now_ms(), err);
}

/* One transaction for the batch. */
static int archive_note(const struct archive *archive, bool back, const uint32_t *there,
			size_t there_count, struct error *err)
{
	if (store_begin(archive->store, err) != 0)
		return -1;
	for (size_t i = 0; i < archive->batch_count; i++) {
		const struct archive_row *row = &archive->batch[i];
		if (!row->fits ||
		    (back && !uid_is_among(there, there_count, row->pickup.target_uid)))
			continue;
		if (archive_note_row(archive, row, back, err) != 0) {
			store_rollback(archive->store);
			return -1;
		}
	}
	return store_commit(archive->store, err) == 0 ? 0 : -1;
}

/* The ledger knows already: a copy that has arrived is nothing that it has to learn. */
static int archive_told(enum move_fate fate, const uint32_t *uids, size_t count,
			const struct imapc_copy *copy, void *context, struct error *err)
{
	(void)fate;
	(void)uids;
	(void)count;
	(void)copy;
	(void)context;
	(void)err;
	return 0;
}

static int archive_move(struct archive *archive, const uint32_t *uids, size_t count,
			struct error *err)
{
	scoped(move_free) struct move *move = move_new(archive->mailbox->session, archive->to_wire,
						       archive->options->to, archive_told, NULL);
	return move_messages(move, uids, count, err) != 0 || move_verdict(move, err) != 0 ? -1 : 0;
}

static int archive_delete(struct archive *archive, const uint32_t *uids, size_t count,
			  struct error *err)
{
	struct imapc_session *session = archive->mailbox->session;
	return imapc_add_flags(session, uids, count, "\\Deleted", err) != 0 ||
		       imapc_expunge(session, uids, count, err) != 0
		   ? -1
		   : 0;
}

static void archive_tell(struct archive *archive, const uint32_t *there, size_t there_count)
{
	uint32_t last = 0;
	for (size_t i = 0; i < archive->batch_count; i++) {
		const struct archive_row *row = &archive->batch[i];
		const uint32_t uid = row->pickup.target_uid;
		if (!row->fits || uid == last || uid_is_among(there, there_count, uid))
			continue;
		last = uid;
		archive->result->gone++;
		archive->options->gone(
		    &(struct archive_message){.uid = uid,
					      .entry_id = row->pickup.entry_id,
					      .date_received_s = row->pickup.internal_date_s,
					      .size_bytes = row->pickup.raw_size},
		    archive->options->context);
	}
}

/* An OK is only the server's word: what it still shows has not gone. */
static int archive_settle(struct archive *archive, const uint32_t *uids, size_t count, int failed,
			  struct error *err)
{
	struct error own;
	g_autofree uint32_t *there = NULL;
	size_t there_count = 0;
	if (!imapc_is_alive(archive->mailbox->session))
		return failed;
	if (imapc_search_present(archive->mailbox->session, uids, count, &there, &there_count,
				 failed != 0 ? &own : err) != 0)
		return -1;
	archive_tell(archive, there, there_count);
	if (there_count == 0)
		return failed;
	if (archive_note(archive, true, there, there_count, failed != 0 ? &own : err) != 0)
		return -1;
	return failed != 0 ? failed
			   : error_set(err, ERROR_PROTOCOL,
				       "%zu of %zu messages are still in '%s', though the server "
				       "says that they were removed (first UID %u)",
				       there_count, count, archive_name(archive), there[0]);
}

int archive_batch(struct archive *archive, struct error *err)
{
	size_t count;
	g_autofree uint32_t *all = archive_uids(archive, false, &count);
	if (body_digest(archive->mailbox->session, all, count, 0, archive_take_body, archive,
			err) != 0)
		return -1;
	archive_count_changed(archive);
	g_autofree uint32_t *uids = archive_uids(archive, true, &count);
	if (count == 0)
		return 0;
	if (archive->options->dry_run) {
		archive_tell(archive, NULL, 0);
		return 0;
	}
	if (archive_note(archive, false, NULL, 0, err) != 0)
		return -1;
	const int failed = archive->to_wire != NULL ? archive_move(archive, uids, count, err)
						    : archive_delete(archive, uids, count, err);
	return archive_settle(archive, uids, count, failed, err);
}
