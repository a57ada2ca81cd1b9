/*
 * reload.h - a bad entry, loaded again from the bad-mail folder after the cause is gone.
 */
#ifndef LOADER_LOAD_RELOAD_H
#define LOADER_LOAD_RELOAD_H

#include "queue/base/error.h"
#include "queue/store.h"

#include <stdint.h>

/*
 * Fetches the message of the entry from the bad-mail folder and parses it; when it can be loaded
 * now, the entry is replaced under its id, is new, and the message moves to the archive folder. A
 * reload that was interrupted in front of that move is finished by the next one.
 * Errors: NO (no such entry, it is not bad, its message is gone), DATA (it still cannot be loaded;
 * the entry says why), those of a run.
 */
int reload_entry(struct store *store, int64_t entry_id, const char *database, struct error *err);

#endif
