/* Walks the whole ledger of a queue with what is known of each entry, and changes single rows
 * for those who put it in order. */
#include "queue/pickup_repair.h"

#include "queue/entry_operate.h"
#include "queue/pickup.h"
#include "queue/pickup_internal.h"
#include "queue/store_internal.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ROWS 500

/* The row, and behind PICKUP_COLUMNS: its key, whether somebody still stands for it, its entry. */
#define COLUMNS                                                                                    \
	PICKUP_COLUMNS                                                                             \
	", p.queue_id, p.source, p.uid_validity, s.state,"                                         \
	" EXISTS (SELECT 1 FROM pickup AS later INDEXED BY pickup_match"                           \
	" WHERE later.queue_id = p.queue_id AND later.internal_date = p.internal_date"             \
	" AND later.raw_sha256 = p.raw_sha256"                                                     \
	" AND later.entry_id = p.entry_id AND later.record_created > p.record_created),"           \
	" m.entry_id IS NOT NULL AND m.raw_sha256 IS NULL, m.raw_size,"                            \
	" EXISTS (SELECT 1 FROM pickup_gone AS g WHERE g.queue_id = p.queue_id"                    \
	" AND g.source = p.source AND g.uid_validity = p.uid_validity AND g.uid = p.uid)"          \
	" FROM pickup p LEFT JOIN entry_status s ON s.id = p.entry_id"                             \
	" LEFT JOIN entry_mail m ON m.entry_id = p.entry_id"
enum {
	COLUMN_QUEUE = PICKUP_COLUMN_COUNT,
	COLUMN_SOURCE,
	COLUMN_UID_VALIDITY,
	COLUMN_STATE,
	COLUMN_SUPERSEDED,
	COLUMN_INCOMPLETE,
	COLUMN_WHOLE_SIZE,
	COLUMN_GONE
};

struct walk_row {
	struct pickup_with_entry row;
	char *source;
};

static void walk_row_clear(void *row)
{
	free(((struct walk_row *)row)->source);
}

/* The source is copied, because the row outlives its statement. */
static void read_row(const struct statement *from, struct walk_row *ret_row)
{
	ret_row->source = strdup(statement_text(from, COLUMN_SOURCE));
	g_assert(ret_row->source != NULL);
	struct pickup_with_entry *row = &ret_row->row;
	*row = (struct pickup_with_entry){
	    .source = {.queue_id = statement_int(from, COLUMN_QUEUE),
		       .source = ret_row->source,
		       .uid_validity = (uint32_t)statement_int(from, COLUMN_UID_VALIDITY)},
	    .has_entry = !statement_is_null(from, COLUMN_STATE),
	    .superseded = statement_int(from, COLUMN_SUPERSEDED) != 0,
	    .raw_incomplete = statement_int(from, COLUMN_INCOMPLETE) != 0,
	    .whole_size = (uint64_t)statement_int(from, COLUMN_WHOLE_SIZE),
	    .gone = statement_int(from, COLUMN_GONE) != 0,
	};
	pickup_from_row(from, &row->pickup);
	if (row->has_entry)
		entry_state_parse(statement_text(from, COLUMN_STATE), &row->entry_state);
}

/* The rows behind (source, uid_validity, uid). */
static int read_chunk(struct store *store, int64_t queue_id, const struct pickup_source *after,
		      uint32_t after_uid, GArray *chunk, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT " COLUMNS " WHERE p.queue_id = ?1"
					  " AND (p.source, p.uid_validity, p.uid) > (?2, ?3, ?4)"
					  " ORDER BY p.source, p.uid_validity, p.uid LIMIT ?5");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, after->source);
	statement_bind_int(statement, 3, after->uid_validity);
	statement_bind_int(statement, 4, after_uid);
	statement_bind_int(statement, 5, CHUNK_ROWS);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		struct walk_row row;
		read_row(statement, &row);
		g_array_append_val(chunk, row);
	}
	return result;
}

/* Keeps its place by the key of the last row, so that `each` may change or delete rows. */
int pickup_walk(struct store *store, int64_t queue_id,
		int (*each)(const struct pickup_with_entry *, void *context), void *context,
		struct error *err)
{
	g_autofree char *source = g_strdup("");
	struct pickup_source after = {.source = source};
	uint32_t after_uid = 0;
	for (;;) {
		g_autoptr(GArray) chunk = g_array_new(FALSE, FALSE, sizeof(struct walk_row));
		g_array_set_clear_func(chunk, walk_row_clear);
		if (read_chunk(store, queue_id, &after, after_uid, chunk, err) != 0)
			return -1;
		for (guint i = 0; i < chunk->len; i++) {
			const int result =
			    each(&g_array_index(chunk, struct walk_row, i).row, context);
			if (result != 0)
				return result;
		}
		if (chunk->len < CHUNK_ROWS)
			return 0;
		const struct walk_row *last =
		    &g_array_index(chunk, struct walk_row, chunk->len - 1);
		g_free(source);
		source = g_strdup(last->source);
		after = last->row.source;
		after.source = source;
		after_uid = last->row.pickup.uid;
	}
}

/* The last row that stands for the entry: an earlier one is of another UIDVALIDITY. */
int pickup_find_entry(struct store *store, int64_t entry_id, struct pickup_with_entry *ret_row,
		      char **ret_source, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT " COLUMNS " WHERE p.entry_id = ?1"
					  " AND p.queue_id = (SELECT queue_id FROM entry_status"
					  " WHERE id = ?1) ORDER BY p.record_created DESC LIMIT 1");
	statement_bind_int(statement, 1, entry_id);
	const int result = statement_step(statement, err);
	if (result == 0)
		return error_because(err, REASON_MISSING,
				     "entry %" G_GINT64_FORMAT " did not come from a mailbox",
				     entry_id);
	if (result < 0)
		return -1;
	struct walk_row row;
	read_row(statement, &row);
	*ret_row = row.row;
	*ret_source = row.source;
	return 0;
}

/* The primary key of the ledger: queue, source, UIDVALIDITY, UID. */
static void bind_key(struct statement *statement, const struct pickup_source *source, uint32_t uid)
{
	pickup_bind_source(statement, source);
	statement_bind_int(statement, 4, uid);
}

/* The message is known to be somewhere from now on, so that nobody has accepted its loss any
 * more. */
static int forget_gone(struct store *store, const struct pickup_source *source, uint32_t uid,
		       struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "DELETE FROM pickup_gone WHERE queue_id = ?"
					  " AND source = ? AND uid_validity = ? AND uid = ?");
	bind_key(statement, source, uid);
	return statement_step(statement, err);
}

/* Also takes back that somebody has accepted the message as gone. */
static int redirect(struct store *store, const struct pickup_source *source,
		    const struct pickup *pickup, int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	char sha256[VALUE_SHA256_MAX];
	value_format_time_ms(now_ms, now);
	value_format_sha256(pickup->raw_sha256, sha256);
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "UPDATE pickup SET state = ?5, target = ?6,"
	    " target_folder = ?12, target_uid_validity = ?7, target_uid = ?8,"
	    " raw_sha256 = ?9, raw_size = ?10, record_updated = ?11"
	    " WHERE queue_id = ?1 AND source = ?2 AND uid_validity = ?3 AND uid = ?4");
	bind_key(statement, source, pickup->uid);
	statement_bind_text(statement, 5, pickup_state_format(pickup->state));
	statement_bind_text(statement, 6, pickup_target_format(pickup->target));
	pickup_bind_number(statement, 7, pickup->target_uid_validity);
	pickup_bind_number(statement, 8, pickup->target_uid);
	statement_bind_text(statement, 9, sha256);
	statement_bind_int(statement, 10, (int64_t)pickup->raw_size);
	statement_bind_text(statement, 11, now);
	pickup_bind_number(statement, 12, pickup->target_folder);
	if (statement_step(statement, err) != 0)
		return -1;
	return forget_gone(store, source, pickup->uid, err);
}

int pickup_redirect(struct store *store, const struct pickup_source *source,
		    const struct pickup *pickup, int64_t now_ms, struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, redirect(store, source, pickup, now_ms, err), err);
}

/* The message counts as never seen: the next run that finds it loads it. */
static int forget(struct store *store, const struct pickup_source *source, uint32_t uid,
		  struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "DELETE FROM pickup WHERE queue_id = ? AND source = ?"
					  " AND uid_validity = ? AND uid = ?");
	bind_key(statement, source, uid);
	if (statement_step(statement, err) != 0)
		return -1;
	return forget_gone(store, source, uid, err);
}

int pickup_forget(struct store *store, const struct pickup_source *source, uint32_t uid,
		  struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, forget(store, source, uid, err), err);
}

/* Whoever accepted it first stays. */
static int put_gone(struct store *store, const struct pickup_source *source, uint32_t uid,
		    const char *who, int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement = engine_prepare(
	    store->engine, "INSERT INTO pickup_gone (queue_id, source, uid_validity, uid,"
			   " accepted_at, accepted_by) VALUES (?, ?, ?, ?, ?, ?)"
			   " ON CONFLICT DO NOTHING");
	bind_key(statement, source, uid);
	statement_bind_text(statement, 5, now);
	statement_bind_text(statement, 6, who);
	return statement_step(statement, err);
}

/* A message that is gone cannot be moved: a run must not try. */
static int finish_gone(struct store *store, const struct pickup_source *source, uint32_t uid,
		       int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement = engine_prepare(
	    store->engine, "UPDATE pickup SET state = 'moved', record_updated = ?5"
			   " WHERE queue_id = ?1 AND source = ?2 AND uid_validity = ?3"
			   " AND uid = ?4 AND state IN ('stored', 'copied')");
	bind_key(statement, source, uid);
	statement_bind_text(statement, 5, now);
	return statement_step(statement, err);
}

/* The note goes into the history of the entry, so that its reader knows why there is no mail. */
static int accept_gone(struct store *store, const struct pickup_source *source, uint32_t uid,
		       int64_t entry_id, const char *who, const char *note, int64_t now_ms,
		       struct error *err)
{
	if (put_gone(store, source, uid, who, now_ms, err) != 0 ||
	    finish_gone(store, source, uid, now_ms, err) != 0)
		return -1;
	return entry_id != 0 ? entry_note(store, entry_id, who, note, now_ms, err) : 0;
}

int pickup_accept_gone(struct store *store, const struct pickup_source *source, uint32_t uid,
		       int64_t entry_id, const char *who, const char *note, int64_t now_ms,
		       struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own,
			   accept_gone(store, source, uid, entry_id, who, note, now_ms, err), err);
}

/* ---- which messages runs have failed at, how often, and why (pickup.h) ---- */

/* A second failure adds to the tries of the first. */
static int add(struct store *store, const struct pickup_source *source, uint32_t uid, bool counted,
	       const char *reason, const char *now, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO pickup_attempt (queue_id, source, uid_validity, uid, tries, reason,"
	    " record_updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	    " ON CONFLICT DO UPDATE SET tries = tries + ?5, reason = ?6, record_updated = ?7");
	pickup_bind_source(statement, source);
	statement_bind_int(statement, 4, uid);
	statement_bind_int(statement, 5, counted);
	statement_bind_text(statement, 6, reason);
	statement_bind_text(statement, 7, now);
	return statement_step(statement, err);
}

/* One transaction for a batch, whose messages have failed together. */
int pickup_attempt_add(struct store *store, const struct pickup_source *source,
		       const uint32_t *uids, size_t count, bool counted, const char *reason,
		       int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < count && result == 0; i++)
		result = add(store, source, uids[i], counted, reason, now, err);
	return store_leave(store, own, result, err);
}

/* There are few rows, so that the statement is held while `each` looks at them. */
int pickup_attempt_list(struct store *store, const struct pickup_source *source,
			int (*each)(const struct pickup_attempt *, void *context), void *context,
			struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT uid, tries, reason FROM pickup_attempt WHERE queue_id = ?"
			   " AND source = ? AND uid_validity = ? ORDER BY uid");
	pickup_bind_source(statement, source);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const struct pickup_attempt attempt = {
		    .uid = (uint32_t)statement_int(statement, 0),
		    .tries = (uint32_t)statement_int(statement, 1),
		    .reason = statement_text(statement, 2),
		};
		const int answer = each(&attempt, context);
		if (answer != 0)
			return answer;
	}
	return result;
}

/* A message that was loaded in the end has no tries any more. */
static int clear(struct store *store, const struct pickup_source *source, uint32_t uid,
		 struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "DELETE FROM pickup_attempt WHERE queue_id = ?"
					  " AND source = ? AND uid_validity = ? AND uid = ?");
	pickup_bind_source(statement, source);
	statement_bind_int(statement, 4, uid);
	return statement_step(statement, err);
}

int pickup_attempt_clear(struct store *store, const struct pickup_source *source, uint32_t uid,
			 struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, clear(store, source, uid, err), err);
}
