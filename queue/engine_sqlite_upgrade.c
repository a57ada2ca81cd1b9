/* What upgrades need of SQLite: the size and the making of a copy, and the check that keeps a
 * running program from going on in a database that a newer one has upgraded. */
#include "queue/engine_upgrade.h"

#include "queue/engine_sqlite.h"

int engine_copy_size(struct engine *engine, uint64_t *ret_bytes, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(engine, "SELECT (page_count - freelist_count) * page_size FROM"
				   " pragma_page_count, pragma_freelist_count, pragma_page_size");
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_bytes = (uint64_t)statement_int(statement, 0);
	return 0;
}

int engine_copy(struct engine *engine, const char *path, struct error *err)
{
	scoped_statement *statement = engine_prepare(engine, "VACUUM INTO ?");
	statement_bind_text(statement, 1, path);
	return statement_step(statement, err);
}

void engine_expect_version(struct engine *engine, int64_t version)
{
	engine->version = version;
}

int engine_fail_newer(const struct engine *engine, int64_t found, int64_t known, struct error *err)
{
	return error_because(
	    err, REASON_NEWER,
	    "database '%s' was written by a newer inqueue (schema %" G_GINT64_FORMAT
	    ", this one knows %" G_GINT64_FORMAT
	    "): install that version, and restart what still runs with this one",
	    engine->location, found, known);
}

int engine_check_version(struct engine *engine, struct error *err)
{
	if (engine->version == 0)
		return 0;
	/* Not by statement_step(), which asks this. */
	struct statement *statement = engine_prepare(engine, "PRAGMA main.user_version");
	int code = statement->failure;
	if (code == SQLITE_OK)
		code = sqlite3_step(statement->handle);
	const int64_t found = code == SQLITE_ROW ? statement_int(statement, 0) : 0;
	statement_release(statement);
	if (code != SQLITE_ROW)
		return engine_fail(engine, code, err);
	return found > engine->version ? engine_fail_newer(engine, found, engine->version, err) : 0;
}
