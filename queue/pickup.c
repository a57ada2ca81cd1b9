/* The ledger: adds rows, lists them by UID in chunks, marks them, and finds the row of a message
 * that was picked up before under another UIDVALIDITY or source. */
#include "queue/pickup_internal.h"

#include "queue/store_internal.h"

#include <glib.h>
#include <string.h>

#define CHUNK_ROWS 1000
#define WEEK_S	   (7 * (int64_t)86400)

static const char *const state_names[] = {
    [PICKUP_STORED] = "stored", [PICKUP_COPIED] = "copied",	[PICKUP_MOVED] = "moved",
    [PICKUP_LEFT] = "left",	[PICKUP_AWAITING] = "awaiting", [PICKUP_READ] = "read",
};

static const char *const target_names[] = {
    [PICKUP_DROPBOX] = "dropbox",
    [PICKUP_BADMAIL] = "badmail",
};

const char *pickup_target_format(enum pickup_target target)
{
	return target_names[target];
}

const char *pickup_state_format(enum pickup_state state)
{
	return state_names[state];
}

/* The schema allows these words only, so that an unknown one cannot occur; 0 stands for one. */
static int parse_name(const char *text, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (g_strcmp0(text, names[i]) == 0)
			return i;
	return 0;
}

/* The ledger's statements all begin with the queue, the source and its UIDVALIDITY. */
void pickup_bind_source(struct statement *statement, const struct pickup_source *source)
{
	statement_bind_int(statement, 1, source->queue_id);
	statement_bind_text(statement, 2, source->source);
	statement_bind_int(statement, 3, source->uid_validity);
}

/* UIDs, UIDVALIDITYs and folders count from 1. */
void pickup_bind_number(struct statement *statement, int parameter, uint32_t number)
{
	if (number != 0)
		statement_bind_int(statement, parameter, number);
	else
		statement_bind_null(statement, parameter);
}

/* In the open transaction. */
static int put(struct store *store, const struct pickup_source *source, const struct pickup *pickup,
	       int64_t now_ms, struct error *err)
{
	char sha256[VALUE_SHA256_MAX];
	char internal_date[VALUE_TIME_MAX];
	char now[VALUE_TIME_MAX];
	value_format_sha256(pickup->raw_sha256, sha256);
	value_format_time_s(pickup->internal_date_s, internal_date);
	value_format_time_ms(now_ms, now);
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO pickup (queue_id, source, uid_validity, uid, state, target, entry_id,"
	    " raw_sha256, raw_size, internal_date, target_uid_validity, target_uid, record_created,"
	    " record_updated, acknowledge, uid_next, target_folder)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13, ?14, ?15, ?16)");
	pickup_bind_source(statement, source);
	statement_bind_int(statement, 4, pickup->uid);
	statement_bind_text(statement, 5, state_names[pickup->state]);
	statement_bind_text(statement, 6, target_names[pickup->target]);
	statement_bind_int(statement, 7, pickup->entry_id);
	statement_bind_text(statement, 8, sha256);
	statement_bind_int(statement, 9, (int64_t)pickup->raw_size);
	statement_bind_text(statement, 10, internal_date);
	pickup_bind_number(statement, 11, pickup->target_uid_validity);
	pickup_bind_number(statement, 12, pickup->target_uid);
	statement_bind_text(statement, 13, now);
	statement_bind_text(statement, 14, pickup->on_delivery ? "delivery" : "load");
	pickup_bind_number(statement, 15, pickup->uid_next);
	pickup_bind_number(statement, 16, pickup->target_folder);
	return statement_step(statement, err);
}

/* The constraint's own text names columns; the caller reads the UID. */
int pickup_put(struct store *store, const struct pickup_source *source, const struct pickup *pickup,
	       int64_t now_ms, struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	const int result = put(store, source, pickup, now_ms, err);
	if (result != 0 && err->reason == REASON_EXISTS)
		error_because(err, REASON_EXISTS, "UID %u of %s has been picked up already",
			      pickup->uid, source->source);
	return store_leave(store, own, result, err);
}

/* Reads the columns by their places in PICKUP_COLUMNS. */
void pickup_from_row(const struct statement *row, struct pickup *ret_pickup)
{
	*ret_pickup = (struct pickup){
	    .uid = (uint32_t)statement_int(row, 0),
	    .state = (enum pickup_state)parse_name(statement_text(row, 1), state_names,
						   G_N_ELEMENTS(state_names)),
	    .target = (enum pickup_target)parse_name(statement_text(row, 2), target_names,
						     G_N_ELEMENTS(target_names)),
	    .entry_id = statement_int(row, 3),
	    .raw_size = (uint64_t)statement_int(row, 5),
	    .internal_date_s = value_parse_time_s(statement_text(row, 6)),
	    .target_uid_validity = (uint32_t)statement_int(row, 7),
	    .target_uid = (uint32_t)statement_int(row, 8),
	    .on_delivery = statement_int(row, 9) != 0,
	    .target_folder = (uint32_t)statement_int(row, 10),
	};
	value_parse_sha256(statement_text(row, 4), ret_pickup->raw_sha256);
}

/* The rows of a list. This file names indices because the planner, without statistics, takes the
 * primary key and reads the whole ledger. */
#define LIST(index, condition)                                                                     \
	"SELECT " PICKUP_COLUMNS " FROM pickup p" index                                            \
	" WHERE queue_id = ? AND source = ? AND uid_validity = ? AND uid BETWEEN ? AND "           \
	"?" condition " ORDER BY uid LIMIT ?"
static const char list_all[] = LIST("", "");
static const char list_unfinished[] =
    LIST(" INDEXED BY pickup_unfinished", " AND state IN ('stored', 'copied')");
static const char list_awaiting[] = LIST(" INDEXED BY pickup_awaiting", " AND state = 'awaiting'");

/* The next rows from UID `uid_first` on. */
static int read_chunk(struct store *store, const struct pickup_source *source, int64_t uid_first,
		      uint32_t uid_last, const char *sql, GArray *chunk, struct error *err)
{
	scoped_statement *statement = engine_prepare(store->engine, sql);
	pickup_bind_source(statement, source);
	statement_bind_int(statement, 4, uid_first);
	statement_bind_int(statement, 5, uid_last);
	statement_bind_int(statement, 6, CHUNK_ROWS);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		struct pickup pickup;
		pickup_from_row(statement, &pickup);
		g_array_append_val(chunk, pickup);
	}
	return result;
}

/* Goes on behind the last UID, so that `each` may change rows. */
static int list(struct store *store, const struct pickup_source *source, uint32_t uid_first,
		uint32_t uid_last, const char *sql,
		int (*each)(const struct pickup *, void *context), void *context, struct error *err)
{
	g_autoptr(GArray) chunk =
	    g_array_sized_new(FALSE, FALSE, sizeof(struct pickup), CHUNK_ROWS);
	int64_t next = uid_first;
	do {
		g_array_set_size(chunk, 0);
		if (read_chunk(store, source, next, uid_last, sql, chunk, err) != 0)
			return -1;
		for (guint i = 0; i < chunk->len; i++) {
			const struct pickup *pickup = &g_array_index(chunk, struct pickup, i);
			const int result = each(pickup, context);
			if (result != 0)
				return result;
			next = (int64_t)pickup->uid + 1;
		}
	} while (chunk->len == CHUNK_ROWS);
	return 0;
}

int pickup_list(struct store *store, const struct pickup_source *source, uint32_t uid_first,
		uint32_t uid_last, bool unfinished,
		int (*each)(const struct pickup *, void *context), void *context, struct error *err)
{
	return list(store, source, uid_first, uid_last, unfinished ? list_unfinished : list_all,
		    each, context, err);
}

/* All UIDs: these rows are few, and the whole mailbox may hold them. */
int pickup_list_awaiting(struct store *store, const struct pickup_source *source,
			 int (*each)(const struct pickup *, void *context), void *context,
			 struct error *err)
{
	return list(store, source, 1, UINT32_MAX, list_awaiting, each, context, err);
}

/* What is the same for two copies of one message under any UID: digest, size, INTERNALDATE. */
void pickup_bind_like(struct statement *statement, int first, const struct pickup *like)
{
	char sha256[VALUE_SHA256_MAX];
	char internal_date[VALUE_TIME_MAX];
	value_format_sha256(like->raw_sha256, sha256);
	value_format_time_s(like->internal_date_s, internal_date);
	statement_bind_text(statement, first, sha256);
	statement_bind_int(statement, first + 1, (int64_t)like->raw_size);
	statement_bind_text(statement, first + 2, internal_date);
}

/* A row that may be taken over, with what decides between several. */
struct match {
	struct pickup pickup;
	bool unfinished;
	char created[VALUE_TIME_MAX];
};

/* Two messages with the same bytes became two entries, and each is taken over once. An
 * unfinished one comes first, because its message is likelier to be in the mailbox still. An
 * ORDER BY would cost every new message a temporary table. */
static void match_better(const struct statement *row, struct match *best)
{
	struct match match = {.unfinished = statement_int(row, PICKUP_COLUMN_COUNT + 1) != 0};
	pickup_from_row(row, &match.pickup);
	g_strlcpy(match.created, statement_text(row, PICKUP_COLUMN_COUNT), sizeof match.created);
	const int64_t older = match.pickup.entry_id - best->pickup.entry_id;
	const bool better =
	    best->pickup.entry_id == 0 || match.unfinished > best->unfinished ||
	    (match.unfinished == best->unfinished &&
	     (older < 0 || (older == 0 && strcmp(match.created, best->created) > 0)));
	if (better)
		*best = match;
}

/* A row of the present generation that has taken over an entry keeps it: no entry is taken over
 * twice. */
int pickup_match(struct store *store, const struct pickup_source *source,
		 const unsigned char raw_sha256[32], uint64_t raw_size, int64_t internal_date_s,
		 struct pickup *ret_pickup, struct error *err)
{
	struct pickup like = {.raw_size = raw_size, .internal_date_s = internal_date_s};
	memcpy(like.raw_sha256, raw_sha256, sizeof like.raw_sha256);
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT " PICKUP_COLUMNS
	    ", p.record_created, p.state IN ('stored', 'copied', 'awaiting')"
	    " FROM pickup p INDEXED BY pickup_match"
	    " WHERE queue_id = ?1 AND (source <> ?2 OR uid_validity <> ?3) AND raw_sha256 = ?4"
	    " AND raw_size = ?5 AND internal_date = ?6"
	    " AND NOT EXISTS (SELECT 1 FROM pickup AS taken INDEXED BY pickup_match WHERE "
	    "taken.queue_id = ?1"
	    " AND taken.internal_date = ?6 AND taken.raw_sha256 = ?4 AND taken.source = ?2"
	    " AND taken.uid_validity = ?3 AND taken.entry_id = p.entry_id)");
	pickup_bind_source(statement, source);
	pickup_bind_like(statement, 4, &like);
	struct match best = {0};
	int result;
	while ((result = statement_step(statement, err)) == 1)
		match_better(statement, &best);
	if (result < 0)
		return -1;
	if (best.pickup.entry_id == 0)
		return error_because(err, REASON_MISSING,
				     "no message with these bytes was picked up before");
	*ret_pickup = best.pickup;
	return 0;
}

/* The UIDNEXT that a run noted tells runs apart: one run that moves ten copies counts once. Nearly
 * every message is new: for it the table that DISTINCT fills is not made, which would take a tenth of
 * the time that storing the message takes. */
int pickup_count_returns(struct store *store, const struct pickup_source *source,
			 const struct pickup *like, uint64_t *ret_count, struct error *err)
{
#define ALIKE                                                                                      \
	" FROM pickup INDEXED BY pickup_match"                                                     \
	" WHERE queue_id = ?1 AND internal_date = ?6 AND raw_sha256 = ?4"
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT CASE WHEN EXISTS (SELECT 1" ALIKE
	    ") THEN (SELECT count(DISTINCT uid_next)" ALIKE
	    " AND source = ?2 AND uid_validity = ?3 AND raw_size = ?5 AND uid_next <= ?7"
	    " AND state IN ('copied', 'moved', 'left') AND record_created >="
	    " (SELECT record_updated FROM work_queue WHERE id = ?1)) ELSE 0 END");
#undef ALIKE
	pickup_bind_source(statement, source);
	pickup_bind_like(statement, 4, like);
	statement_bind_int(statement, 7, like->uid);
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_count = (uint64_t)statement_int(statement, 0);
	return 0;
}

/* A week either way: the target shows messages by date, and the caller looks at a few days. */
int pickup_count_delivered(struct store *store, int64_t queue_id, const char *account,
			   const char *folder, const struct pickup *like, uint64_t *ret_count,
			   struct error *err)
{
	char sha256[VALUE_SHA256_MAX];
	char first[VALUE_TIME_MAX];
	char last[VALUE_TIME_MAX];
	value_format_sha256(like->raw_sha256, sha256);
	value_format_time_s(like->internal_date_s - WEEK_S, first);
	value_format_time_s(like->internal_date_s + WEEK_S, last);
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT count(*) FROM work_queue q CROSS JOIN pickup p INDEXED BY pickup_match"
	    " ON p.queue_id = q.id AND p.internal_date BETWEEN ?2 AND ?3 AND p.raw_sha256 = ?4"
	    " LEFT JOIN pickup_folder f ON f.queue_id = q.id AND f.number = p.target_folder"
	    " WHERE p.state IN ('copied', 'moved', 'left')"
	    " AND coalesce(f.folder = ?7, p.target = ?5)"
	    " AND (q.id = ?1 OR substr(p.source, 1, length(?6)) = ?6)");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, first);
	statement_bind_text(statement, 3, last);
	statement_bind_text(statement, 4, sha256);
	statement_bind_text(statement, 5, target_names[like->target]);
	statement_bind_text(statement, 6, account);
	statement_bind_text(statement, 7, folder);
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_count = (uint64_t)statement_int(statement, 0);
	return 0;
}

/* The old UIDs name nothing any more, so that nothing is left to be moved for them. */
static int retire(struct store *store, const struct pickup_source *source,
		  const struct pickup *pickup, int64_t now_ms, struct error *err)
{
	char sha256[VALUE_SHA256_MAX];
	char internal_date[VALUE_TIME_MAX];
	char now[VALUE_TIME_MAX];
	value_format_sha256(pickup->raw_sha256, sha256);
	value_format_time_s(pickup->internal_date_s, internal_date);
	value_format_time_ms(now_ms, now);
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "UPDATE pickup INDEXED BY pickup_match SET state = 'moved', record_updated = ?6"
	    " WHERE queue_id = ?1 AND NOT (source = ?2 AND uid_validity = ?3)"
	    " AND internal_date = ?7 AND raw_sha256 = ?4 AND entry_id = ?5 AND state IN ('stored', "
	    "'copied', 'awaiting', 'read')");
	pickup_bind_source(statement, source);
	statement_bind_text(statement, 4, sha256);
	statement_bind_int(statement, 5, pickup->entry_id);
	statement_bind_text(statement, 6, now);
	statement_bind_text(statement, 7, internal_date);
	return statement_step(statement, err);
}

int pickup_retire(struct store *store, const struct pickup_source *source,
		  const struct pickup *pickup, int64_t now_ms, struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, retire(store, source, pickup, now_ms, err), err);
}

/* A row that waits for an answer again has been delivered anew: it must not become `read` by an
 * older answer. */
#define MARK(also)                                                                                 \
	"UPDATE pickup SET state = ?5, record_updated = ?6" also                                   \
	" WHERE queue_id = ?1 AND source = ?2 AND uid_validity = ?3 AND uid = ?4"                  \
	" AND NOT (state = 'awaiting' AND ?5 = 'read')"

/* A UID says nothing without its folder and its UIDVALIDITY: the three are noted together. */
static int mark(struct store *store, const struct pickup_source *source, uint32_t uid,
		enum pickup_state state, const struct pickup_copies *copies, size_t index,
		const char *now, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, copies == NULL ? MARK("")
					  : MARK(", target_folder = ?7, target_uid_validity = ?8,"
						 " target_uid = ?9"));
	pickup_bind_source(statement, source);
	statement_bind_int(statement, 4, uid);
	statement_bind_text(statement, 5, state_names[state]);
	statement_bind_text(statement, 6, now);
	if (copies != NULL) {
		pickup_bind_number(statement, 7, copies->folder);
		pickup_bind_number(statement, 8, copies->uid_validity);
		pickup_bind_number(statement, 9, copies->uids[index]);
	}
	return statement_step(statement, err);
}

/* One transaction for all UIDs: what one command of the server has done is noted as one. */
int pickup_mark(struct store *store, const struct pickup_source *source, const uint32_t *uids,
		size_t count, enum pickup_state state, const struct pickup_copies *copies,
		int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < count && result == 0; i++)
		result = mark(store, source, uids[i], state, copies, i, now, err);
	return store_leave(store, own, result, err);
}
