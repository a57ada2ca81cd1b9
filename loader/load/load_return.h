/*
 * load_return.h - mail that comes back: a message that was moved away and is in the mailbox again.
 *
 * Folders can be one whatever their names say (aliases, labels, links), and rules and other
 * programs can put mail back. A queue that goes on then makes entry after entry of one message, for
 * ever: it is stopped instead (queue/queue_health.h), until its definition changes or it is
 * resumed.
 */
#ifndef LOADER_LOAD_LOAD_RETURN_H
#define LOADER_LOAD_LOAD_RETURN_H

#include "loader/load/load_internal.h"

/*
 * After a move of `rows` (struct pickup): CONFIGURATION, and the queue is to be stopped, when
 * messages lie in the mailbox again under new UIDs. The ledger knows them by these then, so that
 * they are not loaded again.
 */
int load_take_returns(struct load *load, const GArray *rows, const struct move *move,
		      struct error *err);

/*
 * A new message that this queue has moved away LOAD_RETURNS_MAX times since it was defined, altered
 * or resumed last: CONFIGURATION, and the queue is to be stopped. A person puts a message back once
 * or twice to have it worked on again; whatever does so more often does it for ever. The database
 * is the caller's.
 */
enum { LOAD_RETURNS_MAX = 5 };
int load_refuse_return(struct load *load, const struct load_item *item, struct error *err);

/* Stops the queue if it is to be, after a run that failed with *err, which says so then. */
void load_stop(struct load *load, struct error *err);

#endif
