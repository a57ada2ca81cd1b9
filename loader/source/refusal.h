/*
 * refusal.h - sign-ins that the mail server refused, counted for each queue: an account that is
 * asked for with a wrong password again and again gets locked.
 *
 * `load` and `watch` count together, in the database (queue/queue_health.h). The last refusal in a
 * row stops the collecting of the queue's mail until its definition changes or it is resumed; a run
 * that goes well forgets them all. What fails before the server is asked for an answer (a password
 * command, a missing file) is no refusal, nor is a server that is busy: struct error tells.
 *
 * Errors:  of the database, and as below.
 * Threads: as in store.h.
 */
#ifndef LOADER_SOURCE_REFUSAL_H
#define LOADER_SOURCE_REFUSAL_H

#include "queue/base/error.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdint.h>

/* In a row. */
enum { REFUSAL_MAX = 3 };

/* CREDENTIALS when collecting is stopped, CONFIGURATION when that was not for refused sign-ins: the
 * text says why, and how to go on. */
int refusal_check(struct store *store, const struct work_queue *queue, struct error *err);

/* Counts one. Writes how many there have been in a row; from REFUSAL_MAX on collecting is stopped.
 */
int refusal_note(struct store *store, const struct work_queue *queue, const struct error *refusal,
		 uint32_t *ret_refusals, struct error *err);

#endif
