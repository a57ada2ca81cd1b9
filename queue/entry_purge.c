#include "queue/entry_purge.h"

#include "queue/content.h"
#include "queue/entry_filter.h"
#include "queue/store_private.h"

enum { CHUNK = 500 };

static char *purge_sql(const char *before, const struct entry_filter *filter, const char *after)
{
	GString *sql = g_string_new(before);
	g_string_append(sql, " FROM entry WHERE state IN ('done', 'failed', 'bad')");
	entry_filter_append(filter, sql);
	g_string_append(sql, after);
	return g_string_free(sql, FALSE);
}

int entry_purge_count(struct store *store, const struct entry_filter *filter, uint64_t *ret_count,
		      struct error *err)
{
	g_autofree char *sql = purge_sql("SELECT count(*)", filter, "");
	scoped_statement *statement = engine_prepare(store->engine, sql);
	entry_filter_bind(filter, statement);
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_count = (uint64_t)statement_int(statement, 0);
	return 0;
}

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

static int drop_unused_content(struct store *store, struct error *err)
{
	if (store_begin(store, err) != 0)
		return -1;
	return store_leave(store, true, content_drop_unused(store, err), err);
}

int entry_purge(struct store *store, const struct entry_filter *filter, uint64_t *ret_count,
		struct error *err)
{
	g_autofree char *sql = purge_sql("DELETE FROM entry_status WHERE id IN (SELECT id", filter,
					 " ORDER BY id LIMIT ?1)");
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
