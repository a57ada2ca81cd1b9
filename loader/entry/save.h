/*
 * save.h - content of an entry as files.
 *
 * A file appears whole or not at all, under a safe name, inside the given folder only; an existing
 * file is left alone unless the caller says otherwise.
 */
#ifndef LOADER_ENTRY_SAVE_H
#define LOADER_ENTRY_SAVE_H

#include "queue/base/error.h"
#include "queue/entry.h"

#include <stdbool.h>
#include <stdint.h>

struct save_options {
	const char *folder; /* made if missing */
	bool overwrite;
	bool raw;	     /* the raw message, as "entry-ID.eml", instead of attachments */
	uint32_t attachment; /* only the one at this position; 0 = all */
	void (*saved)(const char *path, void *context); /* told after each file */
	void *context;
};

/* Saves; files saved before an error stay. Errors: NO (no such entry, attachment, or no raw message
 * kept), IO, those of the database. */
int save_entry(struct store *store, int64_t entry_id, const struct save_options *options,
	       struct error *err);

#endif
