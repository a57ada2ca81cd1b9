/* The history of an entry. Triggers of the schema write it; they take who and why from a row
 * that is there while somebody makes changes. */
#include "queue/entry_operate.h"

#include "queue/entry_internal.h"
#include "queue/store_internal.h"

#define CHUNK	   200
#define EVENTS_MAX 100000

static void event_clear(void *pointer)
{
	struct entry_event *event = pointer;
	g_free((char *)event->change);
	g_free((char *)event->state);
	g_free((char *)event->who);
	g_free((char *)event->why);
	g_free((char *)event->detail);
}

/* Copies the texts: they are the statement's only until the next row. */
static struct entry_event event_from_row(const struct statement *row)
{
	return (struct entry_event){
	    .number = statement_int(row, 0),
	    .at_ms = value_parse_time_ms(statement_text(row, 1)),
	    .change = g_strdup(statement_text(row, 2)),
	    .state = g_strdup(statement_text(row, 3)),
	    .attempt = statement_int(row, 4),
	    .who = g_strdup(statement_text(row, 5)),
	    .why = g_strdup(statement_text(row, 6)),
	    .detail = g_strdup(statement_text(row, 7)),
	    .duration_ms = statement_is_null(row, 8) ? -1 : statement_int(row, 8),
	};
}

/* The next events of the entry, from number `from` on. */
static int read_chunk(struct store *store, int64_t entry_id, int64_t from, GArray *chunk,
		      struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT number, at, change, state, attempt, who, why, detail,"
			   " duration_ms FROM history WHERE entry_id = ? AND number >= ?"
			   " ORDER BY number, change = 'rule' LIMIT ?");
	statement_bind_int(statement, 1, entry_id);
	statement_bind_int(statement, 2, from);
	statement_bind_int(statement, 3, CHUNK);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const struct entry_event event = event_from_row(statement);
		g_array_append_val(chunk, event);
	}
	return result;
}

/* Every entry has an event with the number 0, its loading, so that none means that there is no
 * such entry. */
int entry_event_list(struct store *store, int64_t entry_id,
		     int (*each)(const struct entry_event *event, void *context), void *context,
		     struct error *err)
{
	g_autoptr(GArray) chunk = g_array_new(FALSE, FALSE, sizeof(struct entry_event));
	g_array_set_clear_func(chunk, event_clear);
	int64_t from = 0;
	do {
		g_array_set_size(chunk, 0);
		if (read_chunk(store, entry_id, from, chunk, err) != 0)
			return -1;
		if (from == 0 && chunk->len == 0)
			return store_no_entry(entry_id, err);
		for (guint i = 0; i < chunk->len; i++) {
			const struct entry_event *event =
			    &g_array_index(chunk, struct entry_event, i);
			const int result = each(event, context);
			if (result != 0)
				return result;
			from = event->number + 1;
		}
	} while (chunk->len == CHUNK && from < EVENTS_MAX);
	return 0;
}

/* ---- who and why ---- */

/* Triggers write the history and know only the row: this is how they learn who and why. */
int change_author_set(struct store *store, const char *who, const char *why, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "INSERT OR REPLACE INTO change_author (id, who, why) VALUES (1, ?, ?)");
	statement_bind_text(statement, 1, who);
	statement_bind_text(statement, 2, why);
	return statement_step(statement, err);
}

/* The next change in this transaction is somebody else's, or nobody's. */
int change_author_clear(struct store *store, struct error *err)
{
	scoped_statement *statement = engine_prepare(store->engine, "DELETE FROM change_author");
	return statement_step(statement, err);
}
