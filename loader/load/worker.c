/*
 * Runs a load in a child process and supervises it. The child writes its outcome into memory that
 * both share; a child that dies without having done so is started again after a pause that doubles,
 * and the messages it was at are noted as suspects.
 */
#include "loader/load/load.h"

#include "loader/base/clock.h"
#include "loader/base/service.h"
#include "loader/base/starter.h"
#include "loader/parse/parser.h"
#include "loader/parse/spool.h"
#include "loader/source/mailbox.h"
#include "queue/base/scoped.h"
#include "queue/queue_health.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* After the first death a worker is started again in 20 ms, then in 40 … */
enum { WORKER_MAX_DEATHS = 6, WORKER_FIRST_PAUSE_MS = 20 };

/* What worker and supervisor share. `complete` is written last. */
struct worker_report {
	bool complete;
	int failed;
	struct load_result result;
	struct error err;
	struct load_position position;
};

static void worker_report_free(struct worker_report *report)
{
	if (report != NULL)
		munmap(report, sizeof *report);
}

SCOPED_DEFINE(struct worker_report *, worker_report_free)

int worker_note_failure(struct store *store, const struct work_queue *queue,
			const struct load_result *result, const struct error *failure,
			struct error *err)
{
	const bool marked = result == NULL || result->unmarked.kind == ERROR_NONE;
	g_autofree char *message =
	    g_strdup_printf("Error: %s%s%s", failure->text,
			    marked ? "" : ". Note: ", marked ? "" : result->unmarked.text);
	const int64_t now_ms = clock_now_ms();
	struct run run = {
	    .queue_id = queue->id, .began_ms = now_ms, .ended_ms = now_ms, .error = failure->text};
	if (result != NULL && result->began_ms != 0) {
		run.began_ms = result->began_ms;
		run.loaded = result->loaded;
		run.moved = result->finished + result->moved;
		run.bad = result->bad;
	}
	if (store_begin(store, err) != 0)
		return -1;
	if (run_note(store, &run, err) != 0 ||
	    work_queue_note_action(store, queue->id, message,
				   result != NULL ? result->not_collected : -1, now_ms, err) != 0) {
		store_rollback(store);
		return -1;
	}
	return store_commit(store, err) == 0 ? 0 : -1;
}

static int worker_open(const char *queue_name, const struct load_options *options,
		       struct store **ret_store, struct work_queue **ret_queue, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	if (store_open(options->database, options->dry_run ? STORE_READ : STORE_WRITE, &store,
		       err) != 0 ||
	    work_queue_find(store, queue_name, ret_queue, err) != 0)
		return -1;
	*ret_store = steal(&store);
	return 0;
}

/* Adds what earlier workers of this run have done before they died. */
static void worker_add_earlier(struct load_result *result, const struct load_result *earlier)
{
	result->loaded += earlier->loaded;
	result->bad += earlier->bad;
	result->skipped += earlier->skipped;
	result->refused += earlier->refused;
	result->finished += earlier->finished;
	result->size_bytes += earlier->size_bytes;
	result->worker_deaths = earlier->worker_deaths;
}

/* The refusal that stops the queue says how to go on; one that cannot be counted says that. */
static void worker_note_refusal(struct store *store, const struct work_queue *queue,
				struct error *refusal)
{
	uint32_t refusals;
	struct error err;
	if (refusal_note(store, queue, refusal, &refusals, &err) != 0)
		error_put_before(refusal, "not counted (%s)", err.text);
	else if (refusals >= REFUSAL_MAX)
		refusal_check(store, queue, refusal);
}

static int worker_load_and_note(struct store *store, const struct work_queue *queue,
				const struct load_options *options,
				const struct load_result *earlier, struct worker_report *report)
{
	if (refusal_check(store, queue, &report->err) != 0 ||
	    mailbox_confine(queue, options->database, &report->err) != 0)
		return -1;
	if (options->dry_run)
		return load_run(store, queue, options, &report->result, &report->err);
	scoped(work_queue_unlock) struct work_queue_lock *lock = NULL;
	if (work_queue_lock(store, queue->id, &lock, &report->err) != 0)
		return -1;
	report->failed = load_run(store, queue, options, &report->result, &report->err);
	/* Its entries are safe, and a new sign-in brings another token: the run goes on. */
	if (report->failed != 0 && report->err.reason == REASON_TOKEN_EXPIRED) {
		const struct load_result before = report->result;
		report->failed = load_run(store, queue, options, &report->result, &report->err);
		worker_add_earlier(&report->result, &before);
	}
	struct error ignored;
	if (report->failed != 0)
		worker_note_failure(store, queue, &report->result, &report->err, &ignored);
	worker_add_earlier(&report->result, earlier);
	if (report->failed == 0)
		return 0;
	if (report->err.reason == REASON_SIGN_IN)
		worker_note_refusal(store, queue, &report->err);
	return -1;
}

static void worker_run(const char *queue_name, const struct load_options *options,
		       const struct load_result *earlier, struct worker_report *report)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	report->result.not_collected = -1;
	parser_allow();
	spool_allow(options->database);
	report->failed = starter_begin(&report->err) != 0 ||
				 worker_open(queue_name, options, &store, &queue, &report->err) != 0
			     ? -1
			     : 0;
	if (report->failed == 0)
		report->failed = worker_load_and_note(store, queue, options, earlier, report);
}

static _Noreturn void worker_child(const char *queue_name, const struct load_options *options,
				   const struct load_result *earlier, struct worker_report *report)
{
	struct load_options own = *options;
	own.position = &report->position;
	own.items_before = earlier->loaded + earlier->bad;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	stop_install();
	worker_run(queue_name, &own, earlier, report);
	fflush(NULL);
	report->complete = true;
	_exit(EXIT_SUCCESS);
}

/* Runs a worker to its end. *ret_status is how it died; 0 when it has reported. */
static int worker_run_once(const char *queue_name, const struct load_options *options,
			   const struct load_result *earlier, struct worker_report *report,
			   int *ret_status, struct error *err)
{
	memset(report, 0, sizeof *report);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		worker_child(queue_name, options, earlier, report);
	if (child < 0)
		return error_set(err, ERROR_IO, "starting the worker: %s", g_strerror(errno));
	stop_pass_on(child);
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	stop_pass_on(0);
	*ret_status = report->complete ? 0 : status;
	return 0;
}

static void worker_describe_death(int status, struct error *err)
{
	if (WIFSIGNALED(status))
		error_set(
		    err, ERROR_SOFTWARE,
		    "the worker was ended by signal %d; nothing is lost, the next run goes on",
		    WTERMSIG(status));
	else
		error_set(err, ERROR_SOFTWARE,
			  "the worker ended with status %d; nothing is lost, the next run goes on",
			  WEXITSTATUS(status));
}

/* Counts the death against the messages that the worker was at, and says so in the queue's row. */
static void worker_note_death(const char *queue_name, const struct load_options *options,
			      struct worker_report *report, const struct error *death)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	struct error ignored;
	if (options->dry_run || worker_open(queue_name, options, &store, &queue, &ignored) != 0)
		return;
	worker_note_failure(store, queue, &report->result, death, &ignored);
	load_position_blame(&report->position, store, queue->id, death->text);
}

/* Waits in front of the next try; false when there is none. */
static bool worker_may_start_again(const struct load_options *options, uint32_t deaths)
{
	if (options->dry_run || deaths >= WORKER_MAX_DEATHS || stop_requested())
		return false;
	/* poll() rather than a sleep: a signal ends it. */
	poll(NULL, 0, WORKER_FIRST_PAUSE_MS << (deaths - 1));
	return !stop_requested();
}

static int worker_supervise(const char *queue_name, const struct load_options *options,
			    struct worker_report *report, struct load_result *ret_result,
			    struct error *err)
{
	struct load_result earlier = {0};
	for (;;) {
		int status;
		if (worker_run_once(queue_name, options, &earlier, report, &status, err) != 0)
			return -1;
		*ret_result = report->result;
		if (status == 0)
			break;
		worker_add_earlier(&report->result, &earlier);
		earlier = report->result;
		earlier.worker_deaths++;
		worker_describe_death(status, err);
		worker_note_death(queue_name, options, report, err);
		if (!worker_may_start_again(options, earlier.worker_deaths)) {
			*ret_result = earlier;
			ret_result->not_collected = -1;
			return -1;
		}
	}
	if (report->failed != 0)
		*err = report->err;
	return report->failed;
}

int worker_load(const char *queue_name, const struct load_options *options,
		struct load_result *ret_result, struct error *err)
{
	*ret_result = (struct load_result){.not_collected = -1};
	void *shared = mmap(NULL, sizeof(struct worker_report), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	scoped(worker_report_free) struct worker_report *report =
	    shared != MAP_FAILED ? shared : NULL;
	if (report == NULL)
		return error_set(err, ERROR_IO, "load '%s': starting the worker: %s", queue_name,
				 g_strerror(errno));
	if (worker_supervise(queue_name, options, report, ret_result, err) != 0)
		return error_prefix(err, "load '%s'", queue_name);
	return 0;
}
