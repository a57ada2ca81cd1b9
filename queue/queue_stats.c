#include "queue/queue_stats.h"

#include "queue/store_private.h"
#include "queue/value.h"

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
