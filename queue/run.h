/*
 * run.h - what the runs of a queue have done: a row for each one that loaded or moved something, or that
 * failed. A run that finds nothing new leaves none. Rows are kept for 30 days.
 *
 * Ownership: in a list the run is borrowed for the call.
 * Calls:     run_note() makes its own transaction unless one is open.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_RUN_H
#define QUEUE_RUN_H

#include "queue/base/error.h"
#include "queue/store.h"

#include <stdbool.h>
#include <stdint.h>

struct run {
	int64_t queue_id;
	const char *queue_name; /* read only */
	int64_t began_ms;
	int64_t ended_ms;
	uint64_t loaded;   /* entries made, without the bad ones */
	uint64_t moved;	   /* messages that the server has moved, also those of an earlier run */
	uint64_t bad;	   /* entries made in state bad */
	const char *error; /* NULL = it went well */
};

/* Keeps the run if it has done anything or failed, and forgets the queue's older ones. */
int run_note(struct store *store, const struct run *run, struct error *err);

/* Calls `each` for at most `limit` runs (0 = all) of a queue (0 = of all queues), by their ends, the oldest or the newest
 * first; a non-zero return ends the list and is returned. Nothing may be written meanwhile. */
int run_list(struct store *store, int64_t queue_id, bool newest_first, uint64_t limit,
	     int (*each)(const struct run *run, void *context), void *context, struct error *err);

#endif
