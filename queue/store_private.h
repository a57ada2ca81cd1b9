/*
 * store_private.h - what the files of this house share of a store.
 *
 * A function that writes brackets its work with store_enter() and store_leave(): in the caller's
 * transaction when one is open, else in one of its own.
 */
#ifndef QUEUE_STORE_PRIVATE_H
#define QUEUE_STORE_PRIVATE_H

#include "queue/engine.h"
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

int store_enter(struct store *store, bool *ret_own, struct error *err);

/* Ends what store_enter() began, by `result`, and returns it, or -1 when the commit fails. */
int store_leave(struct store *store, bool own, int result, struct error *err);

#endif
