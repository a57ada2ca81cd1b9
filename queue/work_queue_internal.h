/*
 * work_queue_internal.h - the target of a queue, as it is stored and read with it; and the
 *                         rule for names.
 *
 * Errors: those of the database; MISSING for a name that no target has.
 */
#ifndef QUEUE_WORK_QUEUE_INTERNAL_H
#define QUEUE_WORK_QUEUE_INTERNAL_H

#include "queue/work_queue.h"

/* INVALID says what the name of such a thing, "queue", "target" or "token", may be. */
int name_check(const char *of, const char *name, struct error *err);

/* MISSING, with the name of such a thing that is spelt nearly so. */
int name_missing(struct store *store, const char *of, const char *name, struct error *err);

/* In the open transaction: stores the queue's own target, or that it uses one with a name, or that
 * it has none. */
int target_put_of_queue(struct store *store, int64_t queue_id, const struct work_queue *queue,
			struct error *err);

/* Into a queue that has no target yet. */
int target_read_of_queue(struct store *store, struct work_queue *queue, struct error *err);

#endif
