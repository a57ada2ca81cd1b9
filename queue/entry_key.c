/* What entries are about: which have a reference, which of them refuses a second one, and which give way to a later
 * one. Whoever writes has the database to itself, so that nobody else's entry comes between a look and what
 * follows from it. */
#include "queue/entry_operate.h"

#include "queue/entry_internal.h"
#include "queue/store_internal.h"

static const char author[] = "reference";

/* ---- the reference of an entry ---- */

/* The first of them may be gone, and the others still have its id. */
int entry_key_put(struct store *store, const struct entry *entry, int64_t entry_id,
		  struct error *err)
{
	if (entry->reference == NULL)
		return 0;
	scoped_statement *statement = engine_prepare(
	    store->engine, "INSERT INTO entry_key (entry_id, queue_id, reference, same_as)"
			   " VALUES (?1, ?2, ?3, (SELECT coalesce(same_as, entry_id) FROM entry_key"
			   " WHERE queue_id = ?2 AND reference = ?3 ORDER BY entry_id LIMIT 1))");
	statement_bind_int(statement, 1, entry_id);
	statement_bind_int(statement, 2, entry->queue_id);
	statement_bind_text(statement, 3, entry->reference);
	return statement_step(statement, err);
}

/* ---- the second one ---- */

int entry_reference_find(struct store *store, int64_t queue_id, const char *reference,
			 int64_t *ret_id, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT k.entry_id FROM entry_key k"
			   " JOIN entry_status s ON s.id = k.entry_id"
			   " WHERE k.queue_id = ?1 AND k.reference = ?2 AND s.state <> 'failed'"
			   " ORDER BY k.entry_id LIMIT 1");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, reference);
	const int result = statement_step(statement, err);
	if (result < 0)
		return -1;
	*ret_id = result == 1 ? statement_int(statement, 0) : 0;
	return 0;
}

/* One after the other, because each change is a statement of its own; 0 = there is none behind `after`. */
static int next_waiting(struct store *store, int64_t entry_id, int64_t after, int64_t *ret_id,
			bool *ret_held, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT s.id, s.held FROM entry_key n"
			   " JOIN entry_key k ON k.queue_id = n.queue_id"
			   " AND k.reference = n.reference AND k.entry_id < n.entry_id"
			   " JOIN entry_status s ON s.id = k.entry_id"
			   " WHERE n.entry_id = ?1 AND s.id > ?2 AND s.state = 'new'"
			   " ORDER BY s.id LIMIT 1");
	statement_bind_int(statement, 1, entry_id);
	statement_bind_int(statement, 2, after);
	const int result = statement_step(statement, err);
	if (result < 0)
		return -1;
	*ret_id = result == 1 ? statement_int(statement, 0) : 0;
	*ret_held = result == 1 && statement_int(statement, 1) != 0;
	return 0;
}

static int operate(struct store *store, int64_t entry_id, enum entry_operation operation,
		   const char *why, int64_t now_ms, struct error *err)
{
	const struct entry_order order = {.operation = operation, .who = author, .why = why};
	bool changed;
	return entry_operate(store, entry_id, &order, now_ms, &changed, err);
}

int entry_replace_waiting(struct store *store, int64_t entry_id, int64_t now_ms, struct error *err)
{
	g_autofree char *why = g_strdup_printf("replaced by entry %" G_GINT64_FORMAT, entry_id);
	int64_t earlier = 0;
	int64_t held_by = 0;
	bool held;
	for (;;) {
		if (next_waiting(store, entry_id, earlier, &earlier, &held, err) != 0)
			return -1;
		if (earlier == 0)
			break;
		if (held)
			held_by = earlier;
		if (operate(store, earlier, ENTRY_DISCARD, why, now_ms, err) != 0)
			return -1;
	}
	if (held_by == 0)
		return 0;
	g_autofree char *as =
	    g_strdup_printf("entry %" G_GINT64_FORMAT ", which it replaces, was held", held_by);
	return operate(store, entry_id, ENTRY_HOLD, as, now_ms, err);
}

int entry_note_refused(struct store *store, int64_t entry_id, const struct entry *refused,
		       int64_t now_ms, struct error *err)
{
	g_autofree char *text =
	    g_strdup_printf("a mail of %.200s with the same reference was refused",
			    refused->sender != NULL ? refused->sender : "nobody");
	return entry_note(store, entry_id, author, text, now_ms, err);
}
