/*
 * work_internal.h - the parts of the loop in work.c: an entry in the hands of a command (a job), its
 * files, the process of the command, and waiting.
 *
 * Life:   work_job_new(), work_job_tend() as often as it is due, until work_job_is_settled(); then
 *         work_job_free(), which ends the command where it still runs and deletes its files. In
 *         between poll() the two descriptors and the time. A result stays in memory until it can be
 *         stored. work_files_write() .. work_files_free(), which deletes the folder and whatever the
 *         command has left in it. work_process_start() .. work_process_close().
 * Errors: IO, those of the database.
 */
#ifndef LOADER_WORK_WORK_INTERNAL_H
#define LOADER_WORK_WORK_INTERNAL_H

#include "loader/work/work.h"
#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- a job ---- */

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

/* ---- the entry as files: entry.json and attachments/ in a private temporary folder ---- */

struct work_files;

int work_files_write(struct store *store, const struct entry_lease *lease,
		     struct work_files **ret_files, struct error *err);

/* Can anything at all be written where the files of entries go? */
int work_files_probe(struct error *err);

/* The path of entry.json, borrowed. */
const char *work_files_entry(const struct work_files *files);

/* The path of a file for the command's standard output, borrowed. */
const char *work_files_output(const struct work_files *files);

/* Reads that file as JSON: what is none becomes a JSON string. *ret_output is NULL where the command wrote nothing;
 * the caller frees with g_free(). Errors: DATA, more than ENTRY_OUTPUT_MAX bytes; IO. */
int work_files_take_output(const struct work_files *files, char **ret_output, struct error *err);

/* Our environment and INQUEUE_*. Caller frees with g_strfreev(). */
char **work_files_environment(const struct work_files *files, const struct work_options *options,
			      const struct entry_lease *lease);

/* Takes NULL. */
void work_files_free(struct work_files *files);
SCOPED_DEFINE(struct work_files *, work_files_free)

/* ---- a command in a process group of its own, which ends with this process ---- */

struct work_process {
	pid_t id;	/* -1 = none */
	int descriptor; /* pidfd: readable when it has ended */
	int errors;	/* its standard error, not blocking; -1 = closed */
};

/* Standard input is the file `input`, standard output the file `output`, or ours where that is NULL. The command is looked up in PATH.
 * Errors beside IO: those of work_command_refuse(), when it cannot be executed. */
int work_process_start(char *const *command, char *const *environment, const char *input,
		       const char *output, struct work_process *ret_process, struct error *err);

/* Of its standard error; 0 when there is nothing at the moment, or never again. */
ssize_t work_process_read(struct work_process *process, void *bytes, size_t size);

/* To it and all it has started. */
void work_process_signal(const struct work_process *process, int number);

/* Waits for its end and kills what it left behind; the status as of waitpid(). */
int work_process_end(struct work_process *process);

/* Kills what still runs. */
void work_process_close(struct work_process *process);

/* ---- waiting for descriptors, a time, or the wish to stop ---- */

/*
 * As poll(), until `until_ms` (monotonic milliseconds; INT64_MAX = for ever, though never longer
 * than a minute at a time, so that a wall clock that was set is noticed). A wish to stop beyond the
 * `known_signals` that the caller knows of (stop_signals()) ends the waiting at once, with no
 * descriptor ready, and without a gap in which a signal could be missed. Errors: IO.
 */
int work_wait(struct pollfd *descriptors, nfds_t count, int64_t until_ms, int known_signals,
	      struct error *err);

#endif
