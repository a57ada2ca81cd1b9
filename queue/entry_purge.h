/*
 * entry_purge.h - deleting entries that are finished.
 *
 * The ledger of pick-ups stays, so that nothing is loaded a second time. Errors, threads, times: as
 * in store.h. Makes its own transactions, short ones, so that workers go on meanwhile; none may be
 * open.
 */
#ifndef QUEUE_ENTRY_PURGE_H
#define QUEUE_ENTRY_PURGE_H

#include "queue/entry.h"

/* How many entries entry_purge() would delete. */
int entry_purge_count(struct store *store, const struct entry_filter *filter, uint64_t *ret_count,
		      struct error *err);

/* Deletes the entries in state done, failed or bad that the filter lets through (its order and
 * limit do not matter), with their attachments, history, and the content nobody else uses; writes
 * how many, also on an error: those are gone. */
int entry_purge(struct store *store, const struct entry_filter *filter, uint64_t *ret_count,
		struct error *err);

/* Gives space that is not used back to the file system. */
int store_shrink(struct store *store, struct error *err);

#endif
