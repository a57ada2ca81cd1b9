/* Reads what an entry has beside its columns and is read with it alone, not in a list: its attachments, and what came of
 * the work on it. */
#include "queue/entry_internal.h"

#include <glib.h>

static void attachment_from_row(const struct statement *row,
				struct entry_attachment *ret_attachment)
{
	ret_attachment->position = (uint32_t)statement_int(row, 0);
	ret_attachment->file_name = g_strdup(statement_text(row, 1));
	ret_attachment->declared_name = g_strdup(statement_text(row, 2));
	ret_attachment->content_type = g_strdup(statement_text(row, 3));
	ret_attachment->disposition = g_strdup(statement_text(row, 4));
	ret_attachment->content_id = g_strdup(statement_text(row, 5));
	ret_attachment->size_bytes = (uint64_t)statement_int(row, 6);
	value_parse_sha256(statement_text(row, 7), ret_attachment->sha256);
}

/* The row has counted them already; a list that has grown since is cut to that number. */
int entry_attachments_read(struct store *store, struct entry *entry, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT position, file_name, declared_name, content_type, disposition,"
			   " content_id, size, sha256 FROM attachment WHERE entry_id = ?"
			   " ORDER BY position");
	statement_bind_int(statement, 1, entry->id);
	entry->attachments = g_new0(struct entry_attachment, entry->attachment_count + 1);
	const size_t room = entry->attachment_count;
	entry->attachment_count = 0;
	int result;
	while ((result = statement_step(statement, err)) == 1 && entry->attachment_count < room)
		attachment_from_row(statement, &entry->attachments[entry->attachment_count++]);
	return result < 0 ? -1 : 0;
}

/* It may be long, so that a list leaves it out. */
int entry_output_read(struct store *store, struct entry *entry, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT output FROM entry_result WHERE entry_id = ?");
	statement_bind_int(statement, 1, entry->id);
	const int result = statement_step(statement, err);
	if (result > 0)
		entry->output = g_strdup(statement_text(statement, 0));
	return result < 0 ? -1 : 0;
}
