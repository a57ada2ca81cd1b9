/*
 * load_suspect.h - messages that a run has failed at before: they come last and one by one, so that
 * none of them keeps the others, and one that fails alone three times is given up as a bad entry.
 */
#ifndef LOADER_LOAD_LOAD_SUSPECT_H
#define LOADER_LOAD_LOAD_SUSPECT_H

#include "loader/load/load_internal.h"

/* What the ledger knows of the mailbox. The caller unrefs the array. */
int load_list_suspects(struct load *load, GArray **ret_suspects, struct error *err);

/* Takes the suspects out of `uids` (ascending) and returns how many are left there; suspects that
 * are not among them are dropped. The least suspect come first then. */
size_t load_part_suspects(GArray *suspects, uint32_t *uids, size_t count);

/* Loads at most `limit` of them. */
int load_suspects(struct load *load, const GArray *suspects, size_t limit, struct error *err);

#endif
