/*
 * entry_source.h - a part of an entry, read by whoever asks for the next bytes.
 *
 * Life:    entry_source_open() .. entry_source_close(). The store outlives it.
 * Memory:  1 MiB, whatever the part's size. No lock is held between two reads.
 * Errors:  as in store.h; MISSING when the entry or the part is not there (any more).
 * Threads: one at a time.
 */
#ifndef QUEUE_ENTRY_SOURCE_H
#define QUEUE_ENTRY_SOURCE_H

#include "queue/base/scoped.h"
#include "queue/entry.h"

struct entry_source;

int entry_source_open(struct store *store, int64_t entry_id, enum entry_part part,
		      uint32_t position, struct entry_source **ret_source, struct error *err);

uint64_t entry_source_size(const struct entry_source *source);

/* Copies the next bytes, at most `room`; writes how many, 0 at the end. */
int entry_source_read(struct entry_source *source, void *bytes, size_t room, size_t *ret_size,
		      struct error *err);

/* Takes NULL. */
void entry_source_close(struct entry_source *source);
SCOPED_DEFINE(struct entry_source *, entry_source_close)

#endif
