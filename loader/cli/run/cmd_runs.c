/* `runs`: what the runs of queues have done, a row each, and below it why one has failed. */
#include "loader/cli/run/run_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"
#include "queue/queue_health.h"

#include <glib.h>
#include <inttypes.h>

/* Always all keys: "error" is null where the run went well. */
static int cmd_runs_json(const struct run *run, void *context)
{
	(void)context;
	output_json_print(json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:o}", "queue", run->queue_name,
				    "began_at", output_json_time_ms(run->began_ms), "ended_at",
				    output_json_time_ms(run->ended_ms), "loaded",
				    (json_int_t)run->loaded, "moved", (json_int_t)run->moved, "bad",
				    (json_int_t)run->bad, "error", output_json_text(run->error)));
	return 0;
}

/* A bad entry is bad news: 0 is left out. */
static int cmd_runs_row(const struct run *run, void *context)
{
	char began[CLOCK_TEXT_SIZE];
	char took[DURATION_TEXT_SIZE];
	char loaded[24];
	char moved[24];
	char bad[24] = "";
	output_time_s(run->began_ms / 1000, began);
	duration_format(MAX(run->ended_ms - run->began_ms, 0), took);
	g_snprintf(loaded, sizeof loaded, "%" PRIu64, run->loaded);
	g_snprintf(moved, sizeof moved, "%" PRIu64, run->moved);
	if (run->bad > 0)
		g_snprintf(bad, sizeof bad, "%" PRIu64, run->bad);
	const char *const cells[] = {began, run->queue_name, took, loaded, moved, bad};
	output_table_add(context, cells);
	if (run->error != NULL)
		output_table_note(context, run->error);
	return 0;
}

/* Rows are collected first, so that columns get their width; JSON is printed as it is read, however many runs
 * there are. */
int cmd_runs(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"BEGAN", OUTPUT_LEFT, false},  {"QUEUE", OUTPUT_NAME, false},
	    {"TOOK", OUTPUT_RIGHT, false},  {"LOADED", OUTPUT_RIGHT, false},
	    {"MOVED", OUTPUT_RIGHT, false}, {"BAD", OUTPUT_RIGHT, true},
	};
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	uint64_t limit;
	if (invocation_number(invocation, "limit", 1, &limit, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (invocation->argument_count > 0 &&
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	struct output_table *table =
	    invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns));
	const int failed =
	    run_list(store, queue != NULL ? queue->id : 0, invocation_flag(invocation, "newest"),
		     limit, table != NULL ? cmd_runs_row : cmd_runs_json, table, err);
	if (table != NULL)
		output_table_print_or(table, failed == 0 ? "no runs are noted" : NULL);
	return failed;
}
