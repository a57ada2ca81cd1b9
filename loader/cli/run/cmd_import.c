/* `import`: mail in files becomes entries of a queue. */
#include "loader/cli/run/run_internal.h"

#include "loader/base/service.h"
#include "loader/cli/frame/output.h"
#include "loader/import/import.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* What the callbacks print to: people get words and a bar, programs JSON. */
struct cmd_import_view {
	const char *queue_name;
	bool json;
	struct progress progress;
};

/* --dry-run: a step is a sentence in both forms, since no program acts on it. */
static void cmd_import_plan(const char *step, void *context)
{
	const struct cmd_import_view *view = context;
	if (view->json)
		output_json_print(json_pack("{s:s, s:o}", "queue", view->queue_name, "step",
					    output_json_text(step)));
	else
		output_line("%s: %s", view->queue_name, step);
}

/* How many messages there are is known at the end only (a tar on standard input has no table): the bar shows no
 * total. */
static void cmd_import_progress(uint64_t done, uint64_t size_bytes, void *context)
{
	struct cmd_import_view *view = context;
	progress_show(&view->progress, done, 0, size_bytes);
}

/* A file that is passed over is named at once: the import goes on for long. */
static void cmd_import_noted(const char *words, void *context)
{
	struct cmd_import_view *view = context;
	progress_clear(&view->progress);
	output_say("import '%s': %s", view->queue_name, words);
}

/* A number that is 0 is left out. */
static void cmd_import_print(const char *queue_name, const struct import_result *result)
{
	g_autoptr(GString) words = g_string_new(NULL);
	if (result->bad > 0)
		g_string_append_printf(words, ", %" PRIu64 " bad", result->bad);
	if (result->skipped > 0)
		g_string_append_printf(words, ", %" PRIu64 " skipped by rules", result->skipped);
	if (result->refused > 0)
		g_string_append_printf(words, ", %" PRIu64 " refused", result->refused);
	if (result->known > 0)
		g_string_append_printf(words, ", %" PRIu64 " known already", result->known);
	output_line("%s: %" PRIu64 " imported%s", queue_name, result->loaded, words->str);
}

/* All numbers, also those that are 0, so that a program need not ask for each. */
static void cmd_import_print_json(const char *queue_name, const struct import_result *result,
				  const char *failure)
{
	output_json_print(json_pack(
	    "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "queue", queue_name, "imported",
	    (json_int_t)result->loaded, "bad", (json_int_t)result->bad, "skipped",
	    (json_int_t)result->skipped, "refused", (json_int_t)result->refused, "known",
	    (json_int_t)result->known, "size_bytes", (json_int_t)result->size_bytes, "faults",
	    (json_int_t)result->faults, "error", output_json_text(failure)));
}

/* A script that wants words asks for JSON; for a person silence would look like nothing was done. */
static int cmd_import_queue(const struct invocation *invocation, struct store *store,
			    const struct work_queue *queue, const struct import_options *options,
			    struct cmd_import_view *view, struct error *err)
{
	struct import_result result;
	int failed = import_run(store, queue, invocation->arguments + 1,
				invocation->argument_count - 1, options, &result, err);
	progress_clear(&view->progress);
	if (failed != 0)
		error_put_before(err, "import '%s'", queue->name);
	if (options->dry_run)
		return failed;
	if (invocation->json)
		cmd_import_print_json(queue->name, &result, failed != 0 ? err->text : NULL);
	else if (isatty(STDOUT_FILENO) && failed == 0)
		cmd_import_print(queue->name, &result);
	return failed;
}

/* Each job is a parser, a process of its own: a number typed wrongly must not start thousands. */
enum { CMD_IMPORT_JOBS_MAX = 64 };

static int cmd_import_jobs(const struct invocation *invocation, unsigned *ret_jobs,
			   struct error *err)
{
	uint64_t jobs;
	if (invocation_number(invocation, "jobs", 1, &jobs, err) != 0)
		return -1;
	if (jobs > CMD_IMPORT_JOBS_MAX)
		return error_set(err, ERROR_USAGE, "--jobs takes at most %d",
				 (int)CMD_IMPORT_JOBS_MAX);
	*ret_jobs = (unsigned)jobs;
	return 0;
}

/* Order: options, database and queue are found wrong before a file is opened; a dry run reads the database alone. */
int cmd_import(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	struct cmd_import_view view = {.json = invocation->json};
	struct import_options options = {.database = invocation->database,
					 .archive = invocation_text(invocation, "archive"),
					 .failed = invocation_text(invocation, "failed"),
					 .dry_run = invocation_flag(invocation, "dry-run"),
					 .plan = cmd_import_plan,
					 .progress = cmd_import_progress,
					 .noted = cmd_import_noted,
					 .context = &view};
	if (invocation_number(invocation, "limit", 1, &options.limit, err) != 0 ||
	    cmd_import_jobs(invocation, &options.jobs, err) != 0 ||
	    invocation_open(invocation, options.dry_run ? STORE_READ : STORE_WRITE, &store, err) !=
		0 ||
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	view.queue_name = queue->name;
	view.progress.label = queue->name;
	/* From here on TERM and INT are wishes: what is in hand is committed first. */
	stop_install();
	return cmd_import_queue(invocation, store, queue, &options, &view, err);
}
