/* Compares what a database can run with what the document of the schema has. Until that is done
 * neither a trigger runs nor a view is read. */
#include "queue/engine_sqlite_internal.h"

#include <string.h>

/* The text of an object as the document has it, at `from` or behind: SQLite keeps it from CREATE to the
 * ';'. NULL: it is not there. */
static const char *find_in_document(const char *document, const char *from, const char *sql)
{
	const size_t length = strlen(sql);
	for (const char *at = from; (at = strstr(at, sql)) != NULL; at++) {
		if ((at == document || at[-1] == '\n') && at[length] == ';')
			return at;
	}
	return NULL;
}

/* Is it one of ours by its name, in any case? Or would it stand before a table that SQLite itself
 * has? */
static bool is_taken_for_ours(const char *document, const char *name)
{
	static const char *const beginnings[] = {"CREATE TABLE ", "CREATE VIEW "};
	if (g_ascii_strncasecmp(name, "pragma_", strlen("pragma_")) == 0)
		return true;
	g_auto(GStrv) lines = g_strsplit(document, "\n", -1);
	for (size_t i = 0; lines[i] != NULL; i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(beginnings); j++) {
			if (!g_str_has_prefix(lines[i], beginnings[j]))
				continue;
			char *word = lines[i] + strlen(beginnings[j]);
			word[strcspn(word, " (")] = '\0';
			if (g_ascii_strcasecmp(word, name) == 0)
				return true;
		}
	}
	return false;
}

/* A trigger can run wherever it hangs: a change of ours may reach another table by its foreign key. A
 * view runs nothing unless something of ours reads it, by its name. */
static int check_object(const struct engine *engine, const char *type, const char *name,
			struct error *err)
{
	if (strcmp(type, "trigger") == 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "database '%s': the trigger '%s' is not inqueue's, and would run "
				 "with its changes: find out whose it is, and drop it with sqlite3",
				 engine->location, name);
	if (is_taken_for_ours(engine->document, name))
		return error_set(err, ERROR_CONFIGURATION,
				 "database '%s': '%s' is a %s that is not inqueue's, in place of "
				 "one that is: find out who has put it there",
				 engine->location, name, type);
	return 0;
}

/* A virtual table has no page of its own. */
static int check_objects(struct engine *engine, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    engine, "SELECT type, name, ifnull(sql, '') FROM sqlite_schema"
		    " WHERE type IN ('trigger', 'view') OR (type = 'table' AND rootpage = 0)");
	/* Most databases have their objects in the document's order. */
	const char *last = engine->document;
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const char *sql = statement_text(statement, 2);
		const char *found = find_in_document(engine->document, last, sql);
		if (found == NULL)
			found = find_in_document(engine->document, engine->document, sql);
		if (found == NULL && check_object(engine, statement_text(statement, 0),
						  statement_text(statement, 1), err) != 0)
			return -1;
		last = found != NULL ? found : last;
	}
	return result;
}

static int read_cookie(struct engine *engine, int64_t *ret_cookie, struct error *err)
{
	scoped_statement *statement = engine_prepare(engine, "PRAGMA main.schema_version");
	const int result = statement_step(statement, err);
	if (result == 1)
		*ret_cookie = statement_int(statement, 0);
	return result == 1 ? 0 : -1;
}

static void let_run(struct engine *engine, int on)
{
	sqlite3_db_config(engine->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, on, NULL);
	sqlite3_db_config(engine->db, SQLITE_DBCONFIG_ENABLE_VIEW, on, NULL);
}

void engine_trust_nothing(struct engine *engine)
{
	let_run(engine, 0);
}

int engine_trust_schema(struct engine *engine, const char *document, struct error *err)
{
	engine->document = document;
	if (read_cookie(engine, &engine->cookie, err) != 0 || check_objects(engine, err) != 0)
		return -1;
	let_run(engine, 1);
	return 0;
}

int engine_check_schema(struct engine *engine, struct error *err)
{
	int64_t cookie;
	if (engine->document == NULL)
		return 0;
	if (read_cookie(engine, &cookie, err) != 0)
		return -1;
	if (cookie == engine->cookie)
		return 0;
	if (check_objects(engine, err) != 0)
		return -1;
	engine->cookie = cookie;
	return 0;
}
