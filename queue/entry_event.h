/*
 * entry_event.h - what has happened to an entry.
 *
 * Ownership: an event is borrowed for the call. Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_ENTRY_EVENT_H
#define QUEUE_ENTRY_EVENT_H

#include "queue/store.h"

/* Texts are NULL where there is none; see entry_event in schema.sql. */
struct entry_event {
	int64_t number; /* 0: the entry was loaded */
	int64_t at_ms;
	const char *change;
	const char *state; /* afterwards */
	int64_t attempt;
	const char *who;
	const char *why;
	const char *detail;
	int64_t duration_ms; /* -1 = none */
};

/* Calls `each` for every event, oldest first; a non-zero return ends the list and is returned. Of
 * more than 100,000 events the last are left out. MISSING when there is no such entry. */
int entry_event_list(struct store *store, int64_t entry_id,
		     int (*each)(const struct entry_event *event, void *context), void *context,
		     struct error *err);

#endif
