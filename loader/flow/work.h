/*
 * work.h - working a queue off: a command for each entry.
 *
 * The command gets the entry as JSON on standard input and in a file, its attachments in a folder,
 * and INQUEUE_* in its environment; its exit status says what becomes of the entry: 0 complete, 75
 * deferred by the queue's retry delay without counting, 65 a business failure, anything else an
 * application failure. Leases are extended while commands run. A command ends with this process.
 * Stops between entries when stop_requested(). Errors: IO, those of the database.
 */
#ifndef LOADER_FLOW_WORK_H
#define LOADER_FLOW_WORK_H

#include "loader/base/error.h"
#include "queue/entry_claim.h"
#include "queue/work_queue.h"

#include <stddef.h>

enum work_end {
	WORK_COMPLETED,
	WORK_DEFERRED,
	WORK_BUSINESS,
	WORK_APPLICATION,
	WORK_LOST /* the lease was not ours any more, or the command finished the entry itself */
};

struct work_outcome {
	int64_t entry_id;
	int32_t attempt;
	enum work_end end;
	int64_t next_attempt_ms; /* 0 = none */
	const char *reason;	 /* for all but WORK_COMPLETED */
};

struct work_options {
	struct entry_wish wish;
	size_t concurrency;
	bool until_empty;   /* end when nothing can be claimed and nothing runs */
	int64_t timeout_ms; /* for each command; 0 = none */
	const char *database;
	char *const *command; /* ends with NULL */
	void (*settled)(const struct work_outcome *outcome, void *context);
	void *context;
};

int work_run(struct store *store, const struct work_queue *queue,
	     const struct work_options *options, struct error *err);

/* Claims up to `room` entries at once. */
int work_claim_now(struct store *store, const struct entry_wish *wish,
		   struct entry_lease *ret_leases, size_t room, size_t *ret_count,
		   struct error *err);

/* Claims up to `room` entries, waiting until wait_until_ms (monotonic, see clock.h; 0 = not at all)
 * for the first. *ret_count 0: there was none. */
int work_claim(struct store *store, const struct entry_wish *wish, int64_t wait_until_ms,
	       struct entry_lease *ret_leases, size_t room, size_t *ret_count, struct error *err);

#endif
