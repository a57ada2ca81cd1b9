/*
 * work_queue_target.h - where the entries of a queue are posted to, beside its definition.
 *
 * For work_queue.c, which stores and reads a target with its queue. Errors, threads: as in store.h.
 */
#ifndef QUEUE_WORK_QUEUE_TARGET_H
#define QUEUE_WORK_QUEUE_TARGET_H

#include "queue/work_queue.h"

/* Makes the stored target of the queue be `target`, in the open transaction; without a URL there is
 * none. */
int work_queue_target_put(struct store *store, int64_t queue_id,
			  const struct work_queue_target *target, struct error *err);

/* Fills *target; all zero where the queue has none. */
int work_queue_target_read(struct store *store, int64_t queue_id, struct work_queue_target *target,
			   struct error *err);

void work_queue_target_clear(struct work_queue_target *target);

#endif
