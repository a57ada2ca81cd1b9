/*
 * queue_health.h - how it goes with a queue: is its mail collected, how fast is the work done, and what
 * have its runs done.
 *
 * Health:    the last good look at the mailbox, refused sign-ins, and whether collecting is
 *            stopped, because of these or because mail comes back that was moved away. It is kept
 *            in the database, so that a restarted service does not sign in again at once where it
 *            was refused, and so that monitoring can ask. A run that ends well notes itself
 *            (work_queue_note_action()); that, or any change of the definition, forgets the
 *            refusals and lifts the stop.
 * Ownership: queue_health_find() fills in a value that queue_health_clear() releases.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_QUEUE_HEALTH_H
#define QUEUE_QUEUE_HEALTH_H

#include "queue/base/error.h"
#include "queue/store.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- health ---- */

struct queue_health {
	int64_t last_success_ms; /* end of the last run that went well; 0 = none yet */
	uint32_t refusals;	 /* sign-ins refused in a row */
	int64_t refused_ms;	 /* the last of them; 0 = none */
	int64_t stopped_ms;	 /* since when collecting is stopped; 0 = it is not */
	char *stopped_reason;	 /* NULL where it is not */
};

/* Zeros where nothing is known of the queue yet. */
int queue_health_find(struct store *store, int64_t queue_id, struct queue_health *ret_health,
		      struct error *err);
/* Releases what queue_health_find() has filled in. */
void queue_health_clear(struct queue_health *health);

/*
 * Counts a refused sign-in; the `limit`th in a row stops the queue. Writes how many there have been
 * in a row, which is `limit` or more when it is stopped.
 */
int queue_health_note_refusal(struct store *store, int64_t queue_id, const char *reason,
			      uint32_t limit, int64_t now_ms, uint32_t *ret_refusals,
			      struct error *err);

/* Stops the queue for another reason. */
int queue_health_stop(struct store *store, int64_t queue_id, const char *reason, int64_t now_ms,
		      struct error *err);

/* ---- a period of work ---- */

/* Of durations; nearest rank. -1 where there are none. */
struct queue_stats_spread {
	int64_t p50_ms;
	int64_t p95_ms;
	int64_t max_ms;
};

/* What happened in a period. */
struct queue_stats {
	uint64_t loaded; /* entries that came in */
	uint64_t completed;
	uint64_t failed;		   /* for good */
	uint64_t retried;		   /* attempts that failed and are made again */
	uint64_t expired;		   /* leases that ended */
	struct queue_stats_spread waiting; /* from due to claimed */
	struct queue_stats_spread working; /* from claimed to completed */
};

/* since_ms 0: from the beginning. */
int queue_stats_read(struct store *store, int64_t queue_id, int64_t since_ms,
		     struct queue_stats *ret_stats, struct error *err);

/* ---- runs ---- */
/*
 * A row for each run that loaded or moved something, or that failed. A run that finds nothing new leaves
 * none. Rows are kept for 30 days. In a list the run is borrowed for the call. run_note() makes its own
 * transaction unless one is open.
 */

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
