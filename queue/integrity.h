/*
 * integrity.h - is the database whole, and with what is it read.
 *
 * Errors, threads: as in store.h.
 */
#ifndef QUEUE_INTEGRITY_H
#define QUEUE_INTEGRITY_H

#include "queue/store.h"

/*
 * Reads the whole database and calls `report` for each thing that is wrong with it, at most 100:
 * pages, indexes, rows that point nowhere, objects of the schema that are missing or altered.
 */
int integrity_check(struct store *store, void (*report)(const char *problem, void *context),
		    void *context, struct error *err);

/* The version of the schema. */
int integrity_schema_version(struct store *store, int64_t *ret_version, struct error *err);

/* The engine's library and its version: "SQLite 3.40.1". */
const char *integrity_engine(void);

/* What has to be done about a fault of that version; NULL: it has none that is known of. */
const char *integrity_workaround(void);

#endif
