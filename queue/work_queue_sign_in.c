/* Keeps what the last sign-in of a queue was worth, so that a weaker one is noticed. */
#include "queue/work_queue.h"

#include "queue/store_internal.h"

/* Each run signs in: the database is written where something is new alone. */
static int is_noted(struct store *store, int64_t queue_id, const struct work_queue_sign_in *sign_in,
		    struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT 1 FROM queue_sign_in WHERE queue_id = ?"
					  " AND mechanism = ? AND tls = ?");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, sign_in->mechanism);
	statement_bind_int(statement, 3, sign_in->tls);
	return statement_step(statement, err);
}

static int note(struct store *store, int64_t queue_id, const struct work_queue_sign_in *sign_in,
		int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement = engine_prepare(
	    store->engine, "INSERT INTO queue_sign_in (queue_id, mechanism, tls, noted_at)"
			   " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (queue_id) DO UPDATE"
			   " SET mechanism = ?2, tls = ?3, noted_at = ?4");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, sign_in->mechanism);
	statement_bind_int(statement, 3, sign_in->tls);
	statement_bind_text(statement, 4, now);
	return statement_step(statement, err);
}

int work_queue_note_sign_in(struct store *store, int64_t queue_id,
			    const struct work_queue_sign_in *sign_in, int64_t now_ms,
			    struct error *err)
{
	bool own;
	const int noted = is_noted(store, queue_id, sign_in, err);
	if (noted != 0)
		return noted < 0 ? -1 : 0;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, note(store, queue_id, sign_in, now_ms, err), err);
}

static int forget(struct store *store, int64_t queue_id, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "DELETE FROM queue_sign_in WHERE queue_id = ?");
	statement_bind_int(statement, 1, queue_id);
	return statement_step(statement, err);
}

int work_queue_forget_sign_in(struct store *store, int64_t queue_id, struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, forget(store, queue_id, err), err);
}
