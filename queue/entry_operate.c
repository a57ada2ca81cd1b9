/* Changes entries for an operator, and deletes finished ones. Each operation is one statement
 * that is made to choose one entry or all of a filter. */
#include "queue/entry_operate.h"

#include "queue/entry_internal.h"
#include "queue/store_internal.h"

/* What an order does, and the entries that it fits; the choice of entries is appended to the
 * second. Parameters: 1 the time, 2 the priority, 3 the tag, 4 a time to be set, 5 the reason; of the condition 21 the
 * time, 22 the priority, 23 the tag, 27 the time to be set. */
static const struct operation {
	const char *change;
	const char *condition;
} operations[] = {
    [ENTRY_RETRY] = {"UPDATE entry_status SET state = 'new', attempt_count = 0,"
		     " next_attempt_at = NULL, record_updated = ?1 WHERE id",
		     "(state IN ('failed', 'done') OR (state = 'new' AND next_attempt_at > ?21))"},
    [ENTRY_DISCARD] = {"UPDATE entry_status SET state = 'failed', error_kind = 'business',"
		       " error_text = 'discarded' || coalesce(': ' || ?5, ''),"
		       " record_updated = ?1 WHERE id",
		       "(state IN ('new', 'bad')"
		       " OR (state = 'failed' AND error_kind <> 'business'))"},
    [ENTRY_HOLD] = {"UPDATE entry_status SET held = 1, record_updated = ?1 WHERE id",
		    "held = 0 AND state IN ('new', 'claimed')"},
    [ENTRY_UNHOLD] = {"UPDATE entry_status SET held = 0, record_updated = ?1 WHERE id", "held = 1"},
    [ENTRY_PRIORITY] = {"UPDATE entry_status SET priority = ?2, record_updated = ?1 WHERE id",
			"priority <> ?22"},
    [ENTRY_DEADLINE] = {"UPDATE entry_status SET deadline_at = ?4, record_updated = ?1 WHERE id",
			"deadline_at IS NOT ?27"},
    [ENTRY_RISK] = {"UPDATE entry_status SET risk_at = ?4, record_updated = ?1 WHERE id",
		    "risk_at IS NOT ?27"},
    [ENTRY_TAG] = {"INSERT INTO entry_tag (entry_id, tag) SELECT id, ?3 FROM entry_status WHERE id",
		   "id NOT IN (SELECT entry_id FROM entry_tag WHERE tag = ?23)"},
    [ENTRY_UNTAG] = {"DELETE FROM entry_tag WHERE tag = ?3 AND entry_id",
		     "id IN (SELECT entry_id FROM entry_tag WHERE tag = ?23)"},
    [ENTRY_TAKE_BACK] = {"UPDATE entry_status SET state = 'new',"
			 " attempt_count = attempt_count - 1, lease_owner = NULL,"
			 " lease_token = NULL, lease_until = NULL, record_updated = ?1 WHERE id",
			 "state = 'claimed'"},
};

const char *entry_order_condition(const struct entry_order *order)
{
	return operations[order->operation].condition;
}

/* Binds only what the condition has: SQLite refuses a parameter that is not there. */
void entry_order_bind(const struct entry_order *order, int64_t now_ms, struct statement *statement)
{
	char now[VALUE_TIME_MAX];
	char time[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	value_format_time_ms(order->time_ms, time);
	switch (order->operation) {
	case ENTRY_DEADLINE:
	case ENTRY_RISK:
		statement_bind_text(statement, 27, order->time_ms != 0 ? time : NULL);
		return;
	case ENTRY_RETRY:
		statement_bind_text(statement, 21, now);
		return;
	case ENTRY_PRIORITY:
		statement_bind_int(statement, 22, order->priority);
		return;
	case ENTRY_TAG:
	case ENTRY_UNTAG:
		statement_bind_text(statement, 23, order->tag);
		return;
	case ENTRY_DISCARD:
	case ENTRY_HOLD:
	case ENTRY_UNHOLD:
	case ENTRY_TAKE_BACK:
		return;
	}
}

/* What the change has, and the condition. */
static void bind_order(struct statement *statement, const struct entry_order *order, int64_t now_ms)
{
	char now[VALUE_TIME_MAX];
	char time[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	value_format_time_ms(order->time_ms, time);
	entry_order_bind(order, now_ms, statement);
	switch (order->operation) {
	case ENTRY_TAG:
	case ENTRY_UNTAG:
		statement_bind_text(statement, 3, order->tag);
		return;
	case ENTRY_PRIORITY:
		statement_bind_int(statement, 2, order->priority);
		break;
	case ENTRY_DEADLINE:
	case ENTRY_RISK:
		statement_bind_text(statement, 4, order->time_ms != 0 ? time : NULL);
		break;
	case ENTRY_DISCARD:
		statement_bind_text(statement, 5, order->why);
		break;
	case ENTRY_RETRY:
	case ENTRY_HOLD:
	case ENTRY_UNHOLD:
	case ENTRY_TAKE_BACK:
		break;
	}
	statement_bind_text(statement, 1, now);
}

/* In the open transaction; the statement has chosen its entries. The author is known to the
 * triggers for this one statement. */
static int carry_out(struct store *store, struct statement *statement,
		     const struct entry_order *order, int64_t *ret_changed, struct error *err)
{
	if (change_author_set(store, order->who, order->why, err) != 0 ||
	    statement_step(statement, err) != 0)
		return -1;
	*ret_changed = engine_changes(store->engine);
	return change_author_clear(store, err);
}

/* Tells an entry that does not exist from one that the operation does not fit. */
static int check_exists(struct store *store, int64_t entry_id, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT 1 FROM entry_status WHERE id = ?");
	statement_bind_int(statement, 1, entry_id);
	const int result = statement_step(statement, err);
	if (result == 0)
		return store_no_entry(entry_id, err);
	return result < 0 ? -1 : 0;
}

/* The filter is a subquery of the same statement: an entry that changes meanwhile is judged as
 * it is then. */
static int operate_all(struct store *store, const struct entry_filter *filter,
		       const struct entry_order *order, int64_t now_ms, uint64_t *ret_changed,
		       struct error *err)
{
	struct entry_filter fitting = *filter;
	g_autoptr(GString) sql = g_string_new(operations[order->operation].change);
	fitting.order = order;
	fitting.now_ms = now_ms;
	g_string_append(sql, " IN (SELECT id FROM entry WHERE 1");
	entry_filter_append(&fitting, sql);
	g_string_append(sql, ")");
	scoped_statement *statement = engine_prepare(store->engine, sql->str);
	bind_order(statement, order, now_ms);
	entry_filter_bind(&fitting, statement);
	int64_t changed;
	if (carry_out(store, statement, order, &changed, err) != 0)
		return -1;
	*ret_changed = (uint64_t)changed;
	return 0;
}

static int operate_one(struct store *store, int64_t entry_id, const struct entry_order *order,
		       int64_t now_ms, bool *ret_changed, struct error *err)
{
	const struct entry_filter filter = {.entry_id = entry_id};
	uint64_t changed;
	if (check_exists(store, entry_id, err) != 0 ||
	    operate_all(store, &filter, order, now_ms, &changed, err) != 0)
		return -1;
	*ret_changed = changed != 0;
	return 0;
}

int entry_operate(struct store *store, int64_t entry_id, const struct entry_order *order,
		  int64_t now_ms, bool *ret_changed, struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own,
			   operate_one(store, entry_id, order, now_ms, ret_changed, err), err);
}

/* One transaction for all: an operator who sees an error knows that nothing was changed. */
int entry_operate_all(struct store *store, const struct entry_filter *filter,
		      const struct entry_order *order, int64_t now_ms, uint64_t *ret_changed,
		      struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, operate_all(store, filter, order, now_ms, ret_changed, err),
			   err);
}

/* A remark gets the next number of the entry's history, behind what triggers have written. */
static int note(struct store *store, int64_t entry_id, const char *who, const char *text,
		int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	if (check_exists(store, entry_id, err) != 0)
		return -1;
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why)"
	    " SELECT id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = "
	    "?2),"
	    " ?1, 'note', state, attempt_count, ?3, ?4 FROM entry_status WHERE id = ?2");
	statement_bind_text(statement, 1, now);
	statement_bind_int(statement, 2, entry_id);
	statement_bind_text(statement, 3, who);
	statement_bind_text(statement, 4, text);
	return statement_step(statement, err);
}

int entry_note(struct store *store, int64_t entry_id, const char *who, const char *text,
	       int64_t now_ms, struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, note(store, entry_id, who, text, now_ms, err), err);
}

/* ---- deleting ---- */

enum { CHUNK = 500 };

/* States are named here as well, so that no filter can reach an entry that is worked on. */
static char *purge_sql(const struct entry_filter *filter)
{
	GString *sql = g_string_new("DELETE FROM entry_status WHERE id IN (SELECT id FROM entry"
				    " WHERE state IN ('done', 'failed', 'bad')");
	entry_filter_append(filter, sql);
	g_string_append(sql, " ORDER BY id LIMIT ?1)");
	return g_string_free(sql, FALSE);
}

/* 500 entries in a transaction: a purge of a million does not keep workers waiting. */
static int purge_chunk(struct store *store, const char *sql, const struct entry_filter *filter,
		       int64_t *ret_count, struct error *err)
{
	if (store_begin(store, err) != 0)
		return -1;
	scoped_statement *statement = engine_prepare(store->engine, sql);
	entry_filter_bind(filter, statement);
	statement_bind_int(statement, 1, CHUNK);
	const int result = statement_step(statement, err);
	*ret_count = engine_changes(store->engine);
	return store_leave(store, true, result, err);
}

/* After all entries, because entries of later chunks may share the content. */
static int drop_unused_content(struct store *store, struct error *err)
{
	if (store_begin(store, err) != 0)
		return -1;
	return store_leave(store, true, content_drop_unused(store, err), err);
}

/* Ends with the first chunk that is not full. *ret_count is right also after an error: those
 * are gone. */
int entry_purge(struct store *store, const struct entry_filter *filter, uint64_t *ret_count,
		struct error *err)
{
	g_autofree char *sql = purge_sql(filter);
	int64_t count;
	*ret_count = 0;
	do {
		if (purge_chunk(store, sql, filter, &count, err) != 0)
			return -1;
		*ret_count += (uint64_t)count;
	} while (count == CHUNK);
	return *ret_count > 0 ? drop_unused_content(store, err) : 0;
}

int store_shrink(struct store *store, struct error *err)
{
	return engine_shrink(store->engine, err);
}
