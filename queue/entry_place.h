/*
 * entry_place.h - where the bytes of a part of an entry are.
 *
 * Ownership: the holder of a place ends it with entry_place_clear(). Errors, threads: as in
 *            store.h.
 */
#ifndef QUEUE_ENTRY_PLACE_H
#define QUEUE_ENTRY_PLACE_H

#include "queue/entry.h"
#include "queue/store_private.h"

struct entry_place {
	bool present;
	char *text; /* in the row itself; NULL where content has it */
	int64_t content_id;
	uint64_t size_bytes;
};

/* Looks the part up; an entry or part that is missing is not present. */
int entry_place_find(struct store *store, int64_t entry_id, enum entry_part part, uint32_t position,
		     struct entry_place *ret_place, struct error *err);

/* Fills *err for a part that is not present: MISSING, saying what is missing. Returns -1. */
int entry_place_missing(struct store *store, int64_t entry_id, enum entry_part part,
			uint32_t position, struct error *err);

void entry_place_clear(struct entry_place *place);

#endif
