/*
 * queue_state.h - how a queue stands, in the words that every command uses for it.
 *
 * Ownership: reasons are texts of their own, which the caller frees.
 * Errors, threads: pure functions.
 */
#ifndef LOADER_CLI_FRAME_QUEUE_STATE_H
#define LOADER_CLI_FRAME_QUEUE_STATE_H

#include "queue/queue_health.h"
#include "queue/work_queue.h"

/* "active", "paused", "stopped", "delivery stopped", "not delivered", "not moved", "error": what
 * needs a person most comes first. */
const char *queue_state_word(const struct work_queue *queue, const struct queue_health *health,
			     const struct work_queue_counts *counts);

/* Why it is so, and the way out; NULL where nothing is wrong. */
char *queue_state_reason(const struct work_queue *queue, const struct queue_health *health,
			 const struct work_queue_counts *counts);

#endif
