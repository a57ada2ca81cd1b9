/* Keeps what runs of a queue have met and done, counts its entries, and measures how its work went. */
#include "queue/queue_health.h"

#include "queue/engine_internal.h"
#include "queue/entry_internal.h"
#include "queue/store_internal.h"
#include "queue/work_queue.h"

/* A queue that has no row yet has had no trouble. */
int queue_health_find(struct store *store, int64_t queue_id, struct queue_health *ret_health,
		      struct error *err)
{
	*ret_health = (struct queue_health){0};
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT last_success, refusals, refused_at, stopped_at,"
					  " stopped_reason FROM queue_health WHERE queue_id = ?");
	statement_bind_int(statement, 1, queue_id);
	const int result = statement_step(statement, err);
	if (result <= 0)
		return result;
	*ret_health = (struct queue_health){
	    .last_success_ms = value_parse_time_ms(statement_text(statement, 0)),
	    .refusals = (uint32_t)statement_int(statement, 1),
	    .refused_ms = value_parse_time_ms(statement_text(statement, 2)),
	    .stopped_ms = value_parse_time_ms(statement_text(statement, 3)),
	    .stopped_reason = g_strdup(statement_text(statement, 4)),
	};
	return 0;
}

void queue_health_clear(struct queue_health *health)
{
	g_free(health->stopped_reason);
	health->stopped_reason = NULL;
}

/* One statement counts and stops, so that two processes cannot both be the last but one. */
static int note_refusal(struct store *store, int64_t queue_id, const char *reason, uint32_t limit,
			int64_t now_ms, uint32_t *ret_refusals, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO queue_health (queue_id, refusals, refused_at, stopped_at, stopped_reason)"
	    " VALUES (?1, 1, ?2, CASE WHEN ?4 <= 1 THEN ?2 END, CASE WHEN ?4 <= 1 THEN ?3 END)"
	    " ON CONFLICT (queue_id) DO UPDATE SET refusals = refusals + 1, refused_at = ?2,"
	    " stopped_at = CASE WHEN refusals + 1 >= ?4 THEN ?2 END,"
	    " stopped_reason = CASE WHEN refusals + 1 >= ?4 THEN ?3 END"
	    " RETURNING refusals");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, now);
	statement_bind_text(statement, 3, reason);
	statement_bind_int(statement, 4, limit);
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_refusals = (uint32_t)statement_int(statement, 0);
	return 0;
}

int queue_health_note_refusal(struct store *store, int64_t queue_id, const char *reason,
			      uint32_t limit, int64_t now_ms, uint32_t *ret_refusals,
			      struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own,
			   note_refusal(store, queue_id, reason, limit, now_ms, ret_refusals, err),
			   err);
}

/* Keeps the number of refusals: it may be stopped for another reason. */
static int stop(struct store *store, int64_t queue_id, const char *reason, int64_t now_ms,
		struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO queue_health (queue_id, stopped_at, stopped_reason) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (queue_id) DO UPDATE SET stopped_at = ?2, stopped_reason = ?3");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, now);
	statement_bind_text(statement, 3, reason);
	return statement_step(statement, err);
}

/* Resuming the queue, or changing its definition, takes this back by a trigger of the schema. */
int queue_health_stop(struct store *store, int64_t queue_id, const char *reason, int64_t now_ms,
		      struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, stop(store, queue_id, reason, now_ms, err), err);
}

/* ---- counts, and the last run ---- */

/* As the indexes of deadlines have it. */
#define ENTRY_IS_OPEN	 "(state = 'new' OR state = 'claimed')"
#define ENTRY_SQL_NOW	 "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
#define ENTRY_IS_OVERDUE "deadline_at <= " ENTRY_SQL_NOW

/* The view counts, as for people who ask in SQL. */
int work_queue_count(struct store *store, int64_t queue_id, struct work_queue_counts *ret_counts,
		     struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT new, claimed, done, failed, bad, unfinished_pickups,"
			   " oldest_waiting, expired,"
			   " CASE WHEN EXISTS (SELECT 1 FROM queue_target WHERE queue_id = ?1) THEN"
			   " (SELECT count(*) FROM entry_status WHERE queue_id = ?1"
			   " AND state = 'new' AND attempt_count > 0) ELSE 0 END,"
			   " (SELECT count(*) FROM entry_status WHERE queue_id = ?1"
			   " AND " ENTRY_IS_DISCARDED "),"
			   " (SELECT count(*) FROM entry_status WHERE queue_id = ?1"
			   " AND " ENTRY_IS_OPEN " AND " ENTRY_IS_OVERDUE "),"
			   " (SELECT count(*) FROM entry_status WHERE queue_id = ?1"
			   " AND " ENTRY_IS_OPEN " AND risk_at <= " ENTRY_SQL_NOW
			   " AND (" ENTRY_IS_OVERDUE ") IS NOT TRUE)"
			   " FROM queue_overview WHERE id = ?1");
	statement_bind_int(statement, 1, queue_id);
	const int result = statement_step(statement, err);
	if (result == 0)
		return store_no_queue(queue_id, err);
	if (result < 0)
		return -1;
	*ret_counts = (struct work_queue_counts){
	    .new_entries = (uint64_t)statement_int(statement, 0),
	    .claimed = (uint64_t)statement_int(statement, 1),
	    .expired = (uint64_t)statement_int(statement, 7),
	    .done = (uint64_t)statement_int(statement, 2),
	    .failed = (uint64_t)(statement_int(statement, 3) - statement_int(statement, 9)),
	    .bad = (uint64_t)statement_int(statement, 4),
	    .unfinished_pickups = (uint64_t)statement_int(statement, 5),
	    .oldest_new_ms = value_parse_time_ms(statement_text(statement, 6)),
	    .undelivered = (uint64_t)statement_int(statement, 8),
	    .discarded = (uint64_t)statement_int(statement, 9),
	    .overdue = (uint64_t)statement_int(statement, 10),
	    .at_risk = (uint64_t)statement_int(statement, 11),
	};
	return 0;
}

/* A trigger of the schema takes a message that begins with "OK" for a good run, and forgets
 * refusals then. What waits for its answer is still in the mailbox, unread, and as a poller has it,
 * not collected. */
static int note_action(struct store *store, int64_t queue_id, const char *last_message,
		       int64_t not_collected, int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement =
	    engine_prepare(store->engine, "UPDATE work_queue SET last_message = ?, last_action = ?,"
					  " not_collected = ? + (SELECT count(*) FROM pickup"
					  " WHERE queue_id = work_queue.id AND state = 'awaiting')"
					  " WHERE id = ?");
	statement_bind_text(statement, 1, last_message);
	statement_bind_text(statement, 2, now);
	if (not_collected >= 0)
		statement_bind_int(statement, 3, not_collected);
	else
		statement_bind_null(statement, 3);
	statement_bind_int(statement, 4, queue_id);
	if (statement_step(statement, err) != 0)
		return -1;
	return engine_changes(store->engine) == 1 ? 0 : store_no_queue(queue_id, err);
}

int work_queue_note_action(struct store *store, int64_t queue_id, const char *last_message,
			   int64_t not_collected, int64_t now_ms, struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own,
			   note_action(store, queue_id, last_message, not_collected, now_ms, err),
			   err);
}

/* ---- a period of work ---- */

/* The events of the period tell what happened; entries that came in are counted by their own
 * time. */
static int read_counts(struct store *store, int64_t queue_id, const char *since,
		       struct queue_stats *stats, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT (SELECT count(*) FROM entry_status"
	    " WHERE queue_id = ?1 AND record_created >= ?2),"
	    " coalesce(sum(e.change = 'completed'), 0),"
	    " coalesce(sum(e.change IN ('failed', 'expired') AND e.state = 'failed'), 0),"
	    " coalesce(sum(e.change = 'failed' AND e.state = 'new'), 0),"
	    " coalesce(sum(e.change = 'expired'), 0)"
	    " FROM entry_event e JOIN entry_status s ON s.id = e.entry_id"
	    " WHERE s.queue_id = ?1 AND e.at >= ?2");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, since);
	if (statement_step(statement, err) != 1)
		return -1;
	stats->loaded = (uint64_t)statement_int(statement, 0);
	stats->completed = (uint64_t)statement_int(statement, 1);
	stats->failed = (uint64_t)statement_int(statement, 2);
	stats->retried = (uint64_t)statement_int(statement, 3);
	stats->expired = (uint64_t)statement_int(statement, 4);
	return 0;
}

/* Nearest rank: the value at or below which half, or 95 of 100, of the durations lie. */
static int read_spread(struct store *store, int64_t queue_id, const char *since, const char *change,
		       struct queue_stats_spread *spread, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT max(CASE WHEN 100 * (rank - 1) < 50 * number THEN ms END),"
	    " max(CASE WHEN 100 * (rank - 1) < 95 * number THEN ms END), max(ms) FROM"
	    " (SELECT e.duration_ms AS ms, row_number() OVER (ORDER BY e.duration_ms) AS rank,"
	    " count(*) OVER () AS number"
	    " FROM entry_event e JOIN entry_status s ON s.id = e.entry_id"
	    " WHERE s.queue_id = ?1 AND e.at >= ?2 AND e.change = ?3)");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, since);
	statement_bind_text(statement, 3, change);
	if (statement_step(statement, err) != 1)
		return -1;
	int64_t *const values[] = {&spread->p50_ms, &spread->p95_ms, &spread->max_ms};
	for (int i = 0; i < 3; i++)
		*values[i] = statement_is_null(statement, i) ? -1 : statement_int(statement, i);
	return 0;
}

int queue_stats_read(struct store *store, int64_t queue_id, int64_t since_ms,
		     struct queue_stats *ret_stats, struct error *err)
{
	struct queue_stats stats = {0};
	char since[VALUE_TIME_MAX];
	value_format_time_ms(since_ms, since);
	if (read_counts(store, queue_id, since, &stats, err) != 0 ||
	    read_spread(store, queue_id, since, "claimed", &stats.waiting, err) != 0 ||
	    read_spread(store, queue_id, since, "completed", &stats.working, err) != 0)
		return -1;
	*ret_stats = stats;
	return 0;
}

/* ---- runs: their rows are written with the queue's own, in one transaction, and cost no sync of their own ---- */

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
