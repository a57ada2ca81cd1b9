/*
 * work_job.h - one entry in the hands of a command.
 *
 * Life: work_job_start() .. work_job_free(), which ends the command where it still runs and deletes
 * its files. In between poll() the two descriptors and the time. Only work.c includes this.
 */
#ifndef LOADER_FLOW_WORK_JOB_H
#define LOADER_FLOW_WORK_JOB_H

#include "loader/flow/work.h"

struct work_job;

/* Writes the entry's files and starts the command. */
int work_job_start(struct store *store, const struct work_options *options,
		   const struct entry_lease *lease, struct work_job **ret_job, struct error *err);

/* Readable when the command has ended, and when it has written to its standard error (-1: closed).
 */
int work_job_process(const struct work_job *job);
int work_job_errors(const struct work_job *job);

/* Takes over what the command has written to its standard error. */
void work_job_listen(struct work_job *job);

/* Extends the lease, ends a command that takes too long. Monotonic milliseconds. */
int work_job_tick(struct store *store, struct work_job *job, int64_t monotonic_ms,
		  struct error *err);

/* When work_job_tick() has something to do. */
int64_t work_job_next_ms(const struct work_job *job);

/* The command has ended: settles the entry by its exit status and tells options->settled. */
int work_job_settle(struct store *store, const struct work_queue *queue, struct work_job *job,
		    struct error *err);

/* Takes NULL. */
void work_job_free(struct work_job *job);

#endif
