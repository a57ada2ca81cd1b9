/* Tells a queue's own messages of a target folder from those that were there before it, and from
 * those of other queues. */
#include "queue/pickup_repair.h"

#include "queue/pickup_internal.h"
#include "queue/store_internal.h"

#include <glib.h>
#include <string.h>

#define CHUNK_ROWS 1000

/* A ledger may be older than these notes: MISSING does not say that the folder was never used. */
int pickup_folder_find(struct store *store, int64_t queue_id, const char *folder,
		       struct pickup_folder *ret_folder, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT number, uid_validity, first_uid"
					  " FROM pickup_folder WHERE queue_id = ? AND folder = ?");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, folder);
	const int result = statement_step(statement, err);
	if (result == 0)
		return error_because(err, REASON_MISSING, "folder '%s' is not noted", folder);
	if (result < 0)
		return -1;
	*ret_folder = (struct pickup_folder){.number = (uint32_t)statement_int(statement, 0),
					     .uid_validity = (uint32_t)statement_int(statement, 1),
					     .first_uid = (uint32_t)statement_int(statement, 2)};
	return 0;
}

int pickup_folder_is_new(struct store *store, int64_t queue_id, const char *folder,
			 enum pickup_target target, uint32_t uid_validity, bool *ret_new,
			 struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT 1 FROM pickup_folder WHERE queue_id = ?1 AND target = ?3 AND uid_validity = ?4"
	    " AND NOT EXISTS (SELECT 1 FROM pickup_folder WHERE queue_id = ?1 AND folder = ?2)");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, folder);
	statement_bind_text(statement, 3, pickup_target_format(target));
	statement_bind_int(statement, 4, uid_validity);
	const int result = statement_step(statement, err);
	*ret_new = result == 1;
	return result < 0 ? -1 : 0;
}

/* From now on the target is another folder, which may have the same UIDVALIDITY. Where it had been
 * several before, nobody knows in which of them a row lies. */
static int name_earlier(struct store *store, int64_t queue_id, const char *folder,
			enum pickup_target target, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "UPDATE pickup SET target_folder = (SELECT max(f.number) FROM pickup_folder f"
	    " WHERE f.queue_id = ?1 AND f.target = ?3"
	    " AND f.uid_validity = pickup.target_uid_validity HAVING count(*) = 1)"
	    " WHERE queue_id = ?1 AND target = ?3 AND target_folder IS NULL"
	    " AND target_uid IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pickup_folder"
	    " WHERE queue_id = ?1 AND folder = ?2)");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, folder);
	statement_bind_text(statement, 3, pickup_target_format(target));
	return statement_step(statement, err);
}

/* A ledger that is older than these notes knows by its lowest UID in the folder since when the
 * queue has used it. Of rows that name their folder none can lie in one that is
 * new, and a message that has kept its UID was adopted where it lay. */
static int note(struct store *store, int64_t queue_id, const char *folder,
		enum pickup_target target, uint32_t uid_validity, uint32_t uid_next, int64_t now_ms,
		struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO pickup_folder (queue_id, folder, uid_validity, first_uid, record_created,"
	    " target, number) VALUES (?1, ?2, ?3, min(?4, coalesce((SELECT min(target_uid)"
	    " FROM pickup WHERE queue_id = ?1 AND target = ?5 AND target_uid_validity = ?3"
	    " AND target_folder IS NULL AND NOT (uid = target_uid"
	    " AND uid_validity = target_uid_validity)), ?4)), ?6, ?5, (SELECT "
	    "coalesce(max(number), 0) + 1"
	    " FROM pickup_folder WHERE queue_id = ?1)) ON CONFLICT DO NOTHING");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, folder);
	statement_bind_int(statement, 3, uid_validity);
	statement_bind_int(statement, 4, uid_next);
	statement_bind_text(statement, 5, pickup_target_format(target));
	statement_bind_text(statement, 6, now);
	return statement_step(statement, err);
}

int pickup_folder_note(struct store *store, int64_t queue_id, const char *folder,
		       enum pickup_target target, uint32_t uid_validity, uint32_t uid_next,
		       int64_t now_ms, struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	int result = name_earlier(store, queue_id, folder, target, err);
	if (result == 0)
		result = note(store, queue_id, folder, target, uid_validity, uid_next, now_ms, err);
	return store_leave(store, own, result, err);
}

/* first_uid - 1 stands in where the ledger has no target UIDs, as on a server without UIDPLUS. */
int pickup_folder_last_uid(struct store *store, int64_t queue_id, const char *folder,
			   enum pickup_target target, uint32_t uid_validity, uint32_t *ret_uid,
			   struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT max(coalesce((SELECT max(target_uid) FROM pickup WHERE queue_id = ?1"
	    " AND target_uid_validity = ?3 AND CASE WHEN target_folder IS NULL THEN target = ?2"
	    " ELSE target_folder = (SELECT number FROM pickup_folder WHERE queue_id = ?1"
	    " AND folder = ?4) END), 0), coalesce((SELECT first_uid - 1"
	    " FROM pickup_folder WHERE queue_id = ?1 AND folder = ?4 AND uid_validity = ?3), 0))");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, target == PICKUP_BADMAIL ? "badmail" : "dropbox");
	statement_bind_int(statement, 3, uid_validity);
	statement_bind_text(statement, 4, folder);
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_uid = (uint32_t)statement_int(statement, 0);
	return 0;
}

/* From one source to the next in the ledger's key: its rows are not read. */
int pickup_source_list(struct store *store, int64_t queue_id, const char *account,
		       void (*each)(const char *source, void *context), void *context,
		       struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "WITH RECURSIVE known (queue_id, source) AS ("
	    " SELECT q.id, (SELECT min(p.source) FROM pickup p WHERE p.queue_id = q.id"
	    " AND p.source >= ?2) FROM work_queue q WHERE q.id <> ?1 UNION ALL"
	    " SELECT queue_id, (SELECT min(p.source) FROM pickup p"
	    " WHERE p.queue_id = known.queue_id AND p.source > known.source) FROM known"
	    " WHERE substr(source, 1, length(?2)) = ?2)"
	    " SELECT DISTINCT source FROM known WHERE substr(source, 1, length(?2)) = ?2");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, account);
	int result;
	while ((result = statement_step(statement, err)) == 1)
		each(statement_text(statement, 0), context);
	return result;
}

/* Where a walk goes on. */
struct position {
	int64_t queue_id;
	char *source;
	uint32_t uid_validity;
	uint32_t uid;
};

static void position_clear(struct position *position)
{
	g_free(position->source);
}

/* A queue that has noted its folders, but not this one, has nothing there. UIDVALIDITY is no name:
 * two folders may have the same, and a queue's own two often have, made in one second. Rows that are
 * older than their folder's number are told by the target. */
#define ELSEWHERE                                                                                  \
	"SELECT p.queue_id, p.source, p.uid_validity, p.uid,"                                      \
	" CASE WHEN p.source = ?4 AND p.uid_validity = ?5 THEN p.uid"                              \
	" WHEN p.target_uid_validity = ?5 AND CASE WHEN p.target_folder IS NULL"                   \
	" THEN coalesce(f.target, p.target) = p.target ELSE p.target_folder = f.number END"        \
	" THEN p.target_uid END AS here,"                                                          \
	" CASE WHEN p.target = 'badmail' AND p.target_uid IS NULL THEN (SELECT m.raw_size"         \
	" FROM entry_mail m WHERE m.entry_id = p.entry_id AND m.raw_sha256 IS NULL) END AS header" \
	" FROM pickup p LEFT JOIN pickup_folder f ON f.queue_id = p.queue_id AND f.folder = ?3"    \
	" WHERE p.queue_id <> ?1 AND substr(p.source, 1, length(?2)) = ?2"                         \
	" AND (f.folder IS NOT NULL OR p.source = ?4 OR NOT EXISTS"                                \
	" (SELECT 1 FROM pickup_folder any_folder WHERE any_folder.queue_id = p.queue_id))"        \
	" AND (p.queue_id, p.source, p.uid_validity, p.uid) > (?6, ?7, ?8, ?9)"                    \
	" AND (here IS NOT NULL OR header IS NOT NULL)"                                            \
	" ORDER BY p.queue_id, p.source, p.uid_validity, p.uid LIMIT ?10"

/* One chunk, and the position behind it where it is full. */
static int read_elsewhere(struct store *store, const struct pickup_place *place,
			  struct position *position, GArray *chunk, struct error *err)
{
	scoped_statement *statement = engine_prepare(store->engine, ELSEWHERE);
	statement_bind_int(statement, 1, place->queue_id);
	statement_bind_text(statement, 2, place->account);
	statement_bind_text(statement, 3, place->folder);
	statement_bind_text(statement, 4, place->source);
	statement_bind_int(statement, 5, place->uid_validity);
	statement_bind_int(statement, 6, position->queue_id);
	statement_bind_text(statement, 7, position->source);
	statement_bind_int(statement, 8, position->uid_validity);
	statement_bind_int(statement, 9, position->uid);
	statement_bind_int(statement, 10, CHUNK_ROWS);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const struct pickup_elsewhere found = {.uid = (uint32_t)statement_int(statement, 4),
						       .header_size =
							   (uint64_t)statement_int(statement, 5)};
		g_array_append_val(chunk, found);
		if (chunk->len < CHUNK_ROWS)
			continue;
		g_free(position->source);
		*position = (struct position){
		    statement_int(statement, 0), g_strdup(statement_text(statement, 1)),
		    (uint32_t)statement_int(statement, 2), (uint32_t)statement_int(statement, 3)};
	}
	return result;
}

/* Goes chunk by chunk from the last key on, so that `each` may talk to the server meanwhile. */
int pickup_elsewhere_walk(struct store *store, const struct pickup_place *place,
			  int (*each)(const struct pickup_elsewhere *, void *context),
			  void *context, struct error *err)
{
	__attribute__((cleanup(position_clear))) struct position position = {.source =
										 g_strdup("")};
	g_autoptr(GArray) chunk = g_array_new(FALSE, FALSE, sizeof(struct pickup_elsewhere));
	do {
		g_array_set_size(chunk, 0);
		if (read_elsewhere(store, place, &position, chunk, err) != 0)
			return -1;
		for (guint i = 0; i < chunk->len; i++) {
			const int result =
			    each(&g_array_index(chunk, struct pickup_elsewhere, i), context);
			if (result != 0)
				return result;
		}
	} while (chunk->len == CHUNK_ROWS);
	return 0;
}

/* CROSS JOIN keeps SQLite from walking the ledger: for each queue it looks into the index once. */
int pickup_elsewhere_find(struct store *store, const struct pickup_place *place,
			  const struct pickup *like, bool *ret_found, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT 1 FROM work_queue q CROSS JOIN pickup p INDEXED BY pickup_match"
	    " ON p.queue_id = q.id AND p.internal_date = ?3 AND p.raw_sha256 = ?1"
	    " WHERE q.id <> ?4 AND p.raw_size = ?2 AND (substr(p.source, 1, length(?5)) = ?5"
	    " OR (p.target_uid_validity = ?6 AND p.target_uid = ?7 AND (p.target_folder IS NULL"
	    " OR EXISTS (SELECT 1 FROM pickup_folder f WHERE f.queue_id = q.id"
	    " AND f.number = p.target_folder AND substr(f.folder, -length(?8)) = ?8)))) LIMIT 1");
	pickup_bind_like(statement, 1, like);
	statement_bind_int(statement, 4, place->queue_id);
	statement_bind_text(statement, 5, place->account);
	statement_bind_int(statement, 6, place->uid_validity);
	statement_bind_int(statement, 7, like->target_uid);
	/* The folder without its account: "/INBOX.Archive". */
	statement_bind_text(statement, 8, place->folder + strlen(place->account) - 1);
	const int result = statement_step(statement, err);
	*ret_found = result == 1;
	return result < 0 ? -1 : 0;
}

/* Each way has an index that is asked once for each queue. */
int pickup_taken_find(struct store *store, const struct pickup_place *place,
		      const struct pickup *moved, bool *ret_taken, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    moved->target_uid != 0
		? "SELECT 1 FROM work_queue q CROSS JOIN pickup p ON p.queue_id = q.id"
		  " AND p.source = ?5 AND p.uid_validity = ?6 AND p.uid = ?7 WHERE q.id <> ?4"
		: "SELECT 1 FROM work_queue q CROSS JOIN pickup p INDEXED BY pickup_match"
		  " ON p.queue_id = q.id AND p.internal_date = ?3 AND p.raw_sha256 = ?1"
		  " WHERE q.id <> ?4 AND p.raw_size = ?2 AND p.source = ?5");
	if (moved->target_uid == 0)
		pickup_bind_like(statement, 1, moved);
	statement_bind_int(statement, 4, place->queue_id);
	statement_bind_text(statement, 5, place->source);
	if (moved->target_uid != 0) {
		statement_bind_int(statement, 6, moved->target_uid_validity);
		statement_bind_int(statement, 7, moved->target_uid);
	}
	const int result = statement_step(statement, err);
	*ret_taken = result == 1;
	return result < 0 ? -1 : 0;
}

/* A message that somebody has accepted as gone comes first: its return is news. */
int pickup_own_find(struct store *store, int64_t queue_id, const struct pickup *like,
		    enum pickup_own *ret_own, int64_t *ret_entry_id, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT p.entry_id, EXISTS (SELECT 1 FROM pickup_gone g WHERE g.queue_id = p.queue_id"
	    " AND g.source = p.source AND g.uid_validity = p.uid_validity AND g.uid = p.uid)"
	    " AS gone FROM pickup p INDEXED BY pickup_match WHERE p.queue_id = ?4"
	    " AND p.internal_date = ?3 AND p.raw_sha256 = ?1 AND p.raw_size = ?2"
	    " ORDER BY gone DESC, p.entry_id LIMIT 1");
	pickup_bind_like(statement, 1, like);
	statement_bind_int(statement, 4, queue_id);
	const int result = statement_step(statement, err);
	*ret_own = PICKUP_OWN_NONE;
	if (result != 1)
		return result;
	*ret_own = statement_int(statement, 1) != 0 ? PICKUP_OWN_GONE : PICKUP_OWN_KNOWN;
	*ret_entry_id = statement_int(statement, 0);
	return 0;
}
