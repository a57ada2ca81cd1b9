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

/* The nearest comes first. */
int references_put(struct store *store, const struct entry *entry, int64_t entry_id,
		   struct error *err)
{
	g_auto(GStrv) parents = ids_of(entry->in_reply_to);
	g_auto(GStrv) listed = ids_of(entry->thread_references);
	const guint count = g_strv_length(listed);
	guint position = 0;
	if (parents[0] != NULL &&
	    put_reference(store, entry_id, position++, parents[0], true, err) != 0)
		return -1;
	for (guint i = count; i > 0; i--, position++) {
		if (position >= NEAREST_MAX && i > 1)
			continue;
		if (put_reference(store, entry_id, position, listed[i - 1], position == 0 || i == 1,
				  err) != 0)
			return -1;
	}
	return 0;
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
