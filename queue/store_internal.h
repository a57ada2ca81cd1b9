/*
 * store_internal.h - what the files of queue/ share of a store: its struct, transactions, upgrades.
 *
 * Writing: a function that writes brackets its work with store_enter() and store_leave(). They use
 *          the caller's transaction when one is open, else they make one.
 * Errors, threads: as in store.h.
 */
#ifndef QUEUE_STORE_INTERNAL_H
#define QUEUE_STORE_INTERNAL_H

#include "queue/engine_internal.h"
#include "queue/store.h"

#include <glib.h>

#define STORE_APPLICATION 0x696E7175 /* "inqu" */

/* How the schema came to be. Version n is `current`, or version 1 and upgrades[0] to upgrades[n -
 * 2].
 */
struct store_schema {
	const char *current;
	const char *const
	    *upgrades; /* upgrades[i] leads from version i + 1 to i + 2; NULL ends them */
};

struct store {
	struct engine *engine;
	int lock_fd;	/* of the file with the queues' locks, or -1 */
	GArray *locked; /* int64_t ids of the queues this process has locked, or NULL */
};

/* store_open_with() with another schema, for tests of upgrades. */
int store_open_schema(const char *location, enum store_mode mode, const struct store_schema *schema,
		      const struct store_options *options, struct store **ret_store,
		      struct error *err);

/* Begins a transaction unless the caller has one; *ret_own says which, for store_leave(). */
int store_enter(struct store *store, bool *ret_own, struct error *err);

/* Ends what store_enter() began, by `result`, and returns it, or -1 when the commit fails. */
int store_leave(struct store *store, bool own, int result, struct error *err);

/* Fill *err for an id that the database does not have: MISSING. Return -1. */
int store_no_queue(int64_t queue_id, struct error *err);
int store_no_entry(int64_t entry_id, struct error *err);

/* ---- upgrades ---- */

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
