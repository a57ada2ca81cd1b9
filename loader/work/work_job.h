/*
 * work_job.h - one entry in the hands of a command, from its claim until its result is stored.
 *
 * Life: work_job_new(), work_job_tend() as often as it is due, until work_job_is_settled(); then
 *       work_job_free(), which ends the command where it still runs and deletes its files. In
 *       between poll() the two descriptors and the time. A result stays in memory until it can be
 *       stored. Only work.c includes this.
 */
#ifndef LOADER_WORK_WORK_JOB_H
#define LOADER_WORK_WORK_JOB_H

#include "loader/work/work.h"

struct work_job;

enum work_step {
	WORK_STEP_FAILED = -1, /* *err says why; what was to be done is still to be done */
	WORK_STEP_DONE,
	WORK_STEP_BUSY /* the database is locked: try again later */
};

struct work_job *work_job_new(const struct work_options *options, const struct entry_lease *lease);

int64_t work_job_entry(const struct work_job *job);

/* Readable when the command has ended, and when it has written to its standard error; -1: there is
 * nothing to wait for. */
int work_job_process(const struct work_job *job);
int work_job_errors(const struct work_job *job);

/* Takes over what the command has written to its standard error. */
void work_job_listen(struct work_job *job);

/* The command has ended: its exit status says what is to become of the entry. */
void work_job_reap(struct work_job *job);

/* Ends a command that takes too long: TERM, later KILL. Never asks the database. Monotonic
 * milliseconds, as below. */
void work_job_watch(struct work_job *job, int64_t monotonic_ms);

/* When work_job_watch() has something to do. */
int64_t work_job_next_ms(const struct work_job *job);

/* The worker ends: so does the command, and the entry is given back unless there is a result. */
void work_job_stop(struct work_job *job, int64_t monotonic_ms);

/*
 * Does what is due for which the database is needed: writes the entry's files and starts the
 * command, extends the lease, stores the result and tells options->settled. FAILED when the command
 * or this machine can run nothing (the entry is to be given back then), or by the database.
 */
enum work_step work_job_tend(struct store *store, const struct work_queue *queue,
			     struct work_job *job, int64_t monotonic_ms, struct error *err);

/* When work_job_tend() has something to do. */
int64_t work_job_due_ms(const struct work_job *job);

bool work_job_is_settled(const struct work_job *job);

/* "completed" and the like for a result that is not stored yet; NULL: there is none. */
const char *work_job_result(const struct work_job *job);

/* Takes NULL. */
void work_job_free(struct work_job *job);

#endif
