/*
 * queue_stats.h - how the work on a queue went in a period.
 *
 * Errors, threads, times: as in store.h. Costs a look at each event of the database since then.
 */
#ifndef QUEUE_QUEUE_STATS_H
#define QUEUE_QUEUE_STATS_H

#include "queue/store.h"

/* Of durations; nearest rank. -1 where there are none. */
struct queue_stats_spread {
	int64_t p50_ms;
	int64_t p95_ms;
	int64_t max_ms;
};

struct queue_stats {
	uint64_t loaded; /* entries that came in, as the next: in the period */
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

#endif
