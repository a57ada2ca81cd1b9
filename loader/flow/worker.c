#include "loader/flow/worker.h"

#include "loader/base/clock.h"
#include "loader/base/scoped.h"
#include "loader/base/stop.h"
#include "loader/flow/from_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

SCOPED_DEFINE(struct store *, store_close)
SCOPED_DEFINE(struct work_queue *, work_queue_free)
SCOPED_DEFINE(struct work_queue_lock *, work_queue_unlock)

/* What the child tells its parent, in one write to a pipe. */
struct worker_report {
	int failed;
	struct load_result result;
	struct error err;
};

int worker_note(struct store *store, const struct work_queue *queue,
		const struct load_result *result, const struct error *failure, struct error *err)
{
	g_autofree char *message = failure != NULL ? g_strdup_printf("Error: %s", failure->text)
						   : g_strdup_printf("OK; %" PRIu64 " items.",
								     result->loaded + result->bad);
	struct queue_error queue_err;
	if (work_queue_note_action(store, queue->id, message, result->not_collected, clock_now_ms(),
				   &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	return 0;
}

static int worker_open(const char *queue_name, const struct load_options *options,
		       struct store **ret_store, struct work_queue **ret_queue, struct error *err)
{
	struct queue_error queue_err;
	scoped(store_close) struct store *store = NULL;
	if (store_open(options->database, options->dry_run ? STORE_READ : STORE_WRITE, &store,
		       &queue_err) != 0 ||
	    work_queue_find(store, queue_name, ret_queue, &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	*ret_store = steal(&store);
	return 0;
}

static int worker_load_and_note(struct store *store, const struct work_queue *queue,
				const struct load_options *options, struct worker_report *report)
{
	if (options->dry_run)
		return load_run(store, queue, options, &report->result, &report->err);
	struct queue_error queue_err;
	scoped(work_queue_unlock) struct work_queue_lock *lock = NULL;
	if (work_queue_lock(store, queue->id, &lock, &queue_err) != 0)
		return error_from_queue(&report->err, &queue_err);
	report->failed = load_run(store, queue, options, &report->result, &report->err);
	struct error note_err;
	const struct error *failure = report->failed != 0 ? &report->err : NULL;
	if (worker_note(store, queue, &report->result, failure, &note_err) != 0 &&
	    report->failed == 0) {
		report->failed = -1;
		report->err = note_err;
	}
	return report->failed;
}

static void worker_run(const char *queue_name, const struct load_options *options,
		       struct worker_report *report)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	report->result.not_collected = -1;
	report->failed = worker_open(queue_name, options, &store, &queue, &report->err);
	if (report->failed == 0)
		report->failed = worker_load_and_note(store, queue, options, report);
}

static _Noreturn void worker_child(const char *queue_name, const struct load_options *options,
				   int pipe_end)
{
	struct worker_report report;
	memset(&report, 0, sizeof report);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	stop_install();
	worker_run(queue_name, options, &report);
	fflush(NULL);
	ssize_t put = write(pipe_end, &report, sizeof report);
	_exit(put == (ssize_t)sizeof report ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Reads the report until the child closes its end. */
static bool worker_listen(int pipe_end, struct worker_report *report)
{
	size_t taken = 0;
	while (taken < sizeof *report) {
		ssize_t got = read(pipe_end, (char *)report + taken, sizeof *report - taken);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		taken += (size_t)got;
	}
	return true;
}

/* The child is gone without a word: say so, also in the queue's row. */
static int worker_report_death(const char *queue_name, const struct load_options *options,
			       int status, struct error *err)
{
	struct worker_report report = {.failed = -1, .result = {.not_collected = -1}};
	if (WIFSIGNALED(status))
		error_set(
		    &report.err, ERROR_SOFTWARE,
		    "the worker was ended by signal %d; nothing is lost, the next run goes on",
		    WTERMSIG(status));
	else
		error_set(&report.err, ERROR_SOFTWARE,
			  "the worker ended with status %d; nothing is lost, the next run goes on",
			  WEXITSTATUS(status));
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	struct error ignored;
	if (!options->dry_run && worker_open(queue_name, options, &store, &queue, &ignored) == 0)
		worker_note(store, queue, &report.result, &report.err, &ignored);
	return error_set(err, report.err.kind, "%s", report.err.text);
}

static int worker_start(const char *queue_name, const struct load_options *options,
			pid_t *ret_child, int *ret_pipe, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set(err, ERROR_IO, "starting the worker: %s", g_strerror(errno));
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		worker_child(queue_name, options, ends[1]);
	}
	int saved = errno;
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return error_set(err, ERROR_IO, "starting the worker: %s", g_strerror(saved));
	}
	*ret_child = child;
	*ret_pipe = ends[0];
	return 0;
}

int worker_load(const char *queue_name, const struct load_options *options,
		struct load_result *ret_result, struct error *err)
{
	pid_t child;
	scoped(descriptor_close) int pipe_end = -1;
	*ret_result = (struct load_result){.not_collected = -1};
	if (worker_start(queue_name, options, &child, &pipe_end, err) != 0)
		return error_prefix(err, "load '%s'", queue_name);
	stop_pass_on(child);
	struct worker_report report;
	bool heard = worker_listen(pipe_end, &report);
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	stop_pass_on(0);
	if (!heard) {
		worker_report_death(queue_name, options, status, err);
		return error_prefix(err, "load '%s'", queue_name);
	}
	*ret_result = report.result;
	if (report.failed == 0)
		return 0;
	*err = report.err;
	return error_prefix(err, "load '%s'", queue_name);
}
