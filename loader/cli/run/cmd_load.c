#include "loader/cli/frame/command.h"

#include "loader/base/stop.h"
#include "loader/cli/frame/output.h"
#include "loader/cli/frame/progress.h"
#include "loader/load/worker.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool cmd_load_wants(const struct work_queue *queue)
{
	return !queue->paused;
}

/* A queue that is named alone is found by its worker: to read the database here, too, would take a
 * tenth of a run that finds nothing new. */
static int cmd_load_list(const struct invocation *invocation, char ***ret_names, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	if (invocation->argument_count == 1) {
		*ret_names = g_strdupv((char *[]){invocation->arguments[0], NULL});
		return 0;
	}
	if (invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	return invocation_list_queues(invocation, store, cmd_load_wants, ret_names, err);
}

struct cmd_load_view {
	const char *queue_name;
	bool json;
	struct progress progress;
};

static void cmd_load_plan(const char *step, void *context)
{
	const struct cmd_load_view *view = context;
	if (view->json)
		output_json_print(json_pack("{s:s, s:s}", "queue", view->queue_name, "step", step));
	else
		printf("%s: %s\n", view->queue_name, step);
}

static void cmd_load_progress(const struct load_progress *progress, void *context)
{
	struct cmd_load_view *view = context;
	if (progress->ended)
		progress_clear(&view->progress);
	else
		progress_show(&view->progress, progress->done, progress->total,
			      progress->size_bytes);
}

static void cmd_load_noted(const char *words, void *context)
{
	const struct cmd_load_view *view = context;
	fprintf(stderr, "inqueue: load '%s': %s\n", view->queue_name, words);
}

static void cmd_load_print(const char *queue_name, const struct load_result *result)
{
	printf("%s: %" PRIu64 " loaded", queue_name, result->loaded);
	if (result->bad > 0)
		printf(", %" PRIu64 " bad", result->bad);
	if (result->finished > 0)
		printf(", %" PRIu64 " of an earlier run finished", result->finished);
	if (result->not_collected > 0)
		printf(", %" PRId64 " still waiting", result->not_collected);
	printf("\n");
}

static void cmd_load_print_json(const char *queue_name, const struct load_result *result,
				const char *failure)
{
	output_json_print(json_pack(
	    "{s:s, s:I, s:I, s:I, s:I, s:o, s:s?}", "queue", queue_name, "loaded",
	    (json_int_t)result->loaded, "bad", (json_int_t)result->bad, "finished",
	    (json_int_t)result->finished, "size_bytes", (json_int_t)result->size_bytes,
	    "not_collected",
	    result->not_collected >= 0 ? json_integer(result->not_collected) : json_null(), "error",
	    failure));
}

static int cmd_load_queue(const struct invocation *invocation, const char *name, uint64_t limit,
			  struct error *err)
{
	struct cmd_load_view view = {
	    .queue_name = name, .json = invocation->json, .progress = {.label = name}};
	struct load_options options = {.database = invocation->database,
				       .limit = limit,
				       .dry_run = invocation_flag(invocation, "dry-run"),
				       .plan = cmd_load_plan,
				       .progress = cmd_load_progress,
				       .noted = cmd_load_noted,
				       .context = &view};
	struct load_result result;
	int failed = worker_load(name, &options, &result, err);
	if (options.dry_run)
		return failed;
	if (failed == 0 && result.worker_deaths > 0)
		fprintf(stderr,
			"inqueue: load '%s': the worker died %u times and was started again\n",
			name, result.worker_deaths);
	if (invocation->json)
		cmd_load_print_json(name, &result, failed != 0 ? err->text : NULL);
	else if (isatty(STDOUT_FILENO) && failed == 0)
		cmd_load_print(name, &result);
	return failed;
}

/* One queue's failure never stops another's: each is said at once, and the first decides the exit
 * status. */
static int cmd_load_all(const struct invocation *invocation, char *const *names, uint64_t limit,
			struct error *err)
{
	int failed = 0;
	for (; *names != NULL && !stop_requested(); names++) {
		struct error own;
		if (cmd_load_queue(invocation, *names, limit, &own) == 0)
			continue;
		if (failed != 0)
			fprintf(stderr, "inqueue: %s\n", own.text);
		else
			*err = own;
		failed = -1;
	}
	return failed;
}

int cmd_load(const struct invocation *invocation, struct error *err)
{
	uint64_t limit;
	g_auto(GStrv) names = NULL;
	if (invocation_number(invocation, "limit", 1, 0, &limit, err) != 0 ||
	    cmd_load_list(invocation, &names, err) != 0)
		return -1;
	return cmd_load_all(invocation, names, limit, err);
}
