/*
 * entry_replace.h - what a mail says, read once more: a bad entry becomes a good one, under its id.
 *
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_ENTRY_REPLACE_H
#define QUEUE_ENTRY_REPLACE_H

#include "queue/entry.h"

/*
 * Replaces all that the bad entry `entry_id` says by `entry` and `contents` (as for entry_put()),
 * in the open transaction. REFUSED when the entry is not bad; MISSING.
 */
int entry_replace(struct store *store, int64_t entry_id, const struct entry *entry,
		  const struct entry_contents *contents, int64_t now_ms, struct error *err);

#endif
