/* Reports of what has happened: the history of an entry, the work on queues in a period,
 * attempts to deliver. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/entry/queue_json.h"
#include "queue/base/scoped.h"
#include "queue/delivery.h"
#include "queue/entry_operate.h"
#include "queue/queue_health.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- history ---- */

static int cmd_history_json(const struct entry_event *event, void *context)
{
	(void)context;
	output_json_print(entry_json_event(event));
	return 0;
}

/* The time behind a change says how long the entry had been in its state. */
static int cmd_history_row(const struct entry_event *event, void *context)
{
	char at[CLOCK_TEXT_SIZE];
	char took[DURATION_TEXT_SIZE] = "";
	output_time_s(event->at_ms / 1000, at);
	if (event->duration_ms >= 0)
		duration_format(event->duration_ms, took);
	const char *const cells[] = {at,   event->change, event->state, event->who, event->detail,
				     took, event->why};
	output_table_add(context, cells);
	return 0;
}

/* The table is printed when the whole history is known, and not at all after an error. */
int cmd_history(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"AT", OUTPUT_LEFT, false},	   {"CHANGE", OUTPUT_LEFT, false},
	    {"STATE", OUTPUT_LEFT, false}, {"WHO", OUTPUT_CUT, true},
	    {"DETAIL", OUTPUT_WRAP, true}, {"AFTER", OUTPUT_RIGHT, false},
	    {"WHY", OUTPUT_WRAP, true},
	};
	int64_t id;
	scoped(store_close) struct store *store = NULL;
	if (invocation_entry_id(invocation, 0, &id, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (invocation->json)
		return entry_event_list(store, id, cmd_history_json, NULL, err) == 0 ? 0 : -1;
	struct output_table *table = output_table_new(columns, G_N_ELEMENTS(columns));
	const int failed = entry_event_list(store, id, cmd_history_row, table, err);
	if (failed == 0)
		output_table_print(table);
	else
		output_table_free(table);
	return failed == 0 ? 0 : -1;
}

/* ---- stats ---- */

struct cmd_stats {
	struct store *store;
	const char *only; /* NULL: all queues */
	int64_t since_ms; /* 0: from the beginning */
	int64_t now_ms;
	bool json;
	struct error *err;
};

/* null says that nothing was measured. */
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

/* Counts only since the queue is there: a queue of yesterday has no rate over a month. */
static double cmd_stats_hours(const struct cmd_stats *view, const struct work_queue *queue)
{
	const int64_t from_ms = MAX(view->since_ms, queue->record_created_ms);
	return MAX((double)(view->now_ms - from_ms), 1) / 3600000;
}

/* What is now, and what was in the period: two groups, because the first does not depend on
 * --since. "hours" is the time that the rates are counted over. */
static void cmd_stats_print_json(const struct work_queue *queue,
				 const struct work_queue_counts *counts,
				 const struct queue_stats *stats, double hours)
{
	json_t *object = json_pack(
	    "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "queue", queue->name, "new",
	    (json_int_t)counts->new_entries, "claimed", (json_int_t)counts->claimed,
	    "lease_expired", (json_int_t)counts->expired, "done", (json_int_t)counts->done,
	    "failed", (json_int_t)counts->failed, "discarded", (json_int_t)counts->discarded, "bad",
	    (json_int_t)counts->bad, "oldest_new", output_json_time_ms(counts->oldest_new_ms));
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

enum { CMD_STATS_LABEL = 14 };

/* Prints nothing where nothing was measured. */
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
	g_autofree char *text =
	    g_strdup_printf("half within %s, 95 %% within %s, longest %s", p50, p95, max);
	output_field(label, CMD_STATS_LABEL, text);
}

/* The same two groups in words. */
static void cmd_stats_print(const struct work_queue *queue, const struct work_queue_counts *counts,
			    const struct queue_stats *stats, double hours)
{
	char oldest[CLOCK_TEXT_SIZE] = "-";
	if (counts->oldest_new_ms != 0)
		output_time_s(counts->oldest_new_ms / 1000, oldest);
	g_autofree char *discarded =
	    counts->discarded > 0 ? g_strdup_printf(", %" PRIu64 " discarded", counts->discarded)
				  : g_strdup("");
	g_autofree char *now = g_strdup_printf(
	    "%" PRIu64 " new, %" PRIu64 " claimed, %" PRIu64 " with an expired lease, %" PRIu64
	    " done, %" PRIu64 " failed%s, %" PRIu64 " bad",
	    counts->new_entries, counts->claimed, counts->expired, counts->done, counts->failed,
	    discarded, counts->bad);
	g_autofree char *period =
	    g_strdup_printf("%" PRIu64 " loaded, %" PRIu64 " completed (%.1f an hour), %" PRIu64
			    " failed, %" PRIu64 " attempts retried, %" PRIu64 " leases expired",
			    stats->loaded, stats->completed, (double)stats->completed / hours,
			    stats->failed, stats->retried, stats->expired);
	output_field("queue", CMD_STATS_LABEL, queue->name);
	output_field("now", CMD_STATS_LABEL, now);
	output_field("oldest new", CMD_STATS_LABEL, oldest);
	output_field("in the period", CMD_STATS_LABEL, period);
	cmd_stats_print_spread("waiting", &stats->waiting);
	cmd_stats_print_spread("working", &stats->working);
}

/* Called for each queue. All queues are counted up to the same now_ms, so that their rates can
 * be compared. */
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

/* Goes through all queues also for a single one, so that both are printed by the same function. */
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

/* ---- delivery ---- */

/* Each attempt is a line of its own, with the answer as the target gave it. */
static int cmd_delivery_json(const struct delivery *delivery, void *context)
{
	(void)context;
	json_t *object = json_pack(
	    "{s:I, s:s, s:i, s:s, s:I, s:o}", "entry_id", (json_int_t)delivery->entry_id, "queue",
	    delivery->queue_name, "attempt", (int)delivery->attempt, "outcome",
	    delivery_outcome_format(delivery->outcome), "duration_ms",
	    (json_int_t)delivery->duration_ms, "at", output_json_time_ms(delivery->at_ms));
	json_object_set_new(object, "status",
			    delivery->status != 0 ? json_integer(delivery->status) : json_null());
	json_object_set_new(object, "answer", output_json_text(delivery->answer));
	json_object_set_new(object, "error", output_json_text(delivery->error));
	output_json_print(object);
	return 0;
}

/* A dash stands for the status where there was no answer. */
static void cmd_delivery_cells(const struct delivery *delivery, char entry[24], char attempt[16],
			       char status[16], char duration[24])
{
	g_snprintf(entry, 24, "%" PRId64, delivery->entry_id);
	g_snprintf(attempt, 16, "%d", (int)delivery->attempt);
	g_snprintf(status, 16, "%d", (int)delivery->status);
	if (delivery->status == 0)
		g_strlcpy(status, "-", 16);
	g_snprintf(duration, 24, "%" PRId64 " ms", delivery->duration_ms);
}

/* What went wrong here comes before what the target says. */
static int cmd_delivery_row(const struct delivery *delivery, void *context)
{
	char entry[24];
	char attempt[16];
	char status[16];
	char duration[24];
	char at[CLOCK_TEXT_SIZE];
	cmd_delivery_cells(delivery, entry, attempt, status, duration);
	output_time_s(delivery->at_ms / 1000, at);
	const char *const cells[] = {
	    entry,
	    delivery->queue_name,
	    attempt,
	    at,
	    delivery_outcome_format(delivery->outcome),
	    status,
	    duration,
	    delivery->error != NULL ? delivery->error : delivery->answer,
	};
	output_table_add(context, cells);
	return 0;
}

/* Attempts of all queues unless one is named. */
int cmd_delivery_list(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"ENTRY", OUTPUT_RIGHT, false},   {"QUEUE", OUTPUT_NAME, false},
	    {"ATTEMPT", OUTPUT_RIGHT, false}, {"AT", OUTPUT_LEFT, false},
	    {"OUTCOME", OUTPUT_LEFT, false},  {"STATUS", OUTPUT_RIGHT, false},
	    {"TIME", OUTPUT_RIGHT, false},    {"ANSWER", OUTPUT_CUT, false},
	};
	struct delivery_filter filter = {.newest_first = invocation_flag(invocation, "newest")};
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (invocation_number(invocation, "limit", 1, &filter.limit, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (invocation->argument_count > 0 &&
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	filter.queue_id = queue != NULL ? queue->id : 0;
	struct output_table *table =
	    invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns));
	const int failed = delivery_list(
	    store, &filter, table != NULL ? cmd_delivery_row : cmd_delivery_json, table, err);
	if (table != NULL)
		output_table_print_or(table, failed == 0 ? "no attempts are noted" : NULL);
	return failed;
}

/* An attempt in full: the answer may have many lines. `context` is how many there were. */
static int cmd_delivery_print(const struct delivery *delivery, void *context)
{
	(*(int *)context)++;
	char at[CLOCK_TEXT_SIZE];
	output_time_s(delivery->at_ms / 1000, at);
	char status[32] = "";
	if (delivery->status != 0)
		g_snprintf(status, sizeof status, "  status %d", (int)delivery->status);
	output_line("attempt %d  %s  %s  %" PRId64 " ms%s", (int)delivery->attempt, at,
		    delivery_outcome_format(delivery->outcome), delivery->duration_ms, status);
	if (delivery->error != NULL)
		output_line("%s", delivery->error);
	if (delivery->answer != NULL && *delivery->answer != '\0')
		output_line("answer:");
	output_text(delivery->answer);
	return 0;
}

/* An entry that does not exist is an error; that one has no attempts is told to a person alone. */
int cmd_delivery_show(const struct invocation *invocation, struct error *err)
{
	struct delivery_filter filter = {0};
	int shown = 0;
	scoped(store_close) struct store *store = NULL;
	scoped(entry_free) struct entry *entry = NULL;
	if (invocation_entry_id(invocation, 0, &filter.entry_id, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (entry_find(store, filter.entry_id, &entry, err) != 0 ||
	    delivery_list(store, &filter, invocation->json ? cmd_delivery_json : cmd_delivery_print,
			  &shown, err) != 0)
		return -1;
	if (shown == 0 && !invocation->json)
		output_say_to_person("no attempts are noted");
	return 0;
}
