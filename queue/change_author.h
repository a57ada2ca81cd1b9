/*
 * change_author.h - who makes the changes of the open transaction, and why, for the history that
 * triggers write.
 *
 * Set before the changes and cleared after them, in the same transaction; a rollback clears too.
 * Errors, threads: as in store.h.
 */
#ifndef QUEUE_CHANGE_AUTHOR_H
#define QUEUE_CHANGE_AUTHOR_H

#include "queue/store_private.h"

/* who NULL: the worker that has the entry, where one has it. why NULL: no reason. */
int change_author_set(struct store *store, const char *who, const char *why, struct error *err);
int change_author_clear(struct store *store, struct error *err);

#endif
