/* Keeps what an administrator has to see to: until when certificates and secrets are good, and how the
 * logs of a service fare. The WHERE of each statement sees that nothing is written for nothing: ends are
 * noted at every sign-in. */
#include "queue/upkeep.h"

#include "queue/engine_internal.h"
#include "queue/store_internal.h"

static void bind_time(struct statement *statement, int index, int64_t time_ms,
		      char text[static VALUE_TIME_MAX])
{
	if (time_ms == 0) {
		statement_bind_null(statement, index);
		return;
	}
	value_format_time_ms(time_ms, text);
	statement_bind_text(statement, index, text);
}

static int forget_end(struct store *store, int64_t queue_id, const char *what, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "DELETE FROM queue_end WHERE queue_id = ?1 AND what = ?2");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, what);
	return statement_step(statement, err);
}

static int note_end(struct store *store, int64_t queue_id, const struct upkeep_end *end,
		    int64_t now_ms, struct error *err)
{
	char begins[VALUE_TIME_MAX];
	char ends[VALUE_TIME_MAX];
	char now[VALUE_TIME_MAX];
	if (end->ends_ms == 0)
		return forget_end(store, queue_id, end->what, err);
	scoped_statement *statement = engine_prepare(
	    store->engine, "INSERT INTO queue_end (queue_id, what, begins_at, ends_at, noted_at)"
			   " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (queue_id, what) DO UPDATE"
			   " SET begins_at = ?3, ends_at = ?4, noted_at = ?5");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, end->what);
	bind_time(statement, 3, end->begins_ms, begins);
	bind_time(statement, 4, end->ends_ms, ends);
	bind_time(statement, 5, now_ms, now);
	return statement_step(statement, err);
}

/* 1: the database says so already. */
static int is_end_noted(struct store *store, int64_t queue_id, const struct upkeep_end *end,
			struct error *err)
{
	char begins[VALUE_TIME_MAX];
	char ends[VALUE_TIME_MAX];
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT 1 WHERE ?4 IS (SELECT ends_at FROM queue_end WHERE queue_id = ?1"
			   " AND what = ?2) AND ?3 IS (SELECT begins_at FROM queue_end"
			   " WHERE queue_id = ?1 AND what = ?2)");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, end->what);
	bind_time(statement, 3, end->begins_ms, begins);
	bind_time(statement, 4, end->ends_ms, ends);
	return statement_step(statement, err);
}

int upkeep_note_end(struct store *store, int64_t queue_id, const struct upkeep_end *end,
		    int64_t now_ms, struct error *err)
{
	bool own;
	const int noted = is_end_noted(store, queue_id, end, err);
	if (noted != 0)
		return noted < 0 ? -1 : 0;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, note_end(store, queue_id, end, now_ms, err), err);
}

int upkeep_list_ends(struct store *store, int64_t queue_id,
		     int (*each)(const struct upkeep_end *end, void *context), void *context,
		     struct error *err)
{
	int result;
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT what, begins_at, ends_at, noted_at FROM queue_end"
					  " WHERE queue_id = ?1 ORDER BY ends_at, what");
	statement_bind_int(statement, 1, queue_id);
	while ((result = statement_step(statement, err)) == 1) {
		const struct upkeep_end end = {
		    .what = statement_text(statement, 0),
		    .begins_ms = value_parse_time_ms(statement_text(statement, 1)),
		    .ends_ms = value_parse_time_ms(statement_text(statement, 2)),
		    .noted_ms = value_parse_time_ms(statement_text(statement, 3))};
		if ((result = each(&end, context)) != 0)
			break;
	}
	return result;
}

/* ---- logs ---- */

static int note_log(struct store *store, const struct upkeep_log *log, int64_t now_ms,
		    struct error *err)
{
	char now[VALUE_TIME_MAX];
	scoped_statement *statement = engine_prepare(
	    store->engine, log->path == NULL
			       ? "DELETE FROM log_file WHERE kind = ?1"
			       : "INSERT INTO log_file (kind, path, error, noted_at)"
				 " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (kind) DO UPDATE"
				 " SET path = ?2, error = ?3, noted_at = ?4");
	statement_bind_text(statement, 1, log->kind);
	if (log->path == NULL)
		return statement_step(statement, err);
	statement_bind_text(statement, 2, log->path);
	statement_bind_text(statement, 3, log->error);
	bind_time(statement, 4, now_ms, now);
	return statement_step(statement, err);
}

/* 1: the database says so already. */
static int is_log_noted(struct store *store, const struct upkeep_log *log, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT 1 WHERE ?2 IS (SELECT path FROM log_file WHERE kind = ?1)"
			   " AND ?3 IS (SELECT error FROM log_file WHERE kind = ?1)");
	statement_bind_text(statement, 1, log->kind);
	statement_bind_text(statement, 2, log->path);
	statement_bind_text(statement, 3, log->path != NULL ? log->error : NULL);
	return statement_step(statement, err);
}

int upkeep_note_log(struct store *store, const struct upkeep_log *log, int64_t now_ms,
		    struct error *err)
{
	bool own;
	const int noted = is_log_noted(store, log, err);
	if (noted != 0)
		return noted < 0 ? -1 : 0;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, note_log(store, log, now_ms, err), err);
}

int upkeep_list_logs(struct store *store, int (*each)(const struct upkeep_log *log, void *context),
		     void *context, struct error *err)
{
	int result;
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT kind, path, error FROM log_file ORDER BY kind");
	while ((result = statement_step(statement, err)) == 1) {
		const struct upkeep_log log = {.kind = statement_text(statement, 0),
					       .path = statement_text(statement, 1),
					       .error = statement_text(statement, 2)};
		if ((result = each(&log, context)) != 0)
			break;
	}
	return result;
}
