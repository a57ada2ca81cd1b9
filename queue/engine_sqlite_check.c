#include "queue/engine_check.h"

#include <glib.h>
#include <sqlite3.h>

/* The first version whose WAL survives two checkpoints beside a commit. */
enum { SQLITE_WAL_IS_SAFE = 3051003 };

/* Every row of the answer is a problem, unless it is "ok". */
static int report_rows(struct engine *engine, const char *sql,
		       void (*report)(const char *problem, void *context), void *context,
		       struct error *err)
{
	scoped_statement *statement = engine_prepare(engine, sql);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const char *problem = statement_text(statement, 0);
		if (g_strcmp0(problem, "ok") != 0)
			report(problem, context);
	}
	return result;
}

int engine_check(struct engine *engine, void (*report)(const char *problem, void *context),
		 void *context, struct error *err)
{
	static const char *const questions[] = {
	    "SELECT integrity_check FROM pragma_integrity_check LIMIT 100",
	    "SELECT format('row %s of %s points to a row of %s that is not there', \"rowid\","
	    " \"table\", parent) FROM pragma_foreign_key_check LIMIT 100",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(questions); i++)
		if (report_rows(engine, questions[i], report, context, err) != 0)
			return -1;
	return 0;
}

int engine_has_object(struct engine *engine, const char *name, bool *ret_there, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(engine, "SELECT count(*) FROM sqlite_schema WHERE name = ?");
	statement_bind_text(statement, 1, name);
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_there = statement_int(statement, 0) > 0;
	return 0;
}

const char *engine_version(void)
{
	static char text[64];
	g_snprintf(text, sizeof text, "SQLite %s", sqlite3_libversion());
	return text;
}

const char *engine_workaround(void)
{
	return sqlite3_libversion_number() < SQLITE_WAL_IS_SAFE
		   ? "a checkpoint beside a commit can lose it before SQLite 3.51.3: "
		     "none runs but under the write lock"
		   : NULL;
}
