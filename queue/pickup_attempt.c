/* Keeps which messages runs have failed at, how often, and why. */
#include "queue/pickup.h"

#include "queue/pickup_internal.h"
#include "queue/store_internal.h"
#include "queue/value_internal.h"

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
