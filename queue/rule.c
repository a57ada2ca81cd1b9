/* Keeps the rules of queues, what they did to entries, and the arrivals that the test `rate` counts. */
#include "queue/rule.h"

#include "queue/entry_internal.h"
#include "queue/store_internal.h"

#include <inttypes.h>

/* ---- rules ---- */

int rule_list(struct store *store, int64_t queue_id,
	      int (*each)(uint32_t number, const char *text, void *context), void *context,
	      struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT number, rule FROM queue_rule WHERE queue_id = ? ORDER BY number");
	statement_bind_int(statement, 1, queue_id);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const int ended = each((uint32_t)statement_int(statement, 0),
				       statement_text(statement, 1), context);
		if (ended != 0)
			return ended;
	}
	return result;
}

int rule_version(struct store *store, int64_t queue_id, uint32_t *ret_version, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT version FROM queue_rules WHERE queue_id = ?");
	statement_bind_int(statement, 1, queue_id);
	const int result = statement_step(statement, err);
	if (result < 0)
		return -1;
	*ret_version = result == 1 ? (uint32_t)statement_int(statement, 0) : 0;
	return 0;
}

int rule_put(struct store *store, int64_t queue_id, uint32_t number, const char *text,
	     struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "INSERT INTO queue_rule (queue_id, number, rule) VALUES (?1, ?2, ?3)"
			   " ON CONFLICT (queue_id, number) DO UPDATE SET rule = excluded.rule");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_int(statement, 2, number);
	statement_bind_text(statement, 3, text);
	return statement_step(statement, err);
}

static int no_rule(uint32_t number, struct error *err)
{
	return error_because(err, REASON_MISSING, "the queue has no rule %" PRIu32, number);
}

int rule_remove(struct store *store, int64_t queue_id, uint32_t number, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "DELETE FROM queue_rule WHERE queue_id = ? AND number = ?");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_int(statement, 2, number);
	if (statement_step(statement, err) != 0)
		return -1;
	return engine_changes(store->engine) == 0 ? no_rule(number, err) : 0;
}

int rule_move(struct store *store, int64_t queue_id, uint32_t from, uint32_t to, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "UPDATE OR IGNORE queue_rule SET number = ?3"
					  " WHERE queue_id = ?1 AND number = ?2"
					  " RETURNING 1");
	scoped_statement *there = engine_prepare(
	    store->engine, "SELECT 1 FROM queue_rule WHERE queue_id = ?1 AND number = ?2");
	statement_bind_int(there, 1, queue_id);
	statement_bind_int(there, 2, from);
	int result = statement_step(there, err);
	if (result <= 0)
		return result == 0 ? no_rule(from, err) : -1;
	statement_bind_int(statement, 1, queue_id);
	statement_bind_int(statement, 2, from);
	statement_bind_int(statement, 3, to);
	result = statement_step(statement, err);
	if (result == 0)
		return error_because(err, REASON_EXISTS, "the queue has a rule %" PRIu32 " already",
				     to);
	return result < 0 ? -1 : 0;
}

/* ---- what they did ---- */

static int forget_rules(struct store *store, int64_t entry_id, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "DELETE FROM entry_rule WHERE entry_id = ?");
	statement_bind_int(statement, 1, entry_id);
	return statement_step(statement, err);
}

int entry_rules_put(struct store *store, int64_t entry_id, const struct entry_rule *rules,
		    size_t count, int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	if (forget_rules(store, entry_id, err) != 0)
		return -1;
	scoped_statement *statement = engine_prepare(
	    store->engine, "INSERT INTO entry_rule (entry_id, position, number, version, did, at)"
			   " VALUES (?, ?, ?, ?, ?, ?)");
	for (size_t i = 0; i < count; i++) {
		statement_bind_int(statement, 1, entry_id);
		statement_bind_int(statement, 2, (int64_t)i + 1);
		statement_bind_int(statement, 3, rules[i].number);
		statement_bind_int(statement, 4, rules[i].version);
		statement_bind_text(statement, 5, rules[i].did);
		statement_bind_text(statement, 6, now);
		if (statement_step(statement, err) != 0)
			return -1;
	}
	return 0;
}

int entry_rules_list(struct store *store, int64_t entry_id,
		     int (*each)(const struct entry_rule *rule, void *context), void *context,
		     struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT number, version, did FROM entry_rule WHERE entry_id = ? ORDER BY position");
	statement_bind_int(statement, 1, entry_id);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const struct entry_rule rule = {(uint32_t)statement_int(statement, 0),
						(uint32_t)statement_int(statement, 1),
						statement_text(statement, 2)};
		const int ended = each(&rule, context);
		if (ended != 0)
			return ended;
	}
	return result;
}

/* Ids of entries are never given twice, so the id of a row that is gone at once is nobody's. To the ledger the
 * mail looks as if its entry had been purged. */
static int take_id(struct store *store, int64_t queue_id, const char *now, int64_t *ret_id,
		   struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "INSERT INTO entry_status (queue_id, state, record_created,"
			   " record_updated) VALUES (?1, 'done', ?2, ?2)");
	scoped_statement *away =
	    engine_prepare(store->engine, "DELETE FROM entry_status WHERE id = ?");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, now);
	if (statement_step(statement, err) != 0)
		return -1;
	*ret_id = engine_last_id(store->engine);
	statement_bind_int(away, 1, *ret_id);
	return statement_step(away, err);
}

int entry_skip(struct store *store, const struct entry *entry, const struct entry_rule *rule,
	       int64_t now_ms, int64_t *ret_id, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	int64_t id;
	if (take_id(store, entry->queue_id, now, &id, err) != 0)
		return -1;
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO entry_skip (queue_id, entry_id, number, version, at, sender,"
	    " subject, reference, same_as) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
	statement_bind_int(statement, 1, entry->queue_id);
	statement_bind_int(statement, 2, id);
	statement_bind_int(statement, 3, rule != NULL ? rule->number : 0);
	statement_bind_int(statement, 4, rule != NULL ? rule->version : 0);
	statement_bind_text(statement, 5, now);
	statement_bind_text(statement, 6, entry->sender);
	statement_bind_text(statement, 7, entry->subject);
	statement_bind_text(statement, 8, rule == NULL ? entry->reference : NULL);
	if (rule == NULL)
		statement_bind_int(statement, 9, entry->same_as);
	if (statement_step(statement, err) != 0)
		return -1;
	*ret_id = id;
	return 0;
}

int import_known_put(struct store *store, int64_t queue_id, const unsigned char raw_sha256[32],
		     struct error *err)
{
	char sha256[VALUE_SHA256_MAX];
	value_format_sha256(raw_sha256, sha256);
	scoped_statement *statement =
	    engine_prepare(store->engine, "INSERT INTO import_known (queue_id, raw_sha256)"
					  " VALUES (?, ?) ON CONFLICT DO NOTHING");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, sha256);
	return statement_step(statement, err);
}

/* ---- arrivals ---- */

int arrival_note(struct store *store, int64_t queue_id, const char *address, int64_t entry_id,
		 int64_t now_ms, int64_t oldest_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	char oldest[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	value_format_time_ms(oldest_ms, oldest);
	scoped_statement *old = engine_prepare(
	    store->engine, "DELETE FROM arrival WHERE queue_id = ?1 AND address = ?2 AND at < ?3");
	statement_bind_int(old, 1, queue_id);
	statement_bind_text(old, 2, address);
	statement_bind_text(old, 3, oldest);
	if (statement_step(old, err) != 0)
		return -1;
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO arrival (queue_id, address, at, entry_id) VALUES (?, ?, ?, ?)");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, address);
	statement_bind_text(statement, 3, now);
	statement_bind_int(statement, 4, entry_id);
	return statement_step(statement, err);
}

int arrival_count(struct store *store, int64_t queue_id, const char *address, int64_t since_ms,
		  int64_t before_id, uint64_t *ret_count, struct error *err)
{
	char since[VALUE_TIME_MAX];
	value_format_time_ms(since_ms, since);
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT count(*) FROM arrival"
			   " WHERE queue_id = ?1 AND address = ?2 AND at >= ?3 AND entry_id < ?4");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, address);
	statement_bind_text(statement, 3, since);
	statement_bind_int(statement, 4, before_id);
	if (statement_step(statement, err) < 0)
		return -1;
	*ret_count = (uint64_t)statement_int(statement, 0);
	return 0;
}
