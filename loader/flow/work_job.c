#include "loader/flow/work_job.h"

#include "loader/base/clock.h"
#include "loader/base/scoped.h"
#include "loader/flow/from_queue.h"
#include "loader/flow/work_files.h"
#include "loader/flow/work_process.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
	EXIT_RETRY = 75,
	EXIT_BUSINESS = 65,
	EXTEND_PARTS = 3,  /* a lease is extended when a third of it is over */
	GRACE_MS = 5000,   /* from TERM to KILL */
	TAIL_BYTES = 2000, /* of standard error, kept as the reason */
};

struct work_job {
	const struct work_options *options;
	struct entry_lease lease;
	struct work_files *files;
	struct work_process process;
	GString *tail;
	int64_t extend_at_ms;
	int64_t stop_at_ms; /* INT64_MAX = never */
	int64_t kill_at_ms;
	bool timed_out;
	bool lost;
};

SCOPED_DEFINE(struct work_job *, work_job_free)

int work_job_start(struct store *store, const struct work_options *options,
		   const struct entry_lease *lease, struct work_job **ret_job, struct error *err)
{
	scoped(work_job_free) struct work_job *job = g_new0(struct work_job, 1);
	const int64_t now_ms = clock_monotonic_ms();
	job->options = options;
	job->lease = *lease;
	job->tail = g_string_new("");
	job->process = (struct work_process){.id = -1, .descriptor = -1, .errors = -1};
	job->extend_at_ms = now_ms + options->wish.lease_ms / EXTEND_PARTS;
	job->stop_at_ms = options->timeout_ms != 0 ? now_ms + options->timeout_ms : INT64_MAX;
	job->kill_at_ms = INT64_MAX;
	if (work_files_write(store, lease, &job->files, err) != 0)
		return error_prefix(err, "entry %" PRId64, lease->entry_id);
	g_auto(GStrv) environment = work_files_environment(job->files, options, lease);
	if (work_process_start(options->command, environment, work_files_entry(job->files),
			       &job->process, err) != 0)
		return error_prefix(err, "entry %" PRId64, lease->entry_id);
	*ret_job = steal(&job);
	return 0;
}

int work_job_process(const struct work_job *job)
{
	return job->process.descriptor;
}

int work_job_errors(const struct work_job *job)
{
	return job->process.errors;
}

void work_job_listen(struct work_job *job)
{
	char bytes[4096];
	ssize_t got;
	while ((got = work_process_read(&job->process, bytes, sizeof bytes)) > 0) {
		fwrite(bytes, 1, (size_t)got, stderr);
		g_string_append_len(job->tail, bytes, got);
		if (job->tail->len > TAIL_BYTES)
			g_string_erase(job->tail, 0, (gssize)(job->tail->len - TAIL_BYTES));
	}
}

static int work_job_extend_lease(struct store *store, const struct work_job *job,
				 struct queue_error *err)
{
	/* As in work_claim_now(). */
	if (store_begin(store, err) != 0)
		return -1;
	const int64_t now_ms = clock_now_ms();
	if (entry_extend(store, job->lease.entry_id, job->lease.token,
			 now_ms + job->options->wish.lease_ms, now_ms, err) != 0) {
		store_rollback(store);
		return -1;
	}
	return store_commit(store, err);
}

static int work_job_extend(struct store *store, struct work_job *job, int64_t monotonic_ms,
			   struct error *err)
{
	struct queue_error queue_err;
	job->extend_at_ms = monotonic_ms + job->options->wish.lease_ms / EXTEND_PARTS;
	if (work_job_extend_lease(store, job, &queue_err) == 0)
		return 0;
	if (queue_err.status != QUEUE_REFUSED && queue_err.status != QUEUE_MISSING)
		return error_from_queue(err, &queue_err);
	/* Somebody else has it: whatever the command still does is done twice. */
	job->lost = true;
	job->extend_at_ms = INT64_MAX;
	job->stop_at_ms = monotonic_ms;
	return 0;
}

int work_job_tick(struct store *store, struct work_job *job, int64_t monotonic_ms,
		  struct error *err)
{
	if (monotonic_ms >= job->extend_at_ms &&
	    work_job_extend(store, job, monotonic_ms, err) != 0)
		return -1;
	if (monotonic_ms >= job->stop_at_ms) {
		job->timed_out = !job->lost;
		job->stop_at_ms = INT64_MAX;
		job->kill_at_ms = monotonic_ms + GRACE_MS;
		work_process_signal(&job->process, SIGTERM);
	}
	if (monotonic_ms >= job->kill_at_ms) {
		job->kill_at_ms = INT64_MAX;
		work_process_signal(&job->process, SIGKILL);
	}
	return 0;
}

int64_t work_job_next_ms(const struct work_job *job)
{
	return MIN(job->extend_at_ms, MIN(job->stop_at_ms, job->kill_at_ms));
}

/* "exit status 3: last lines of standard error". Caller frees. */
static char *work_job_reason(const struct work_job *job, int status)
{
	g_autofree char *end = NULL;
	if (job->timed_out)
		end = g_strdup_printf("timed out after %" PRId64 " s",
				      job->options->timeout_ms / 1000);
	else if (WIFSIGNALED(status))
		end = g_strdup_printf("ended by signal %d", WTERMSIG(status));
	else
		end = g_strdup_printf("exit status %d", WEXITSTATUS(status));
	g_autofree char *words = g_utf8_make_valid(job->tail->str, (gssize)job->tail->len);
	for (char *at = words; *at != '\0'; at++) {
		if (g_ascii_iscntrl(*at) && *at != '\n' && *at != '\t')
			*at = ' ';
	}
	g_strstrip(words);
	return *words != '\0' ? g_strdup_printf("%s: %s", end, words) : g_strdup(end);
}

static enum work_end work_job_end(const struct work_job *job, int status)
{
	if (job->lost)
		return WORK_LOST;
	if (job->timed_out || !WIFEXITED(status))
		return WORK_APPLICATION;
	switch (WEXITSTATUS(status)) {
	case 0:
		return WORK_COMPLETED;
	case EXIT_RETRY:
		return WORK_DEFERRED;
	case EXIT_BUSINESS:
		return WORK_BUSINESS;
	default:
		return WORK_APPLICATION;
	}
}

static int work_job_store(struct store *store, const struct work_queue *queue,
			  const struct work_job *job, struct work_outcome *outcome,
			  struct queue_error *err)
{
	const int64_t now_ms = clock_now_ms();
	const char *token = job->lease.token;
	switch (outcome->end) {
	case WORK_COMPLETED:
		return entry_complete(store, outcome->entry_id, token, now_ms, err);
	case WORK_DEFERRED:
		outcome->next_attempt_ms = now_ms + queue->retry_delay_ms;
		return entry_defer(store, outcome->entry_id, token, outcome->next_attempt_ms,
				   outcome->reason, now_ms, err);
	case WORK_BUSINESS:
	case WORK_APPLICATION:
		return entry_fail(store, outcome->entry_id, token,
				  outcome->end == WORK_BUSINESS ? ENTRY_BUSINESS
								: ENTRY_APPLICATION,
				  outcome->reason, now_ms, &outcome->next_attempt_ms, err);
	case WORK_LOST:
		break;
	}
	return 0;
}

int work_job_settle(struct store *store, const struct work_queue *queue, struct work_job *job,
		    struct error *err)
{
	const int status = work_process_end(&job->process);
	work_job_listen(job);
	struct queue_error queue_err;
	g_autofree char *reason = work_job_reason(job, status);
	struct work_outcome outcome = {.entry_id = job->lease.entry_id,
				       .attempt = job->lease.attempt,
				       .end = work_job_end(job, status),
				       .reason = reason};
	if (work_job_store(store, queue, job, &outcome, &queue_err) != 0) {
		if (queue_err.status != QUEUE_REFUSED && queue_err.status != QUEUE_MISSING)
			return error_from_queue(err, &queue_err);
		outcome.end = WORK_LOST;
		outcome.reason = queue_err.text;
	}
	job->options->settled(&outcome, job->options->context);
	return 0;
}

void work_job_free(struct work_job *job)
{
	if (job == NULL)
		return;
	work_process_close(&job->process);
	work_files_free(job->files);
	g_string_free(job->tail, TRUE);
	g_free(job);
}
