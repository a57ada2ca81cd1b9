/* Keeps what the runs of a queue have done. The row is written with the queue's own, in one transaction, so that it costs no
 * sync of its own. */
#include "queue/run.h"

#include "queue/engine_internal.h"
#include "queue/store_internal.h"
#include "queue/value_internal.h"

#define KEPT_MS (INT64_C(30) * 24 * 3600 * 1000)

static int forget_older(struct store *store, const struct run *run, struct error *err)
{
	char time[VALUE_TIME_MAX];
	value_format_time_ms(run->ended_ms - KEPT_MS, time);
	scoped_statement *statement =
	    engine_prepare(store->engine, "DELETE FROM run WHERE queue_id = ?1 AND ended_at < ?2");
	statement_bind_int(statement, 1, run->queue_id);
	statement_bind_text(statement, 2, time);
	return statement_step(statement, err);
}

static int note(struct store *store, const struct run *run, struct error *err)
{
	char began[VALUE_TIME_MAX];
	char ended[VALUE_TIME_MAX];
	value_format_time_ms(run->began_ms, began);
	value_format_time_ms(run->ended_ms, ended);
	scoped_statement *statement = engine_prepare(
	    store->engine, "INSERT INTO run (queue_id, began_at, ended_at, loaded, moved, bad,"
			   " error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
	statement_bind_int(statement, 1, run->queue_id);
	statement_bind_text(statement, 2, began);
	statement_bind_text(statement, 3, ended);
	statement_bind_int(statement, 4, (int64_t)run->loaded);
	statement_bind_int(statement, 5, (int64_t)run->moved);
	statement_bind_int(statement, 6, (int64_t)run->bad);
	statement_bind_text(statement, 7, run->error);
	return statement_step(statement, err) != 0 ? -1 : forget_older(store, run, err);
}

int run_note(struct store *store, const struct run *run, struct error *err)
{
	bool own;
	if (run->error == NULL && run->loaded + run->moved + run->bad == 0)
		return 0;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, note(store, run, err), err);
}

int run_list(struct store *store, int64_t queue_id, bool newest_first, uint64_t limit,
	     int (*each)(const struct run *run, void *context), void *context, struct error *err)
{
	int result;
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    newest_first ? "SELECT r.queue_id, q.name, r.began_at, r.ended_at, r.loaded, r.moved,"
			   " r.bad, r.error FROM run r JOIN work_queue q ON q.id = r.queue_id"
			   " WHERE (?1 = 0 OR r.queue_id = ?1)"
			   " ORDER BY r.ended_at DESC, r.id DESC LIMIT ?2"
			 : "SELECT r.queue_id, q.name, r.began_at, r.ended_at, r.loaded, r.moved,"
			   " r.bad, r.error FROM run r JOIN work_queue q ON q.id = r.queue_id"
			   " WHERE (?1 = 0 OR r.queue_id = ?1)"
			   " ORDER BY r.ended_at, r.id LIMIT ?2");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_int(statement, 2, limit != 0 ? (int64_t)limit : -1);
	while ((result = statement_step(statement, err)) == 1) {
		const struct run run = {
		    .queue_id = statement_int(statement, 0),
		    .queue_name = statement_text(statement, 1),
		    .began_ms = value_parse_time_ms(statement_text(statement, 2)),
		    .ended_ms = value_parse_time_ms(statement_text(statement, 3)),
		    .loaded = (uint64_t)statement_int(statement, 4),
		    .moved = (uint64_t)statement_int(statement, 5),
		    .bad = (uint64_t)statement_int(statement, 6),
		    .error = statement_text(statement, 7),
		};
		result = each(&run, context);
		if (result != 0)
			return result;
	}
	return result;
}
