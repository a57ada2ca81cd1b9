/* The loop that claims entries, runs a command for each, and stores what became of them. A
 * database that somebody else keeps locked stops none of it but the storing, which is tried
 * again. */
#include "loader/work/work.h"

#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "loader/base/service.h"
#include "loader/define/target_secret.h"
#include "loader/work/work_internal.h"
#include "queue/base/scoped.h"
#include "queue/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	PATIENCE_MS = 200,  /* with the database, at a time: commands are to be watched meanwhile */
	AGAIN_MS = 250,	    /* between two tries while it is locked */
	TELL_MS = 2000,	    /* of being locked, before that is worth a word */
	GIVE_UP_MS = 30000, /* from the wish to end on, for results that cannot be stored */
	SIGNALS_EXPECTED = 2 /* finish what runs; end what runs */
};

struct work {
	struct store *store;
	const struct work_queue *queue;
	const struct work_options *options;
	struct store_watch *watch;
	GPtrArray *jobs;
	int64_t due_ms; /* wall clock: when it is worth while to claim; 0 = after a change */
	bool empty;	/* nothing could be claimed when last looked at */

	int64_t busy_since_ms; /* monotonic, as below: the database is locked; 0 = it is not */
	int64_t again_ms;      /* not to be asked before */
	bool busy_told;

	int signals;	       /* TERM and INT, as far as they are known here */
	int64_t end_at_ms;     /* what still runs then is ended; INT64_MAX = never */
	int64_t give_up_ms;    /* INT64_MAX while nothing is to be ended */
	struct error *failure; /* filled once `failed` */
	bool failed;
};

static void work_free_job(void *job)
{
	work_job_free(job);
}

/* ---- a database that is locked ---- */

/* Says it once, and only when it lasts: most locks are over in a moment. */
static void work_note_busy(struct work *work)
{
	const int64_t now_ms = clock_monotonic_ms();
	if (work->busy_since_ms == 0)
		work->busy_since_ms = now_ms;
	work->again_ms = now_ms + AGAIN_MS;
	if (work->busy_told || now_ms - work->busy_since_ms < TELL_MS)
		return;
	work->busy_told = true;
	work->options->note("the database is kept locked by another process: commands go on, their "
			    "results are stored when it is free",
			    work->options->context);
}

/* The word that it is free again is only for who has heard that it was not. */
static void work_note_free(struct work *work)
{
	if (work->busy_told)
		work->options->note("the database is free again", work->options->context);
	work->busy_told = false;
	work->busy_since_ms = 0;
	work->again_ms = 0;
}

/* ---- ending ---- */

static bool work_is_ending(const struct work *work)
{
	return work->give_up_ms != INT64_MAX;
}

/* From now on results have GIVE_UP_MS to be stored; commands get TERM. */
static void work_end(struct work *work)
{
	const int64_t now_ms = clock_monotonic_ms();
	if (!work_is_ending(work))
		work->give_up_ms = now_ms + GIVE_UP_MS;
	for (guint i = 0; i < work->jobs->len; i++)
		work_job_stop(g_ptr_array_index(work->jobs, i), now_ms);
}

/* The first thing that goes wrong is what the run ends with. */
static void work_fail(struct work *work, const struct error *failure)
{
	if (!work->failed)
		*work->failure = *failure;
	work->failed = true;
	work_end(work);
}

/* The entry goes back to the queue when its lease ends. The first loss is what the run ends
 * with; the others are said at once. */
static void work_give_up(struct work *work, guint index, const struct error *why)
{
	const struct work_job *job = g_ptr_array_index(work->jobs, index);
	const char *result = work_job_result(job);
	struct error lost;
	error_set(&lost, why->kind,
		  "entry %" PRId64 ": its result (%s) could not be stored, and is lost when the "
		  "lease ends: %s",
		  work_job_entry(job), result != NULL ? result : "unknown", why->text);
	if (work->failed)
		work->options->note(lost.text, work->options->context);
	else
		*work->failure = lost;
	work->failed = true;
	g_ptr_array_remove_index(work->jobs, index);
}

/* The first signal lets commands finish, for grace_ms at most; the second ends them. */
static void work_follow_signals(struct work *work)
{
	const int64_t now_ms = clock_monotonic_ms();
	work->signals = stop_signals();
	if (work->signals > 0 && work->end_at_ms == INT64_MAX)
		work->end_at_ms = now_ms + work->options->grace_ms;
	if (work->signals > 1 || now_ms >= work->end_at_ms)
		work_end(work);
}

/* ---- entries in the hands of commands ---- */

static bool work_may_ask(const struct work *work, int64_t now_ms)
{
	return now_ms >= work->again_ms;
}

/* While the database is locked it is not asked for each job, but every AGAIN_MS for all. */
static enum work_step work_tend_job(struct work *work, struct work_job *job, int64_t now_ms,
				    struct error *err)
{
	if (work_job_due_ms(job) > now_ms || !work_may_ask(work, now_ms))
		return WORK_STEP_DONE;
	const enum work_step step = work_job_tend(work->store, work->queue, job, now_ms, err);
	if (step == WORK_STEP_BUSY)
		work_note_busy(work);
	else if (step == WORK_STEP_DONE)
		work_note_free(work);
	return step;
}

/* A result that cannot be stored keeps the worker from its end for GIVE_UP_MS at most, and one that the database
 * refuses while it ends, not at all. */
static bool work_is_hopeless(const struct work *work, const struct work_job *job,
			     enum work_step step, bool was_ending)
{
	if (step == WORK_STEP_BUSY)
		return clock_monotonic_ms() >= work->give_up_ms;
	return step == WORK_STEP_FAILED && was_ending && work_job_result(job) != NULL;
}

static void work_tend(struct work *work)
{
	struct error err;
	/* From the last to the first, because a job that is through leaves its place. */
	for (guint i = work->jobs->len; i-- > 0;) {
		struct work_job *job = g_ptr_array_index(work->jobs, i);
		const int64_t now_ms = clock_monotonic_ms();
		const bool was_ending = work_is_ending(work);
		work_job_watch(job, now_ms);
		const enum work_step step = work_tend_job(work, job, now_ms, &err);
		if (work_is_hopeless(work, job, step, was_ending))
			work_give_up(work, i, &err);
		else if (step == WORK_STEP_FAILED)
			work_fail(work, &err);
		else if (work_job_is_settled(job))
			g_ptr_array_remove_index(work->jobs, i);
	}
}

/* Every job has what it needs from the database. Only then more is claimed, so that it cannot be
 * an entry of ours whose lease has ended meanwhile. */
static bool work_is_attended(const struct work *work)
{
	const int64_t now_ms = clock_monotonic_ms();
	for (guint i = 0; i < work->jobs->len; i++) {
		if (work_job_due_ms(g_ptr_array_index(work->jobs, i)) <= now_ms)
			return false;
	}
	return true;
}

/* ---- claiming ---- */

static bool work_wants_more(const struct work *work)
{
	return work->signals == 0 && !work_is_ending(work) &&
	       work->jobs->len < work->options->concurrency;
}

/* Looks before it claims, because a look locks nobody out. It forgets the changes so far before
 * it looks, so that none is missed. */
static int work_claim_more(struct work *work, struct error *err)
{
	const size_t room = work->options->concurrency - work->jobs->len;
	const int64_t now_ms = clock_now_ms();
	store_watch_clear(work->watch);
	work->empty = false;
	if (entry_claim_due(work->store, &work->options->wish, now_ms, &work->due_ms, err) != 0)
		return -1;
	if (work->due_ms == 0 || work->due_ms > now_ms) {
		work->empty = true;
		return 0;
	}
	g_autofree struct entry_lease *leases = g_new(struct entry_lease, room);
	size_t count;
	if (work_claim_now(work->store, &work->options->wish, leases, room, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		g_ptr_array_add(work->jobs, work_job_new(work->options, &leases[i]));
	work->empty = count == 0;
	return 0;
}

/* After claiming the new jobs are tended at once: their commands start in this round. */
static void work_fill(struct work *work)
{
	struct error err;
	if (!work_wants_more(work) || !work_may_ask(work, clock_monotonic_ms()) ||
	    !work_is_attended(work))
		return;
	if (work_claim_more(work, &err) == 0) {
		work_note_free(work);
		work_tend(work);
	} else if (err.kind == ERROR_TEMPORARY) {
		work_note_busy(work);
	} else {
		work_fail(work, &err);
	}
}

/* ---- waiting ---- */

/* The first is the watch, then there are two for each job. */
static struct pollfd *work_descriptors(const struct work *work)
{
	struct pollfd *descriptors = g_new0(struct pollfd, 1 + 2 * work->jobs->len);
	descriptors[0].fd = work_wants_more(work) && work->busy_since_ms == 0
				? store_watch_descriptor(work->watch)
				: -1;
	descriptors[0].events = POLLIN;
	for (guint i = 0; i < work->jobs->len; i++) {
		const struct work_job *job = g_ptr_array_index(work->jobs, i);
		descriptors[1 + 2 * i] =
		    (struct pollfd){.fd = work_job_process(job), .events = POLLIN};
		descriptors[2 + 2 * i] =
		    (struct pollfd){.fd = work_job_errors(job), .events = POLLIN};
	}
	return descriptors;
}

/* The next moment at which anything is due, on the monotonic clock; what is due by the wall
 * clock is converted. */
static int64_t work_next_ms(const struct work *work)
{
	const int64_t due_ms = clock_monotonic_ms() + work->due_ms - clock_now_ms();
	int64_t next_ms = work_is_ending(work) ? work->give_up_ms : work->end_at_ms;
	for (guint i = 0; i < work->jobs->len; i++) {
		const struct work_job *job = g_ptr_array_index(work->jobs, i);
		next_ms = MIN(next_ms, work_job_next_ms(job));
		next_ms = MIN(next_ms, MAX(work_job_due_ms(job), work->again_ms));
	}
	if (work_wants_more(work) && work->busy_since_ms != 0)
		next_ms = MIN(next_ms, work->again_ms);
	else if (work_wants_more(work) && work->due_ms != 0)
		next_ms = MIN(next_ms, due_ms);
	return next_ms;
}

/* Words before the end: what a command says last belongs to its reason. */
static void work_listen(struct work *work, const struct pollfd *descriptors)
{
	for (guint i = 0; i < work->jobs->len; i++) {
		struct work_job *job = g_ptr_array_index(work->jobs, i);
		if (descriptors[2 + 2 * i].revents != 0)
			work_job_listen(job);
		if (descriptors[1 + 2 * i].revents != 0)
			work_job_reap(job);
	}
}

static bool work_is_through(const struct work *work)
{
	return work->jobs->len == 0 && (work_is_ending(work) || work->signals > 0 ||
					(work->options->until_empty && work->empty));
}

/* Each round does all that is due and then sleeps until the next thing is due, or a descriptor
 * or signal wakes it. */
static void work_loop(struct work *work)
{
	struct error err;
	for (;;) {
		work_follow_signals(work);
		work_tend(work);
		work_fill(work);
		if (work_is_through(work))
			return;
		g_autofree struct pollfd *descriptors = work_descriptors(work);
		if (work_wait(descriptors, 1 + 2 * work->jobs->len, work_next_ms(work),
			      work->signals, &err) != 0)
			work_fail(work, &err);
		else
			work_listen(work, descriptors);
	}
}

/* A command gets the environment, and may show it. */
static void work_hide_variable(const char *field, enum secret_source source, const char *name,
			       void *context)
{
	(void)field;
	(void)context;
	const char *value = source == SECRET_ENV ? getenv(name) : NULL;
	if (value != NULL)
		redact_add(value, strlen(value));
}

static void work_hide_environment(const struct work_queue *queue)
{
	enum secret_source source;
	if (queue->credential_reference != NULL &&
	    secret_source_parse(queue->credential_source, &source) == 0)
		work_hide_variable("password", source, queue->credential_reference, NULL);
	target_secret_list(&queue->target, work_hide_variable, NULL);
}

/* The watch is opened before the first look, so that an entry which comes in between wakes it. */
int work_run(struct store *store, const struct work_queue *queue,
	     const struct work_options *options, struct error *err)
{
	scoped(store_watch_close) struct store_watch *watch = NULL;
	if (store_watch_open(store, &watch, err) != 0)
		return -1;
	work_hide_environment(queue);
	store_set_patience_ms(store, PATIENCE_MS);
	stop_expect(SIGNALS_EXPECTED);
	g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func(work_free_job);
	struct work work = {.store = store,
			    .queue = queue,
			    .options = options,
			    .watch = watch,
			    .jobs = jobs,
			    .end_at_ms = INT64_MAX,
			    .give_up_ms = INT64_MAX,
			    .failure = err};
	work_loop(&work);
	return work.failed ? -1 : 0;
}

const char *work_end_format(enum work_end end)
{
	static const char *const names[] = {
	    [WORK_COMPLETED] = "completed",	  [WORK_DEFERRED] = "deferred",
	    [WORK_BUSINESS] = "business failure", [WORK_APPLICATION] = "application failure",
	    [WORK_RELEASED] = "released",	  [WORK_LOST] = "lost"};
	return names[end];
}
