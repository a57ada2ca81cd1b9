#include "queue/queue_health.h"

#include "queue/store_private.h"
#include "queue/value.h"

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

int queue_health_stop(struct store *store, int64_t queue_id, const char *reason, int64_t now_ms,
		      struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, stop(store, queue_id, reason, now_ms, err), err);
}
