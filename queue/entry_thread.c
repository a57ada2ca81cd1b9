/* Joins mails of a queue into threads. An entry hangs on its own message id and on two others: that of its
 * parent (In-Reply-To, else the last reference), and its first reference. Entries that hang on one id, whether
 * its message is there or not, are one thread, so that the order in which they come does not matter. An
 * entry alone has no row: its thread is itself. */
#include "queue/entry_internal.h"

#include "queue/engine_internal.h"
#include "queue/store_internal.h"

#include <glib.h>
#include <string.h>

/* ---- numbers and texts out of the database ---- */

/* The first column of all rows is added to the list. The statement's other parameters are 1 and 2. */
static int read_numbers(struct store *store, const char *sql, const char *text, int64_t number,
			GArray *list, struct error *err)
{
	scoped_statement *statement = engine_prepare(store->engine, sql);
	int result;
	if (text != NULL)
		statement_bind_text(statement, 1, text);
	if (number != 0)
		statement_bind_int(statement, 2, number);
	while ((result = statement_step(statement, err)) == 1) {
		const int64_t found = statement_int(statement, 0);
		g_array_append_val(list, found);
	}
	return result;
}

static int read_number(struct store *store, const char *sql, const char *text, int64_t number,
		       int64_t *ret_number, struct error *err)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(int64_t));
	if (read_numbers(store, sql, text, number, list, err) != 0)
		return -1;
	*ret_number = list->len > 0 ? g_array_index(list, int64_t, 0) : 0;
	return 0;
}

/* ---- walking from entry to entry ---- */

/* Entries that hang together: those without a thread one by one, threads as a whole. */
struct walk {
	struct store *store;
	int64_t queue_id;
	GArray
	    *entries; /* int64_t, without a thread; those behind `next` are still to be looked at */
	guint next;
	GArray *threads;  /* int64_t */
	GHashTable *seen; /* entries and ids that have been looked at */
};

static void walk_clear(struct walk *walk)
{
	g_array_unref(walk->entries);
	g_array_unref(walk->threads);
	g_hash_table_unref(walk->seen);
}
#define scoped_walk __attribute__((cleanup(walk_clear))) struct walk

static struct walk walk_new(struct store *store, int64_t queue_id)
{
	return (struct walk){.store = store,
			     .queue_id = queue_id,
			     .entries = g_array_new(FALSE, FALSE, sizeof(int64_t)),
			     .threads = g_array_new(FALSE, FALSE, sizeof(int64_t)),
			     .seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
}

/* True where it is met for the first time. */
static bool walk_meets(struct walk *walk, const char *kind, const char *id, int64_t number)
{
	return g_hash_table_add(walk->seen,
				g_strdup_printf("%s%s%" G_GINT64_FORMAT, kind, id, number));
}

static int walk_add(struct walk *walk, int64_t entry_id, struct error *err)
{
	int64_t thread_id;
	if (!walk_meets(walk, "entry ", "", entry_id))
		return 0;
	if (read_number(walk->store, "SELECT thread_id FROM entry_thread WHERE entry_id = ?2", NULL,
			entry_id, &thread_id, err) != 0)
		return -1;
	if (thread_id == 0)
		g_array_append_val(walk->entries, entry_id);
	else if (walk_meets(walk, "thread ", "", thread_id))
		g_array_append_val(walk->threads, thread_id);
	return 0;
}

/* The mails that have the id ?1 for their own. */
#define OWNERS                                                                                     \
	" FROM entry_mail m CROSS JOIN entry_status s ON s.id = m.entry_id"                        \
	" WHERE m.message_id = ?1 AND s.queue_id = ?2"

/* The mails that hang on the id ?1 because they name it. */
#define NAMERS                                                                                     \
	" FROM entry_reference r CROSS JOIN entry_status s ON s.id = r.entry_id"                   \
	" WHERE r.id = ?1 AND r.joins = 1 AND s.queue_id = ?2"

static int count_owners(struct store *store, const char *id, int64_t queue_id, int64_t *ret_count,
			struct error *err)
{
	return read_number(store, "SELECT " REFERENCE_OWNERS("?1", "?2"), id, queue_id, ret_count,
			   err);
}

/* All that hang on an id have come to one thread when the first of them got it; so one of them speaks for all, however
 * many there are. */
static int walk_to_thread(struct walk *walk, const char *id, bool *ret_found, struct error *err)
{
	int64_t thread_id;
	if (read_number(walk->store,
			"SELECT t.thread_id FROM (SELECT r.entry_id AS id" NAMERS
			" UNION ALL SELECT m.entry_id" OWNERS
			") h CROSS JOIN entry_thread t ON t.entry_id = h.id LIMIT 1",
			id, walk->queue_id, &thread_id, err) != 0)
		return -1;
	*ret_found = thread_id != 0;
	if (thread_id != 0 && walk_meets(walk, "thread ", "", thread_id))
		g_array_append_val(walk->threads, thread_id);
	return 0;
}

static int walk_to_each(struct walk *walk, const char *id, struct error *err)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(int64_t));
	if (read_numbers(walk->store,
			 "SELECT r.entry_id" NAMERS " UNION ALL SELECT m.entry_id" OWNERS, id,
			 walk->queue_id, found, err) != 0)
		return -1;
	for (guint i = 0; i < found->len; i++)
		if (walk_add(walk, g_array_index(found, int64_t, i), err) != 0)
			return -1;
	return 0;
}

/* Those that have the id for their own, and those that name it; nobody where nobody names it. */
static int walk_along(struct walk *walk, const char *id, struct error *err)
{
	int64_t namer;
	int64_t owners;
	bool found;
	if (!walk_meets(walk, "id ", id, 0))
		return 0;
	if (read_number(walk->store, "SELECT r.entry_id" NAMERS " LIMIT 1", id, walk->queue_id,
			&namer, err) != 0)
		return -1;
	if (namer == 0)
		return 0;
	if (count_owners(walk->store, id, walk->queue_id, &owners, err) != 0)
		return -1;
	if (owners > REFERENCE_OWNERS_MAX)
		return 0;
	if (walk_to_thread(walk, id, &found, err) != 0)
		return -1;
	return found ? 0 : walk_to_each(walk, id, err);
}

/* Entries of older versions have no thread before somebody walks by, and so they are walked through. */
static int walk_all(struct walk *walk, struct error *err)
{
	while (walk->next < walk->entries->len) {
		g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
		const int64_t entry_id = g_array_index(walk->entries, int64_t, walk->next++);
		if (references_read(walk->store, entry_id, ids, err) != 0)
			return -1;
		for (guint i = 0; i < ids->len; i++)
			if (walk_along(walk, g_ptr_array_index(ids, i), err) != 0)
				return -1;
	}
	return 0;
}

/* ---- writing ---- */

static int change(struct store *store, const char *sql, int64_t first, int64_t second,
		  const char *text, struct error *err)
{
	scoped_statement *statement = engine_prepare(store->engine, sql);
	statement_bind_int(statement, 1, first);
	if (second != 0)
		statement_bind_int(statement, 2, second);
	if (text != NULL)
		statement_bind_text(statement, 3, text);
	return statement_step(statement, err);
}

/* The parent is the first owner of the nearest id whose mail is in the same thread. Neither join nor order needs a
 * table in memory, whose making costs more than all else here. */
#define FIRST_OWNER                                                                                \
	"(SELECT m.entry_id FROM entry_mail m CROSS JOIN entry_thread t ON t.entry_id = "          \
	"m.entry_id"                                                                               \
	" WHERE m.message_id = r.id AND t.thread_id = entry_thread.thread_id"                      \
	" AND t.entry_id <> entry_thread.entry_id ORDER BY m.entry_id LIMIT 1)"
#define SET_PARENT                                                                                 \
	"UPDATE entry_thread SET parent_id = (SELECT " FIRST_OWNER " AS owner"                     \
	" FROM entry_reference r WHERE r.entry_id = entry_thread.entry_id AND owner IS NOT NULL"   \
	" AND " REFERENCE_OWNERS(                                                                  \
	    "r.id", "(SELECT queue_id FROM entry_status"                                           \
		    " WHERE id = entry_thread.entry_id)") " <= 100"                                \
							  " ORDER BY r.position LIMIT 1)"

/* The number of a thread is that of its first entry. */
static int64_t thread_of(const struct walk *walk)
{
	int64_t first = INT64_MAX;
	for (guint i = 0; i < walk->entries->len; i++)
		first = MIN(first, g_array_index(walk->entries, int64_t, i));
	for (guint i = 0; i < walk->threads->len; i++)
		first = MIN(first, g_array_index(walk->threads, int64_t, i));
	return first;
}

/* History says it, because such a mail may be forged. */
static int note_joined(const struct walk *walk, int64_t entry_id, int64_t thread_id,
		       struct error *err)
{
	for (guint i = 0; i < walk->threads->len; i++) {
		const int64_t other = g_array_index(walk->threads, int64_t, i);
		g_autofree char *why = g_strdup_printf("this mail joins thread %" G_GINT64_FORMAT
						       " to thread %" G_GINT64_FORMAT,
						       other, thread_id);
		if (other != thread_id &&
		    change(walk->store,
			   "INSERT INTO entry_event (entry_id, number, at, change, state, attempt, "
			   "why)"
			   " SELECT id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event"
			   " WHERE entry_id = ?1), record_created, 'note', state, attempt_count, ?3"
			   " FROM entry_status WHERE id = ?1",
			   entry_id, 0, why, err) != 0)
			return -1;
	}
	return 0;
}

/* named: the entry's own id, where others name it; else NULL. */
static int write_thread(const struct walk *walk, int64_t entry_id, const char *named,
			struct error *err)
{
	const int64_t thread_id = thread_of(walk);
	for (guint i = 0; i < walk->threads->len; i++) {
		const int64_t other = g_array_index(walk->threads, int64_t, i);
		if (other != thread_id &&
		    change(walk->store,
			   "UPDATE entry_thread SET thread_id = ?2 WHERE thread_id = ?1", other,
			   thread_id, NULL, err) != 0)
			return -1;
	}
	for (guint i = 0; i < walk->entries->len; i++)
		if (change(walk->store,
			   "INSERT INTO entry_thread (entry_id, thread_id) VALUES (?1, ?2)",
			   g_array_index(walk->entries, int64_t, i), thread_id, NULL, err) != 0)
			return -1;
	/* Where nothing but this entry is new, only it and what names it can get another parent. */
	if (walk->threads->len > 1 || walk->entries->len > 1)
		return change(walk->store, SET_PARENT " WHERE thread_id = ?1", thread_id, 0, NULL,
			      err);
	if (named != NULL &&
	    change(walk->store,
		   SET_PARENT
		   " WHERE entry_id IN (SELECT entry_id FROM entry_reference WHERE id = ?3)"
		   " AND thread_id = ?1",
		   thread_id, 0, named, err) != 0)
		return -1;
	return change(walk->store, SET_PARENT " WHERE entry_id = ?1", entry_id, 0, NULL, err);
}

/* Finds the thread of an entry that has none. Alone, it gets no row. */
static int join(struct store *store, int64_t queue_id, int64_t entry_id, const char *named,
		bool is_new, struct error *err)
{
	scoped_walk walk = walk_new(store, queue_id);
	if (walk_add(&walk, entry_id, err) != 0 || walk_all(&walk, err) != 0)
		return -1;
	if (walk.entries->len == 0 || walk.entries->len + walk.threads->len == 1)
		return 0;
	if (write_thread(&walk, entry_id, named, err) != 0)
		return -1;
	return is_new ? note_joined(&walk, entry_id, thread_of(&walk), err) : 0;
}

/* ---- an id that turns out to be shared ---- */

/* Threads that hung on the id are joined anew without it. */
static int dissolve(struct store *store, int64_t queue_id, const char *id, struct error *err)
{
	g_autoptr(GArray) threads = g_array_new(FALSE, FALSE, sizeof(int64_t));
	if (read_numbers(store,
			 "SELECT DISTINCT t.thread_id FROM entry_thread t WHERE t.entry_id IN"
			 " (SELECT m.entry_id" OWNERS " UNION SELECT r.entry_id FROM"
			 " entry_reference r WHERE r.id = ?1)",
			 id, queue_id, threads, err) != 0)
		return -1;
	for (guint i = 0; i < threads->len; i++) {
		g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(int64_t));
		const int64_t thread_id = g_array_index(threads, int64_t, i);
		if (read_numbers(store, "SELECT entry_id FROM entry_thread WHERE thread_id = ?2",
				 NULL, thread_id, entries, err) != 0 ||
		    change(store, "DELETE FROM entry_thread WHERE thread_id = ?1", thread_id, 0,
			   NULL, err) != 0)
			return -1;
		for (guint at = 0; at < entries->len; at++)
			if (join(store, queue_id, g_array_index(entries, int64_t, at), NULL, false,
				 err) != 0)
				return -1;
	}
	return 0;
}

/* ---- all ---- */

/* Most mail names no other, and nobody names it yet. */
int entry_thread_put(struct store *store, const struct entry *entry, int64_t entry_id,
		     struct error *err)
{
	const char *own = reference_is_id(entry->message_id) ? entry->message_id : NULL;
	int64_t named = 0;
	int64_t owners = 0;
	if (references_any(entry) && references_put(store, entry, entry_id, err) != 0)
		return -1;
	if (own != NULL &&
	    read_number(store, "SELECT entry_id FROM entry_reference WHERE id = ?1 LIMIT 1", own, 0,
			&named, err) != 0)
		return -1;
	if (named == 0 && !references_any(entry))
		return 0;
	if (named != 0 && count_owners(store, own, entry->queue_id, &owners, err) != 0)
		return -1;
	if (owners == REFERENCE_OWNERS_MAX + 1 && dissolve(store, entry->queue_id, own, err) != 0)
		return -1;
	return join(store, entry->queue_id, entry_id, named != 0 ? own : NULL, true, err);
}
