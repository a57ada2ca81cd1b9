/* The message ids that a mail names: which are ids at all, and how they are kept, the nearest first. */
#include "queue/entry_internal.h"

#include "queue/engine_internal.h"
#include "queue/store_internal.h"

#include <glib.h>
#include <string.h>

/* RFC 5322 has no longer line. */
enum { ID_BYTES_MAX = 998 };

/* So many of the ids nearest to a mail are kept, and its first reference. */
enum { NEAREST_MAX = 10 };

/* ---- ids ---- */

/* "<…>" with something in it; a bare address, or words, are none. */
bool reference_is_id(const char *id)
{
	const size_t length = id != NULL ? strlen(id) : 0;
	return length > 2 && length <= ID_BYTES_MAX && id[0] == '<' && id[length - 1] == '>' &&
	       strcspn(id + 1, "<> \t") == length - 2;
}

/* The ids of a field, in its order. The caller frees with g_strfreev(). */
static char **ids_of(const char *text)
{
	GPtrArray *ids = g_ptr_array_new();
	for (const char *at = text; at != NULL && (at = strchr(at, '<')) != NULL;) {
		const char *end = strchr(at, '>');
		if (end == NULL)
			break;
		g_autofree char *id = g_strndup(at, (size_t)(end - at) + 1);
		if (reference_is_id(id))
			g_ptr_array_add(ids, g_steal_pointer(&id));
		at = end + 1;
	}
	g_ptr_array_add(ids, NULL);
	return (char **)g_ptr_array_free(ids, FALSE);
}

/* ---- the ids that an entry names ---- */

static int put_reference(struct store *store, int64_t entry_id, guint position, const char *id,
			 bool joins, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO entry_reference (entry_id, position, id, joins) VALUES (?, ?, ?, ?)");
	statement_bind_int(statement, 1, entry_id);
	statement_bind_int(statement, 2, position);
	statement_bind_text(statement, 3, id);
	statement_bind_int(statement, 4, joins);
	return statement_step(statement, err);
}

/* Calls `each` for the ids that are kept, the nearest first; a non-zero return ends it. */
static int references_each(const struct entry *entry,
			   int (*each)(guint position, const char *id, bool joins, void *context),
			   void *context)
{
	g_auto(GStrv) parents = ids_of(entry->in_reply_to);
	g_auto(GStrv) listed = ids_of(entry->thread_references);
	const guint count = g_strv_length(listed);
	guint position = 0;
	int result = 0;
	if (parents[0] != NULL)
		result = each(position++, parents[0], true, context);
	for (guint i = count; i > 0 && result == 0; i--, position++) {
		if (position < NEAREST_MAX || i == 1)
			result = each(position, listed[i - 1], position == 0 || i == 1, context);
	}
	return result;
}

struct putting {
	struct store *store;
	int64_t entry_id;
	struct error *err;
};

static int put_each(guint position, const char *id, bool joins, void *context)
{
	const struct putting *putting = context;
	return put_reference(putting->store, putting->entry_id, position, id, joins, putting->err);
}

int references_put(struct store *store, const struct entry *entry, int64_t entry_id,
		   struct error *err)
{
	struct putting putting = {store, entry_id, err};
	return references_each(entry, put_each, &putting);
}

bool references_any(const struct entry *entry)
{
	return (entry->in_reply_to != NULL && strchr(entry->in_reply_to, '<') != NULL) ||
	       (entry->thread_references != NULL && strchr(entry->thread_references, '<') != NULL);
}

/* The ids that join an entry, its own first. */
int references_read(struct store *store, int64_t entry_id, GPtrArray *ids, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT message_id FROM entry_mail WHERE entry_id = ?1 UNION ALL"
			   " SELECT id FROM entry_reference WHERE entry_id = ?1 AND joins = 1");
	int result;
	statement_bind_int(statement, 1, entry_id);
	while ((result = statement_step(statement, err)) == 1) {
		const char *id = statement_text(statement, 0);
		if (reference_is_id(id))
			g_ptr_array_add(ids, g_strdup(id));
	}
	return result;
}

/* ---- the entry that a mail answers ---- */

/* As SET_PARENT in entry_thread.c chooses it, for a mail that has no thread yet: an id that joins has to be no
 * more than somebody's own, any other one to be of the thread that the joining ones lead to. */
#define HANGING                                                                                    \
	" (SELECT r.entry_id FROM entry_reference r WHERE r.joins = 1 AND r.id IN (?5, ?6)"        \
	" UNION ALL SELECT j.entry_id FROM entry_mail j WHERE j.message_id IN (?5, ?6))"

static const char find_parent[] =
    "SELECT m.entry_id FROM entry_mail m CROSS JOIN entry_status s ON s.id = m.entry_id"
    " WHERE m.message_id = ?1 AND s.queue_id = ?2 AND m.entry_id < ?3"
    " AND (?4 OR m.entry_id IN" HANGING " OR (SELECT t.thread_id FROM entry_thread t"
    " WHERE t.entry_id = m.entry_id) IN (SELECT t.thread_id FROM entry_thread t"
    " WHERE t.entry_id IN" HANGING "))"
    " AND " REFERENCE_OWNERS("?1", "?2") " <= 100 ORDER BY m.entry_id LIMIT 1";

struct seeking {
	struct store *store;
	int64_t queue_id;
	int64_t before_id;
	char *joining[2];  /* NULL = none */
	int64_t parent_id; /* 0 = not found yet */
	struct error *err;
};

static int note_joining(guint position, const char *id, bool joins, void *context)
{
	struct seeking *seeking = context;
	if (joins)
		seeking->joining[position == 0 ? 0 : 1] = g_strdup(id);
	return 0;
}

static int seek(guint position, const char *id, bool joins, void *context)
{
	struct seeking *seeking = context;
	scoped_statement *statement = engine_prepare(seeking->store->engine, find_parent);
	(void)position;
	statement_bind_text(statement, 1, id);
	statement_bind_int(statement, 2, seeking->queue_id);
	statement_bind_int(statement, 3, seeking->before_id);
	statement_bind_int(statement, 4, joins);
	statement_bind_text(statement, 5, seeking->joining[0]);
	statement_bind_text(statement, 6, seeking->joining[1]);
	const int result = statement_step(statement, seeking->err);
	if (result == 1)
		seeking->parent_id = statement_int(statement, 0);
	return result;
}

static int read_tags(struct store *store, int64_t entry_id, char ***ret_tags, struct error *err)
{
	g_autoptr(GPtrArray) tags = g_ptr_array_new_with_free_func(g_free);
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT tag FROM entry_tag WHERE entry_id = ? ORDER BY tag");
	int result;
	statement_bind_int(statement, 1, entry_id);
	while ((result = statement_step(statement, err)) == 1)
		g_ptr_array_add(tags, g_strdup(statement_text(statement, 0)));
	if (result < 0)
		return -1;
	g_ptr_array_add(tags, NULL);
	*ret_tags = (char **)g_ptr_array_free(g_steal_pointer(&tags), FALSE);
	return 0;
}

int entry_parent_tags(struct store *store, int64_t queue_id, const struct entry *entry,
		      int64_t before_id, char ***ret_tags, struct error *err)
{
	struct seeking seeking = {
	    .store = store, .queue_id = queue_id, .before_id = before_id, .err = err};
	*ret_tags = NULL;
	references_each(entry, note_joining, &seeking);
	const int result = references_each(entry, seek, &seeking);
	for (size_t i = 0; i < G_N_ELEMENTS(seeking.joining); i++)
		g_free(seeking.joining[i]);
	if (result < 0)
		return -1;
	return seeking.parent_id != 0 ? read_tags(store, seeking.parent_id, ret_tags, err) : 0;
}
