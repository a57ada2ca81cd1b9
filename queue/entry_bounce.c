/* What a bounce says of each recipient: rows beside its entry, as the parser gave them; and the words for
 * who wrote a mail. */
#include "queue/entry_internal.h"

#include <glib.h>

const char *entry_auto_class_at(size_t index)
{
	static const char *const classes[] = {"human",	"auto-generated", "auto-replied",
					      "bounce", "list",		  "calendar"};
	return index < G_N_ELEMENTS(classes) ? classes[index] : NULL;
}

/* Storing, reading and releasing go by this one list, so that no field is forgotten in one of
 * them. Its order is that of the columns in the two statements below. */
char **entry_bounce_text_at(struct entry_bounce *bounce, size_t index)
{
	char **const texts[] = {
	    &bounce->kind,   &bounce->address,	  &bounce->original_address,
	    &bounce->status, &bounce->diagnostic, &bounce->original_id,
	};
	return index < G_N_ELEMENTS(texts) ? texts[index] : NULL;
}

/* The copy is for entry_bounce_text_at(), which gives addresses that may be written to. */
static int put_bounce(struct store *store, const struct entry_bounce *bounce, int64_t entry_id,
		      size_t position, struct error *err)
{
	struct entry_bounce texts = *bounce;
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO entry_bounce (entry_id, position, kind, address, original_address, status,"
	    " diagnostic, original_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	statement_bind_int(statement, 1, entry_id);
	statement_bind_int(statement, 2, (int64_t)position);
	for (size_t i = 0; entry_bounce_text_at(&texts, i) != NULL; i++)
		statement_bind_text(statement, (int)i + 3, *entry_bounce_text_at(&texts, i));
	return statement_step(statement, err);
}

int entry_bounces_put(struct store *store, const struct entry *entry, int64_t entry_id,
		      struct error *err)
{
	for (size_t i = 0; i < entry->bounce_count; i++)
		if (put_bounce(store, &entry->bounces[i], entry_id, i + 1, err) != 0)
			return -1;
	return 0;
}

/* What was read before an error is in *entry and goes with it. */
int entry_bounces_read(struct store *store, struct entry *entry, struct error *err)
{
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct entry_bounce));
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT kind, address, original_address, status, diagnostic,"
			   " original_id FROM entry_bounce WHERE entry_id = ?"
			   " ORDER BY position");
	statement_bind_int(statement, 1, entry->id);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		struct entry_bounce row = {0};
		for (size_t i = 0; entry_bounce_text_at(&row, i) != NULL; i++)
			*entry_bounce_text_at(&row, i) =
			    g_strdup(statement_text(statement, (int)i));
		g_array_append_val(rows, row);
	}
	entry->bounce_count = rows->len;
	entry->bounces = (void *)g_array_free(rows, FALSE);
	return result < 0 ? -1 : 0;
}

void entry_bounces_clear(struct entry *entry)
{
	for (size_t i = 0; entry->bounces != NULL && i < entry->bounce_count; i++)
		for (size_t text = 0; entry_bounce_text_at(&entry->bounces[i], text) != NULL;
		     text++)
			g_free(*entry_bounce_text_at(&entry->bounces[i], text));
	g_free(entry->bounces);
}
