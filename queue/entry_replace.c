#include "queue/entry_replace.h"

#include "queue/content.h"
#include "queue/store_private.h"
#include "queue/value.h"

#include <glib.h>

static int check_bad(struct store *store, int64_t entry_id, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT state FROM entry_status WHERE id = ?");
	statement_bind_int(statement, 1, entry_id);
	const int result = statement_step(statement, err);
	if (result == 0)
		return error_because(err, REASON_MISSING, "no entry %" G_GINT64_FORMAT, entry_id);
	if (result < 0)
		return -1;
	if (g_strcmp0(statement_text(statement, 0), "bad") != 0)
		return error_because(err, REASON_REFUSED,
				     "entry %" G_GINT64_FORMAT " is not bad but %s", entry_id,
				     statement_text(statement, 0));
	return 0;
}

static int run_with_ids(struct store *store, const char *sql, int64_t entry_id, int64_t other_id,
			struct error *err)
{
	scoped_statement *statement = engine_prepare(store->engine, sql);
	statement_bind_int(statement, 1, entry_id);
	if (other_id != 0)
		statement_bind_int(statement, 2, other_id);
	return statement_step(statement, err);
}

static int copy_status(struct store *store, int64_t entry_id, const struct entry *entry,
		       int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement =
	    engine_prepare(store->engine, "UPDATE entry_status SET state = ?2, error_kind = ?3,"
					  " error_text = ?4, record_updated = ?5 WHERE id = ?1");
	statement_bind_int(statement, 1, entry_id);
	statement_bind_text(statement, 2, entry_state_format(entry->state));
	statement_bind_text(statement, 3, entry->error_kind);
	statement_bind_text(statement, 4, entry->error_text);
	statement_bind_text(statement, 5, now);
	return statement_step(statement, err);
}

/* The new entry is stored beside the old one, whose place it then takes. */
int entry_replace(struct store *store, int64_t entry_id, const struct entry *entry,
		  const struct entry_contents *contents, int64_t now_ms, struct error *err)
{
	int64_t new_id;
	if (check_bad(store, entry_id, err) != 0 ||
	    entry_put(store, entry, contents, now_ms, &new_id, err) != 0)
		return -1;
	/* OR REPLACE, because no entry may be without its mail. */
	if (run_with_ids(store, "DELETE FROM attachment WHERE entry_id = ?", entry_id, 0, err) !=
		0 ||
	    run_with_ids(store,
			 "UPDATE OR REPLACE entry_mail SET entry_id = ?1 WHERE entry_id = ?2",
			 entry_id, new_id, err) != 0 ||
	    run_with_ids(store, "UPDATE attachment SET entry_id = ?1 WHERE entry_id = ?2", entry_id,
			 new_id, err) != 0 ||
	    run_with_ids(store, "DELETE FROM entry_status WHERE id = ?", new_id, 0, err) != 0)
		return -1;
	if (copy_status(store, entry_id, entry, now_ms, err) != 0)
		return -1;
	return content_drop_unused(store, err);
}
