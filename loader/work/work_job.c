/* One entry in the hands of a command: claimed, running, ended, settled. Each step that needs
 * the database can be told to come again later when it is locked. */
#include "loader/work/work_internal.h"

#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "loader/base/service.h"
#include "loader/base/visible.h"
#include "queue/base/scoped.h"

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
	LINE_BYTES = 65536 /* a longer line of it is passed on in pieces */
};

enum work_stage {
	WORK_STAGE_CLAIMED, /* its files are to be written and its command started */
	WORK_STAGE_RUNNING,
	WORK_STAGE_ENDED, /* the result is to be stored */
	WORK_STAGE_SETTLED
};

struct work_job {
	const struct work_options *options;
	struct entry_lease lease;
	enum work_stage stage;
	struct work_files *files;
	struct work_process process;
	GString *said; /* on standard error, and not passed on yet */
	GString *tail;
	struct visible shown; /* its standard error, on ours */
	int64_t extend_at_ms;
	int64_t stop_at_ms; /* INT64_MAX = never */
	int64_t kill_at_ms;
	bool timed_out;
	bool lost;
	bool stopped;
	enum work_end end; /* from WORK_STAGE_ENDED on */
	char *reason;
	char *output; /* JSON; NULL = none */
};

struct work_job *work_job_new(const struct work_options *options, const struct entry_lease *lease)
{
	struct work_job *job = g_new0(struct work_job, 1);
	job->options = options;
	job->lease = *lease;
	job->said = g_string_new("");
	job->tail = g_string_new("");
	job->shown.form = VISIBLE_TEXT;
	/* A command that shows its environment shows this, too. */
	redact_add(lease->token, strlen(lease->token));
	job->process = (struct work_process){.id = -1, .descriptor = -1, .errors = -1};
	job->extend_at_ms = clock_monotonic_ms() + options->wish.lease_ms / EXTEND_PARTS;
	job->stop_at_ms = INT64_MAX;
	job->kill_at_ms = INT64_MAX;
	return job;
}

int64_t work_job_entry(const struct work_job *job)
{
	return job->lease.entry_id;
}

/* Keeps what is to become of the entry, and removes its files. Takes the reason. */
static void work_job_finish(struct work_job *job, enum work_end end, char *reason)
{
	job->stage = WORK_STAGE_ENDED;
	job->end = end;
	job->reason = reason;
	work_files_free(job->files);
	job->files = NULL;
}

/* Where nothing at all can be written, the next entry would come to the same end: that ends the
 * worker. Otherwise it is this entry's failure. */
static enum work_step work_job_fail_to_write(struct work_job *job, struct error *err)
{
	struct error machine;
	if (err->kind == ERROR_TEMPORARY)
		return WORK_STEP_BUSY;
	error_put_before(err, "entry %" PRId64, job->lease.entry_id);
	if (work_files_probe(&machine) == 0) {
		work_job_finish(job, WORK_APPLICATION,
				g_strdup_printf("cannot be written to files: %s", err->text));
		return WORK_STEP_DONE;
	}
	work_job_finish(job, WORK_RELEASED, g_strdup(err->text));
	return WORK_STEP_FAILED;
}

/* A command that cannot be started is the operator's mistake: the entry goes back, and keeps its
 * attempt. */
static enum work_step work_job_start(struct store *store, struct work_job *job,
				     int64_t monotonic_ms, struct error *err)
{
	const struct work_options *options = job->options;
	if (work_files_write(store, &job->lease, &job->files, err) != 0)
		return work_job_fail_to_write(job, err);
	g_auto(GStrv) environment = work_files_environment(job->files, options, &job->lease);
	if (work_process_start(options->command, environment, work_files_entry(job->files),
			       options->output ? work_files_output(job->files) : NULL,
			       &job->process, err) != 0) {
		work_job_finish(job, WORK_RELEASED, g_strdup(err->text));
		return WORK_STEP_FAILED;
	}
	job->stage = WORK_STAGE_RUNNING;
	if (options->timeout_ms != 0)
		job->stop_at_ms = monotonic_ms + options->timeout_ms;
	return WORK_STEP_DONE;
}

int work_job_process(const struct work_job *job)
{
	return job->stage == WORK_STAGE_RUNNING ? job->process.descriptor : -1;
}

int work_job_errors(const struct work_job *job)
{
	return job->stage == WORK_STAGE_RUNNING ? job->process.errors : -1;
}

/* Passes words on, made visible, and keeps the last ones as the reason of a failure. Takes them. */
static void work_job_pass(struct work_job *job, char *words)
{
	const size_t size = strlen(words);
	visible_put(&job->shown, words, size, stderr);
	g_string_append_len(job->tail, words, (gssize)size);
	if (job->tail->len > TAIL_BYTES)
		g_string_erase(job->tail, 0, (gssize)(job->tail->len - TAIL_BYTES));
	g_free(words);
}

/* Passes standard error on without secrets, so whole lines of it. */
void work_job_listen(struct work_job *job)
{
	char bytes[4096];
	ssize_t got;
	while ((got = work_process_read(&job->process, bytes, sizeof bytes)) > 0) {
		g_string_append_len(job->said, bytes, got);
		const char *newline = memrchr(job->said->str, '\n', job->said->len);
		const size_t size = newline != NULL ? (size_t)(newline - job->said->str) + 1 : 0;
		if (size > 0)
			work_job_pass(job, redact(job->said->str, size));
		g_string_erase(job->said, 0, (gssize)size);
		char *piece = job->said->len > LINE_BYTES ? redact_take(job->said) : NULL;
		if (piece != NULL)
			work_job_pass(job, piece);
	}
}

static enum work_step work_job_fail(const struct error *err)
{
	return err->reason == REASON_BUSY ? WORK_STEP_BUSY : WORK_STEP_FAILED;
}

/* Takes the time inside the transaction, as work_claim_now() does. */
static int work_job_extend_lease(struct store *store, const struct work_job *job, struct error *err)
{
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

/* Two thirds of the lease are left when it is extended: with 10 minutes a database that is locked for six costs no
 * entry. */
static enum work_step work_job_extend(struct store *store, struct work_job *job,
				      int64_t monotonic_ms, struct error *err)
{
	if (work_job_extend_lease(store, job, err) == 0) {
		job->extend_at_ms = monotonic_ms + job->options->wish.lease_ms / EXTEND_PARTS;
		return WORK_STEP_DONE;
	}
	if (err->reason != REASON_REFUSED && err->reason != REASON_MISSING)
		return work_job_fail(err);
	/* Somebody else has the entry: whatever the command still does is done twice. */
	job->lost = true;
	job->extend_at_ms = INT64_MAX;
	job->stop_at_ms = monotonic_ms;
	if (job->stage == WORK_STAGE_CLAIMED)
		work_job_finish(job, WORK_LOST, g_strdup(err->text));
	return WORK_STEP_DONE;
}

/* TERM first; KILL when that was not enough. Needs no database, so that a locked one keeps no
 * command alive. */
void work_job_watch(struct work_job *job, int64_t monotonic_ms)
{
	if (job->stage != WORK_STAGE_RUNNING)
		return;
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
}

int64_t work_job_next_ms(const struct work_job *job)
{
	return job->stage == WORK_STAGE_RUNNING ? MIN(job->stop_at_ms, job->kill_at_ms) : INT64_MAX;
}

/* Needs no database either: what runs gets TERM, and KILL 5 s later by work_job_watch(). */
void work_job_stop(struct work_job *job, int64_t monotonic_ms)
{
	if (job->stage == WORK_STAGE_CLAIMED)
		work_job_finish(job, WORK_RELEASED, g_strdup("the worker was stopped"));
	if (job->stage != WORK_STAGE_RUNNING || job->stopped)
		return;
	job->stopped = true;
	job->extend_at_ms = INT64_MAX;
	if (job->timed_out || job->lost)
		return; /* The command has got TERM already. */
	job->stop_at_ms = INT64_MAX;
	job->kill_at_ms = monotonic_ms + GRACE_MS;
	work_process_signal(&job->process, SIGTERM);
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

/* Stopped by us, or by a service manager that signals all processes at once: not the command's
 * failure. */
static bool work_job_was_stopped(const struct work_job *job, int status)
{
	return job->stopped || (stop_requested() && WIFSIGNALED(status) &&
				(WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT));
}

static enum work_end work_job_end(const struct work_job *job, int status)
{
	if (job->lost)
		return WORK_LOST;
	if (job->timed_out)
		return WORK_APPLICATION;
	switch (WIFEXITED(status) ? WEXITSTATUS(status) : -1) {
	case 0:
		return WORK_COMPLETED;
	case EXIT_RETRY:
		return WORK_DEFERRED;
	case EXIT_BUSINESS:
		return WORK_BUSINESS;
	default:
		return work_job_was_stopped(job, status) ? WORK_RELEASED : WORK_APPLICATION;
	}
}

/* Tells the queue what the command's end means; `outcome` gets the next attempt. */
static int work_job_store(struct store *store, const struct work_queue *queue,
			  const struct work_job *job, struct work_outcome *outcome,
			  struct error *err)
{
	const int64_t now_ms = clock_now_ms();
	const char *token = job->lease.token;
	switch (outcome->end) {
	case WORK_COMPLETED:
		return entry_complete_with(store, outcome->entry_id, token, job->output, now_ms,
					   err);
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
	case WORK_RELEASED:
		return entry_release(store, outcome->entry_id, token, outcome->reason, now_ms, err);
	case WORK_LOST:
		break;
	}
	return 0;
}

/* Order: the end of the group, then its last words, then what they mean. A command that says 0 but whose output
 * cannot be taken has failed. */
void work_job_reap(struct work_job *job)
{
	const int status = work_process_end(&job->process);
	work_job_listen(job);
	work_job_pass(job, redact(job->said->str, job->said->len));
	g_string_truncate(job->said, 0);
	visible_put_end(&job->shown, stderr);
	enum work_end end = work_job_end(job, status);
	char *reason = work_job_reason(job, status);
	struct error wrong;
	if (end == WORK_COMPLETED && job->options->output &&
	    work_files_take_output(job->files, &job->output, &wrong) != 0) {
		end = WORK_APPLICATION;
		g_free(reason);
		reason = g_strdup(wrong.text);
	}
	if (end == WORK_RELEASED) {
		char *whole = g_strdup_printf("the worker was stopped: %s", reason);
		g_free(reason);
		reason = whole;
	}
	work_job_finish(job, end, reason);
}

/* A stale token means that the command, an operator or another worker has finished the entry: it
 * is lost to this job, and not an error. */
static enum work_step work_job_settle(struct store *store, const struct work_queue *queue,
				      struct work_job *job, struct error *err)
{
	struct work_outcome outcome = {.entry_id = job->lease.entry_id,
				       .attempt = job->lease.attempt,
				       .end = job->end,
				       .reason = job->reason};
	if (work_job_store(store, queue, job, &outcome, err) != 0) {
		if (err->reason != REASON_REFUSED && err->reason != REASON_MISSING)
			return work_job_fail(err);
		outcome.end = WORK_LOST;
		outcome.reason = err->text;
	}
	job->stage = WORK_STAGE_SETTLED;
	job->options->settled(&outcome, job->options->context);
	return WORK_STEP_DONE;
}

enum work_step work_job_tend(struct store *store, const struct work_queue *queue,
			     struct work_job *job, int64_t monotonic_ms, struct error *err)
{
	if (job->stage == WORK_STAGE_ENDED)
		return work_job_settle(store, queue, job, err);
	if (job->extend_at_ms <= monotonic_ms) {
		const enum work_step step = work_job_extend(store, job, monotonic_ms, err);
		if (step != WORK_STEP_DONE)
			return step;
	}
	if (job->stage == WORK_STAGE_CLAIMED)
		return work_job_start(store, job, monotonic_ms, err);
	return WORK_STEP_DONE;
}

/* 0: at once. A command that runs needs the database only for its lease. */
int64_t work_job_due_ms(const struct work_job *job)
{
	return job->stage == WORK_STAGE_RUNNING ? job->extend_at_ms : 0;
}

bool work_job_is_settled(const struct work_job *job)
{
	return job->stage == WORK_STAGE_SETTLED;
}

const char *work_job_result(const struct work_job *job)
{
	return job->stage == WORK_STAGE_ENDED && job->end != WORK_LOST ? work_end_format(job->end)
								       : NULL;
}

void work_job_free(struct work_job *job)
{
	if (job == NULL)
		return;
	work_process_close(&job->process);
	work_files_free(job->files);
	g_free(job->reason);
	g_free(job->output);
	g_string_free(job->said, TRUE);
	g_string_free(job->tail, TRUE);
	g_free(job);
}
