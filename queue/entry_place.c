#include "queue/entry_place.h"

#include <glib.h>
#include <string.h>

void entry_place_clear(struct entry_place *place)
{
	g_free(place->text);
}

/* Each gives: the text in the row, and id and size of the content; all NULL when there is no such
 * part. */
static const char *const place_sql[] = {
    [ENTRY_MESSAGE_BODY] = "SELECT m.message_body, c.id, c.size FROM entry_mail m"
			   " LEFT JOIN content c ON c.sha256 = m.message_body_content"
			   " WHERE m.entry_id = ?1",
    [ENTRY_HTML_BODY] = "SELECT m.html_body, c.id, c.size FROM entry_mail m"
			" LEFT JOIN content c ON c.sha256 = m.html_body_content"
			" WHERE m.entry_id = ?1",
    [ENTRY_RAW] = "SELECT NULL, c.id, c.size FROM entry_mail m"
		  " JOIN content c ON c.sha256 = m.raw_content WHERE m.entry_id = ?1",
    [ENTRY_ATTACHMENT] = "SELECT NULL, c.id, c.size FROM attachment a"
			 " JOIN content c ON c.sha256 = a.sha256"
			 " WHERE a.entry_id = ?1 AND a.position = ?2",
};

int entry_place_find(struct store *store, int64_t entry_id, enum entry_part part, uint32_t position,
		     struct entry_place *ret_place, struct error *err)
{
	scoped_statement *statement = engine_prepare(store->engine, place_sql[part]);
	statement_bind_int(statement, 1, entry_id);
	if (part == ENTRY_ATTACHMENT)
		statement_bind_int(statement, 2, position);
	const int result = statement_step(statement, err);
	if (result < 0)
		return -1;
	if (result == 0)
		return 0;
	const char *text = statement_text(statement, 0);
	ret_place->present = text != NULL || !statement_is_null(statement, 1);
	ret_place->text = g_strdup(text);
	ret_place->content_id = statement_int(statement, 1);
	ret_place->size_bytes = text != NULL ? strlen(text) : (uint64_t)statement_int(statement, 2);
	return 0;
}

int entry_place_missing(struct store *store, int64_t entry_id, enum entry_part part,
			uint32_t position, struct error *err)
{
	static const char *const part_names[] = {
	    [ENTRY_MESSAGE_BODY] = "text body",
	    [ENTRY_HTML_BODY] = "HTML body",
	    [ENTRY_RAW] = "raw message (keepRaw=True in the connection string keeps it)",
	};
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT 1 FROM entry_mail WHERE entry_id = ?");
	statement_bind_int(statement, 1, entry_id);
	const int result = statement_step(statement, err);
	if (result < 0)
		return -1;
	if (result == 0)
		return error_because(err, REASON_MISSING, "there is no entry %" G_GINT64_FORMAT,
				     entry_id);
	if (part == ENTRY_ATTACHMENT)
		return error_because(err, REASON_MISSING,
				     "entry %" G_GINT64_FORMAT " has no attachment %u", entry_id,
				     position);
	return error_because(err, REASON_MISSING, "entry %" G_GINT64_FORMAT " has no %s", entry_id,
			     part_names[part]);
}
