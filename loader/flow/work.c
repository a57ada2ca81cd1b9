#include "loader/flow/work.h"

#include "loader/base/clock.h"
#include "loader/base/scoped.h"
#include "loader/base/stop.h"
#include "loader/flow/from_queue.h"
#include "loader/flow/work_job.h"
#include "loader/flow/work_wait.h"
#include "queue/store_watch.h"

#include <inttypes.h>

SCOPED_DEFINE(struct store_watch *, store_watch_close)

struct work {
	struct store *store;
	const struct work_queue *queue;
	const struct work_options *options;
	struct store_watch *watch;
	GPtrArray *jobs;
	int64_t due_ms; /* wall clock: when it is worth while to claim; 0 = after a change */
	bool empty;	/* nothing could be claimed when last looked at */
	bool stopping;	/* what runs is finished, nothing more is claimed */
};

static void work_free_job(void *job)
{
	work_job_free(job);
}

/* Nothing that was claimed may lie about until its lease ends. */
static void work_give_back(struct work *work, const struct entry_lease *leases, size_t count)
{
	struct queue_error ignored;
	for (size_t i = 0; i < count; i++)
		entry_release(work->store, leases[i].entry_id, leases[i].token,
			      "the worker could not start", clock_now_ms(), &ignored);
}

static int work_start_jobs(struct work *work, const struct entry_lease *leases, size_t count,
			   struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct work_job *job;
		if (work_job_start(work->store, work->options, &leases[i], &job, err) != 0) {
			work_give_back(work, leases + i, count - i);
			return -1;
		}
		g_ptr_array_add(work->jobs, job);
	}
	return 0;
}

/* Looks before it claims: to look locks nobody out. */
static int work_fill(struct work *work, struct error *err)
{
	const size_t room = work->options->concurrency - work->jobs->len;
	const int64_t now_ms = clock_now_ms();
	struct queue_error queue_err;
	store_watch_clear(work->watch);
	if (entry_claim_due(work->store, &work->options->wish, now_ms, &work->due_ms, &queue_err) !=
	    0)
		return error_from_queue(err, &queue_err);
	work->empty = work->due_ms == 0 || work->due_ms > now_ms;
	if (work->empty)
		return 0;
	g_autofree struct entry_lease *leases = g_new(struct entry_lease, room);
	size_t count;
	if (work_claim_now(work->store, &work->options->wish, leases, room, &count, err) != 0)
		return -1;
	work->empty = count == 0;
	return work_start_jobs(work, leases, count, err);
}

static bool work_wants_more(const struct work *work)
{
	return !work->stopping && work->jobs->len < work->options->concurrency;
}

/* The first is the watch, then two for each job. */
static struct pollfd *work_descriptors(const struct work *work)
{
	struct pollfd *descriptors = g_new0(struct pollfd, 1 + 2 * work->jobs->len);
	descriptors[0].fd = work_wants_more(work) ? store_watch_descriptor(work->watch) : -1;
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

static int64_t work_next_ms(const struct work *work)
{
	int64_t next_ms = INT64_MAX;
	for (guint i = 0; i < work->jobs->len; i++)
		next_ms = MIN(next_ms, work_job_next_ms(g_ptr_array_index(work->jobs, i)));
	if (work_wants_more(work) && work->due_ms != 0)
		next_ms = MIN(next_ms, clock_monotonic_ms() + work->due_ms - clock_now_ms());
	return next_ms;
}

static int work_attend(struct work *work, const struct pollfd *descriptors, struct error *err)
{
	/* From the last: a job that is through leaves its place. */
	for (guint i = work->jobs->len; i-- > 0;) {
		struct work_job *job = g_ptr_array_index(work->jobs, i);
		if (descriptors[2 + 2 * i].revents != 0)
			work_job_listen(job);
		if (descriptors[1 + 2 * i].revents == 0) {
			if (work_job_tick(work->store, job, clock_monotonic_ms(), err) != 0)
				return -1;
			continue;
		}
		if (work_job_settle(work->store, work->queue, job, err) != 0)
			return -1;
		g_ptr_array_remove_index(work->jobs, i);
	}
	return 0;
}

static int work_loop(struct work *work, struct error *err)
{
	for (;;) {
		work->stopping = stop_requested();
		if (work_wants_more(work) && work_fill(work, err) != 0)
			return -1;
		if (work->jobs->len == 0 &&
		    (work->stopping || (work->options->until_empty && work->empty)))
			return 0;
		g_autofree struct pollfd *descriptors = work_descriptors(work);
		if (work_wait(descriptors, 1 + 2 * work->jobs->len, work_next_ms(work),
			      work->stopping, err) != 0 ||
		    work_attend(work, descriptors, err) != 0)
			return -1;
	}
}

int work_run(struct store *store, const struct work_queue *queue,
	     const struct work_options *options, struct error *err)
{
	struct queue_error queue_err;
	scoped(store_watch_close) struct store_watch *watch = NULL;
	if (store_watch_open(store, &watch, &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func(work_free_job);
	struct work work = {
	    .store = store, .queue = queue, .options = options, .watch = watch, .jobs = jobs};
	return work_loop(&work, err);
}
