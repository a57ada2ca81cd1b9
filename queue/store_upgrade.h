/*
 * store_upgrade.h - from an older schema, or none, to the current one. Internal to queue/.
 *
 * A step is written as for SQLite's sqlite3_exec(), without transactions, and runs with foreign
 * keys off: a table that is made anew (https://sqlite.org/lang_altertable.html, "Making Other Kinds
 * Of Table Schema Changes") does not take the rows of others with it. What the steps lead to is
 * what `current` makes at once.
 */
#ifndef QUEUE_STORE_UPGRADE_H
#define QUEUE_STORE_UPGRADE_H

#include "queue/store_private.h"

/* The version that the steps lead to. */
int64_t store_upgrade_target(const struct store_schema *schema);

/* Whose database this is; FOREIGN, or NEWER than `version`. */
int store_identify(struct store *store, int64_t version, struct engine_identity *ret_identity,
		   struct error *err);

/* In one transaction, which nobody else's change comes before: the copy, all steps that are
 * missing, the version. An error leaves the database as it was. Nothing happens where another
 * process was faster. */
int store_upgrade(struct store *store, const struct store_schema *schema,
		  const struct store_options *options, struct error *err);

#endif
