/*
 * work.h - working a queue off: a command for each entry.
 *
 * Command:  gets the entry as JSON on standard input and in a file, its attachments in a folder, and
 *           INQUEUE_* in its environment. Its exit status says what becomes of the entry: 0 complete,
 *           75 deferred by the queue's retry delay without counting, 65 a business failure, anything
 *           else an application failure. A command ends with this process, however that ends.
 * Output:   where the operator wants it, standard output of a command that ends with 0 becomes the output of
 *           its entry: JSON as it is, any other text as a JSON string, nothing where it wrote nothing. More than
 *           ENTRY_OUTPUT_MAX bytes are an application failure.
 * Leases:   are extended while commands run.
 * Files:    an entry whose files cannot be written is an application failure, unless nothing at all
 *           can be written.
 * Locked:   while the database is locked, commands go on and may time out, results stay in memory,
 *           and leases are extended as soon as that is possible.
 * Stopping: after the first wish to stop (service.h) nothing more is claimed. After grace_ms, at the
 *           second wish, or when something goes wrong, commands get TERM, five seconds later KILL;
 *           their results are stored, and entries without a result are given back. A command that
 *           cannot be started is something wrong, and costs its entry no attempt.
 * Errors:   USAGE, the command cannot be started; IO; those of the database, among them TEMPORARY
 *           where results could not be stored before the end.
 */
#ifndef LOADER_WORK_WORK_H
#define LOADER_WORK_WORK_H

#include "queue/base/error.h"
#include "queue/entry_claim.h"
#include "queue/work_queue.h"

#include <stddef.h>

enum work_end {
	WORK_COMPLETED,
	WORK_DEFERRED,
	WORK_BUSINESS,
	WORK_APPLICATION,
	WORK_RELEASED, /* given back: the command could not be started, or was stopped with the
			  worker */
	WORK_LOST /* the lease was not ours any more, or the command finished the entry itself */
};

/* "completed", "deferred", "business failure", "application failure", "released", "lost". */
const char *work_end_format(enum work_end end);

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
	bool output;	    /* what a command writes is its entry's output */
	int64_t timeout_ms; /* for each command; 0 = none */
	int64_t grace_ms;   /* for what runs, after the first wish to stop */
	const char *database;
	char *const *command; /* ends with NULL */
	void (*settled)(const struct work_outcome *outcome, void *context);
	void (*note)(const char *words, void *context); /* what people should know meanwhile */
	void *context;
};

/* Works the queue off until nothing is left (until_empty) or the end is wanted. `options` are
 * borrowed for the call. */
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

/* ---- can a command be started, and if not: exactly why ---- */

/* Looks for the command as execvp() does, at its permissions, and at what its #! line names. */
int work_command_check(const char *command, struct error *err);

/* The same, after exec has failed with `number` (errno). Always returns -1. */
int work_command_refuse(const char *command, int number, struct error *err);

#endif
