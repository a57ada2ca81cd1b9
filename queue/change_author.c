#include "queue/change_author.h"

int change_author_set(struct store *store, const char *who, const char *why, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "INSERT OR REPLACE INTO change_author (id, who, why) VALUES (1, ?, ?)");
	statement_bind_text(statement, 1, who);
	statement_bind_text(statement, 2, why);
	return statement_step(statement, err);
}

int change_author_clear(struct store *store, struct error *err)
{
	scoped_statement *statement = engine_prepare(store->engine, "DELETE FROM change_author");
	return statement_step(statement, err);
}
