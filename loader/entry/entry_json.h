/*
 * entry_json.h - an entry as a JSON document of one line.
 *
 * Bodies are copied from the database in pieces, so that memory does not grow with them.
 * Errors: IO when `out` cannot be written, those of the database.
 */
#ifndef LOADER_ENTRY_ENTRY_JSON_H
#define LOADER_ENTRY_ENTRY_JSON_H

#include "queue/base/error.h"
#include "queue/entry.h"

#include <glib.h>
#include <stdio.h>

/* The columns without headers and bodies. */
void entry_json_write_columns(FILE *out, const struct entry *entry);

/* What a worker gets beside the entry. */
struct entry_json_claim {
	const char *token;
	const GPtrArray *paths; /* of the saved attachments, by position; NULL = not saved */
};

/* All of it: columns, headers, attachments, bodies. `claim` may be NULL. */
int entry_json_write(FILE *out, struct store *store, const struct entry *entry,
		     const struct entry_json_claim *claim, struct error *err);

#endif
