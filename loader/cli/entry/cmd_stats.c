#include "loader/cli/frame/command.h"

#include "loader/base/clock.h"
#include "loader/base/duration.h"
#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"
#include "queue/queue_health.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct cmd_stats {
	struct store *store;
	const char *only; /* NULL: all queues */
	int64_t since_ms; /* 0: from the beginning */
	int64_t now_ms;
	bool json;
	struct error *err;
};

static json_t *cmd_stats_spread(const struct queue_stats_spread *spread)
{
	const int64_t values[] = {spread->p50_ms, spread->p95_ms, spread->max_ms};
	static const char *const keys[] = {"p50_ms", "p95_ms", "max_ms"};
	json_t *object = json_object();
	for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
		json_object_set_new(object, keys[i],
				    values[i] >= 0 ? json_integer(values[i]) : json_null());
	return object;
}

/* Since when there is something to count. */
static double cmd_stats_hours(const struct cmd_stats *view, const struct work_queue *queue)
{
	const int64_t from_ms = MAX(view->since_ms, queue->record_created_ms);
	return MAX((double)(view->now_ms - from_ms), 1) / 3600000;
}

static void cmd_stats_print_json(const struct work_queue *queue,
				 const struct work_queue_counts *counts,
				 const struct queue_stats *stats, double hours)
{
	json_t *object = json_pack(
	    "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "queue", queue->name, "new",
	    (json_int_t)counts->new_entries, "claimed", (json_int_t)counts->claimed,
	    "lease_expired", (json_int_t)counts->expired, "done", (json_int_t)counts->done,
	    "failed", (json_int_t)counts->failed, "bad", (json_int_t)counts->bad, "oldest_new",
	    output_json_time_ms(counts->oldest_new_ms));
	json_object_set_new(
	    object, "period",
	    json_pack("{s:f, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o}", "hours", hours, "loaded",
		      (json_int_t)stats->loaded, "completed", (json_int_t)stats->completed,
		      "failed", (json_int_t)stats->failed, "retried", (json_int_t)stats->retried,
		      "expired", (json_int_t)stats->expired, "completed_per_hour",
		      (double)stats->completed / hours, "waiting",
		      cmd_stats_spread(&stats->waiting), "working",
		      cmd_stats_spread(&stats->working)));
	output_json_print(object);
}

static void cmd_stats_print_spread(const char *label, const struct queue_stats_spread *spread)
{
	char p50[DURATION_TEXT_SIZE];
	char p95[DURATION_TEXT_SIZE];
	char max[DURATION_TEXT_SIZE];
	if (spread->max_ms < 0)
		return;
	duration_format(spread->p50_ms, p50);
	duration_format(spread->p95_ms, p95);
	duration_format(spread->max_ms, max);
	printf("%-14s half within %s, 95 %% within %s, longest %s\n", label, p50, p95, max);
}

static void cmd_stats_print(const struct work_queue *queue, const struct work_queue_counts *counts,
			    const struct queue_stats *stats, double hours)
{
	char oldest[CLOCK_TEXT_SIZE] = "-";
	if (counts->oldest_new_ms != 0)
		clock_format_s(counts->oldest_new_ms / 1000, oldest);
	printf("queue          %s\n", queue->name);
	printf("now            %" PRIu64 " new, %" PRIu64 " claimed, %" PRIu64
	       " with an expired lease, %" PRIu64 " done, %" PRIu64 " failed, %" PRIu64 " bad\n",
	       counts->new_entries, counts->claimed, counts->expired, counts->done, counts->failed,
	       counts->bad);
	printf("oldest new     %s\n", oldest);
	printf("in the period  %" PRIu64 " loaded, %" PRIu64 " completed (%.1f an hour), %" PRIu64
	       " failed, %" PRIu64 " attempts retried, %" PRIu64 " leases expired\n",
	       stats->loaded, stats->completed, (double)stats->completed / hours, stats->failed,
	       stats->retried, stats->expired);
	cmd_stats_print_spread("waiting", &stats->waiting);
	cmd_stats_print_spread("working", &stats->working);
}

static int cmd_stats_queue(const struct work_queue *queue, void *context)
{
	const struct cmd_stats *view = context;
	struct work_queue_counts counts;
	struct queue_stats stats;
	if (view->only != NULL && strcmp(view->only, queue->name) != 0)
		return 0;
	if (work_queue_count(view->store, queue->id, &counts, view->err) != 0 ||
	    queue_stats_read(view->store, queue->id, view->since_ms, &stats, view->err) != 0)
		return -1;
	const double hours = cmd_stats_hours(view, queue);
	if (view->json)
		cmd_stats_print_json(queue, &counts, &stats, hours);
	else
		cmd_stats_print(queue, &counts, &stats, hours);
	return 0;
}

int cmd_stats(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	int64_t since_ms;
	if (invocation_time(invocation, "since", -1, &since_ms, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (invocation->argument_count > 0 &&
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	struct cmd_stats view = {.store = store,
				 .only = queue != NULL ? queue->name : NULL,
				 .since_ms = since_ms,
				 .now_ms = clock_now_ms(),
				 .json = invocation->json,
				 .err = err};
	return work_queue_list(store, cmd_stats_queue, &view, err) == 0 ? 0 : -1;
}
