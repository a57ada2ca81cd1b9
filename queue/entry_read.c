/* Finds the bytes of a part, in the entry's row or in content, and hands them out: to a function
 * of the caller (entry_read()), or as the caller asks for them (entry_source). */
#include "queue/entry.h"
#include "queue/entry_internal.h"

#include <glib.h>
#include <string.h>

/* Where the bytes of a part are. Its holder ends it with place_clear(). */
struct place {
	bool present;
	char *text; /* in the row itself; NULL where content has it */
	int64_t content_id;
	uint64_t size_bytes;
};

static void place_clear(struct place *place)
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

/* Looks the part up; an entry or part that is missing is not present. */
static int place_find(struct store *store, int64_t entry_id, enum entry_part part,
		      uint32_t position, struct place *ret_place, struct error *err)
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

/* Fills *err for a part that is not present: MISSING, saying what is missing. Returns -1. */
static int place_missing(struct store *store, int64_t entry_id, enum entry_part part,
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
		return store_no_entry(entry_id, err);
	if (part == ENTRY_ATTACHMENT)
		return error_because(err, REASON_MISSING,
				     "entry %" G_GINT64_FORMAT " has no attachment %u", entry_id,
				     position);
	return error_because(err, REASON_MISSING, "entry %" G_GINT64_FORMAT " has no %s", entry_id,
			     part_names[part]);
}

/* ---- all at once ---- */

/* Finds the part, then copies it out; what is in the row is in memory already. */
int entry_read(struct store *store, int64_t entry_id, enum entry_part part, uint32_t position,
	       int (*write)(const void *bytes, size_t size, void *context), void *context,
	       struct error *err)
{
	__attribute__((cleanup(place_clear))) struct place place = {0};
	if (place_find(store, entry_id, part, position, &place, err) != 0)
		return -1;
	if (!place.present)
		return place_missing(store, entry_id, part, position, err);
	if (place.text != NULL)
		return content_write(place.text, place.size_bytes, write, context, err);
	return content_read(store, place.content_id, place.size_bytes, write, context, err);
}

/* ---- piece by piece ---- */

/* A blob is opened anew, and its pages walked from the first, for each piece: large pieces. */
#define READ_AHEAD ((size_t)1024 * 1024)

struct entry_source {
	struct store *store;
	struct place place;
	uint64_t done;	       /* handed out */
	size_t ahead;	       /* bytes in `buffer`, up to those handed out and beyond */
	uint64_t ahead_from;   /* where they begin */
	unsigned char *buffer; /* NULL where the place has the text itself */
};

/* The place is looked up once; content is never changed, only deleted. */
int entry_source_open(struct store *store, int64_t entry_id, enum entry_part part,
		      uint32_t position, struct entry_source **ret_source, struct error *err)
{
	struct place place = {0};
	if (place_find(store, entry_id, part, position, &place, err) != 0)
		return -1;
	if (!place.present)
		return place_missing(store, entry_id, part, position, err);
	struct entry_source *source = g_new0(struct entry_source, 1);
	source->store = store;
	source->place = place;
	if (place.text == NULL)
		source->buffer = g_malloc(MIN(place.size_bytes + 1, READ_AHEAD));
	*ret_source = source;
	return 0;
}

uint64_t entry_source_size(const struct entry_source *source)
{
	return source->place.size_bytes;
}

/* Opens the blob anew and walks its pages from the first, so it reads a large piece ahead. */
static int fill(struct entry_source *source, struct error *err)
{
	const size_t size = (size_t)MIN(source->place.size_bytes - source->done, READ_AHEAD);
	if (engine_blob_read(source->store->engine, "content", "data", source->place.content_id,
			     source->done, source->buffer, size, err) != 0)
		return -1;
	source->ahead_from = source->done;
	source->ahead = size;
	return 0;
}

/* Gives at most what has been read ahead; the caller comes again for the rest. */
int entry_source_read(struct entry_source *source, void *bytes, size_t room, size_t *ret_size,
		      struct error *err)
{
	size_t size = (size_t)MIN(source->place.size_bytes - source->done, room);
	if (source->buffer == NULL) {
		if (size > 0)
			memcpy(bytes, source->place.text + source->done, size);
	} else if (size > 0) {
		if (source->done == source->ahead_from + source->ahead && fill(source, err) != 0)
			return -1;
		const size_t at = (size_t)(source->done - source->ahead_from);
		size = MIN(size, source->ahead - at);
		memcpy(bytes, source->buffer + at, size);
	}
	source->done += size;
	*ret_size = size;
	return 0;
}

void entry_source_close(struct entry_source *source)
{
	if (source == NULL)
		return;
	place_clear(&source->place);
	g_free(source->buffer);
	g_free(source);
}
