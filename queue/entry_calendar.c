/* What the calendars of a mail announce: rows beside its entry, as the parser gave them. */
#include "queue/entry_internal.h"

#include <glib.h>

/* Storing, reading and releasing go by this one list, so that no field is forgotten in one of
 * them. Its order is that of the columns in the two statements below. */
char **entry_calendar_text_at(struct entry_calendar *calendar, size_t index)
{
	char **const texts[] = {
	    &calendar->method,	  &calendar->uid,	&calendar->starts_at, &calendar->ends_at,
	    &calendar->organizer, &calendar->attendees, &calendar->summary,   &calendar->location,
	};
	return index < G_N_ELEMENTS(texts) ? texts[index] : NULL;
}

/* The copy is for entry_calendar_text_at(), which gives addresses that may be written to. */
static int put_calendar(struct store *store, const struct entry_calendar *calendar,
			int64_t entry_id, size_t position, struct error *err)
{
	struct entry_calendar texts = *calendar;
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO entry_calendar (entry_id, position, method, uid, starts_at, ends_at,"
	    " organizer, attendees, summary, location) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	statement_bind_int(statement, 1, entry_id);
	statement_bind_int(statement, 2, (int64_t)position);
	for (size_t i = 0; entry_calendar_text_at(&texts, i) != NULL; i++)
		statement_bind_text(statement, (int)i + 3, *entry_calendar_text_at(&texts, i));
	return statement_step(statement, err);
}

int entry_calendars_put(struct store *store, const struct entry *entry, int64_t entry_id,
			struct error *err)
{
	for (size_t i = 0; i < entry->calendar_count; i++)
		if (put_calendar(store, &entry->calendars[i], entry_id, i + 1, err) != 0)
			return -1;
	return 0;
}

/* What was read before an error is in *entry and goes with it. */
int entry_calendars_read(struct store *store, struct entry *entry, struct error *err)
{
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct entry_calendar));
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT method, uid, starts_at, ends_at, organizer, attendees,"
			   " summary, location FROM entry_calendar WHERE entry_id = ?"
			   " ORDER BY position");
	statement_bind_int(statement, 1, entry->id);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		struct entry_calendar row = {0};
		for (size_t i = 0; entry_calendar_text_at(&row, i) != NULL; i++)
			*entry_calendar_text_at(&row, i) =
			    g_strdup(statement_text(statement, (int)i));
		g_array_append_val(rows, row);
	}
	entry->calendar_count = rows->len;
	entry->calendars = (void *)g_array_free(rows, FALSE);
	return result < 0 ? -1 : 0;
}

void entry_calendars_clear(struct entry *entry)
{
	for (size_t i = 0; entry->calendars != NULL && i < entry->calendar_count; i++)
		for (size_t text = 0; entry_calendar_text_at(&entry->calendars[i], text) != NULL;
		     text++)
			g_free(*entry_calendar_text_at(&entry->calendars[i], text));
	g_free(entry->calendars);
}
