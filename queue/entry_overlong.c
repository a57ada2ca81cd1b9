/* Finds and names leases that no clock in order could have given. */
#include "queue/entry_overlong.h"

#include "queue/entry_claim.h"
#include "queue/store_private.h"
#include "queue/value.h"

static void clear(void *data)
{
	struct entry_overlong *overlong = data;
	g_free((char *)overlong->queue_name);
	g_free((char *)overlong->worker);
}

static int collect(struct store *store, int64_t queue_id, int64_t now_ms, int64_t limit,
		   GArray *found, struct error *err)
{
	char latest[VALUE_TIME_MAX];
	value_format_time_ms(now_ms + ENTRY_LEASE_MAX_MS, latest);
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT s.id, q.name, s.lease_owner, s.lease_until"
					  " FROM work_queue q JOIN entry_status s"
					  " ON s.queue_id = q.id AND s.state = 'claimed'"
					  " AND s.lease_until > ?2 WHERE ?1 IN (0, q.id)"
					  " ORDER BY s.lease_until DESC, s.id LIMIT ?3");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, latest);
	statement_bind_int(statement, 3, limit);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const struct entry_overlong overlong = {
		    .entry_id = statement_int(statement, 0),
		    .queue_name = g_strdup(statement_text(statement, 1)),
		    .worker = g_strdup(statement_text(statement, 2)),
		    .until_ms = value_parse_time_ms(statement_text(statement, 3))};
		g_array_append_val(found, overlong);
	}
	return result;
}

int entry_overlong_list(struct store *store, int64_t queue_id, int64_t now_ms, int64_t limit,
			int (*each)(const struct entry_overlong *overlong, void *context),
			void *context, struct error *err)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct entry_overlong));
	g_array_set_clear_func(found, clear);
	int result = collect(store, queue_id, now_ms, limit, found, err);
	for (guint i = 0; i < found->len && result == 0; i++)
		result = each(&g_array_index(found, struct entry_overlong, i), context);
	return result;
}

char *entry_overlong_format(const struct entry_overlong *overlong)
{
	char until[VALUE_TIME_MAX];
	value_format_time_ms(overlong->until_ms, until);
	return g_strdup_printf("worker '%.100s' has it until %s, longer than any lease lasts (%d "
			       "days): a clock was wrong; `inqueue release %" G_GINT64_FORMAT
			       " --force --reason TEXT` ends it",
			       overlong->worker, until, (int)(ENTRY_LEASE_MAX_MS / 86400000),
			       overlong->entry_id);
}
