/* `load` and `deliver`, queue by queue, and `watch`, which does both for as long as it is told. */
#include "loader/cli/run/run_internal.h"

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/base/service.h"
#include "loader/cli/frame/output.h"
#include "loader/deliver/deliver.h"
#include "loader/imap/session/session.h"
#include "loader/load/load.h"
#include "loader/watch/watch.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Does one queue of a run. */
typedef int cmd_load_one(const struct invocation *invocation, struct store *store, const char *name,
			 uint64_t limit, struct error *err);

/* The failure of one queue never stops another: each is said at once, and the first one decides the
 * exit status. */
static int cmd_load_each(const struct invocation *invocation, struct store *store,
			 char *const *names, uint64_t limit, cmd_load_one *one, struct error *err)
{
	int failed = 0;
	for (; *names != NULL && !stop_requested(); names++) {
		struct error own;
		if (one(invocation, store, *names, limit, &own) == 0)
			continue;
		if (failed != 0)
			output_say("%s", own.text);
		else
			*err = own;
		failed = -1;
	}
	return failed;
}

/* ---- load ---- */

/* A queue that is paused can still be loaded by its name. */
static bool cmd_load_wants(const struct work_queue *queue)
{
	return !queue->paused && work_queue_has_mailbox(queue);
}

/* A queue that is named alone is found by its worker: reading the database here, too, would take
 * a tenth of a run that finds nothing new. */
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

/* What the callbacks of a run need to name and draw it. */
struct cmd_load_view {
	const char *queue_name;
	bool json;
	struct progress progress;
};

/* Each step is printed as it is planned, because the plan may need the server. */
static void cmd_load_plan(const char *step, void *context)
{
	const struct cmd_load_view *view = context;
	if (view->json)
		output_json_print(json_pack("{s:s, s:s}", "queue", view->queue_name, "step", step));
	else
		output_line("%s: %s", view->queue_name, step);
}

/* The worker reports this from its own process; the bar is drawn here, where the terminal is. */
static void cmd_load_progress(const struct load_progress *progress, void *context)
{
	struct cmd_load_view *view = context;
	if (progress->ended)
		progress_clear(&view->progress);
	else
		progress_show(&view->progress, progress->done, progress->total,
			      progress->size_bytes);
}

/* The run goes on, but a person should know this. */
static void cmd_load_noted(const char *words, void *context)
{
	const struct cmd_load_view *view = context;
	output_say("load '%s': %s", view->queue_name, words);
}

/* A number that is 0 is left out. */
static void cmd_load_print(const char *queue_name, const struct load_result *result)
{
	g_autoptr(GString) words = g_string_new(NULL);
	if (result->bad > 0)
		g_string_append_printf(words, ", %" PRIu64 " bad", result->bad);
	if (result->finished > 0)
		g_string_append_printf(words, ", %" PRIu64 " of an earlier run finished",
				       result->finished);
	if (result->not_collected > 0)
		g_string_append_printf(words, ", %" PRId64 " still waiting", result->not_collected);
	output_line("%s: %" PRIu64 " loaded%s", queue_name, result->loaded, words->str);
}

/* A run that failed has a result: some messages may have been loaded before the error. */
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

/* A dry run prints its plan and nothing else. */
static int cmd_load_queue(const struct invocation *invocation, struct store *store,
			  const char *name, uint64_t limit, struct error *err)
{
	(void)store; /* the worker opens its own */
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
		output_say("load '%s': the worker died %u times and was started again", name,
			   result.worker_deaths);
	if (invocation->json)
		cmd_load_print_json(name, &result, failed != 0 ? err->text : NULL);
	else if (isatty(STDOUT_FILENO) && failed == 0)
		cmd_load_print(name, &result);
	return failed;
}

/* Takes one queue after the other. Each has a worker process of its own, so that what kills the
 * worker of one queue leaves the others alone. */
int cmd_load(const struct invocation *invocation, struct error *err)
{
	uint64_t limit;
	g_auto(GStrv) names = NULL;
	if (invocation_number(invocation, "limit", 1, &limit, err) != 0 ||
	    cmd_load_list(invocation, &names, err) != 0)
		return -1;
	return cmd_load_each(invocation, NULL, names, limit, cmd_load_queue, err);
}

/* ---- watch ---- */

/* Servers may close a connection that has been in IDLE for half an hour (RFC 2177). */
enum { CMD_WATCH_RENEW_MAX_MS = 25 * 60 * 1000 };

/* The log opens before the database, so that whatever happens from then on is an event. */
static int cmd_watch_open_log(const struct invocation *invocation, struct error *err)
{
	const char *level_text = invocation_value(invocation, "log-level");
	const char *format_text = invocation_text(invocation, "log-format");
	const char *imap = invocation_text(invocation, "log-imap");
	enum log_level level;
	enum log_format format = invocation->json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	if (log_level_parse(level_text, &level) != 0)
		return error_set(err, ERROR_USAGE,
				 "--log-level takes error, warning, notice, info or debug");
	if (format_text != NULL && log_format_parse(format_text, &format) != 0)
		return error_set(err, ERROR_USAGE, "--log-format takes text or json");
	if (imap != NULL && imapc_log_to(imap, err) != 0)
		return error_prefix(err, "--log-imap");
	log_open(format, level);
	return 0;
}

/* A misspelt name is better said now than never watched. */
static int cmd_watch_check_names(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	for (size_t i = 0; i < invocation->argument_count; i++) {
		scoped(work_queue_free) struct work_queue *queue = NULL;
		if (invocation_find_queue(invocation, store, i, &queue, err) != 0)
			return -1;
	}
	return 0;
}

/* The limits of --renew come from the servers, not from us. */
static int cmd_watch_options(const struct invocation *invocation, struct watch_options *options,
			     struct error *err)
{
	if (invocation_number(invocation, "limit", 1, &options->run_limit, err) != 0 ||
	    invocation_duration(invocation, "renew", 1, &options->renew_ms, err) != 0 ||
	    invocation_duration(invocation, "retry", 1, &options->retry_ms, err) != 0)
		return -1;
	if (options->renew_ms > CMD_WATCH_RENEW_MAX_MS)
		return error_set(err, ERROR_USAGE,
				 "--renew takes at most 25m: servers close connections that are "
				 "silent for longer");
	return 0;
}

/* HUP and USR1 mean something to watch_run() only; before it and after it they must not end the
 * process. */
static void cmd_watch_ignore_signals(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
}

/* Checks everything that a person may have mistyped before the service begins. */
int cmd_watch(const struct invocation *invocation, struct error *err)
{
	cmd_watch_ignore_signals();
	struct watch_options options = {.database = invocation->database,
					.names = invocation->arguments,
					.name_count = invocation->argument_count};
	if (cmd_watch_options(invocation, &options, err) != 0 ||
	    cmd_watch_open_log(invocation, err) != 0 || cmd_watch_check_names(invocation, err) != 0)
		return -1;
	return watch_run(&options, err);
}

/* ---- deliver ---- */

/* Only queues that have a target: all others are for workers who claim. */
static bool cmd_deliver_wants(const struct work_queue *queue)
{
	return !queue->paused && queue->target.url != NULL;
}

/* Says what the run has ended with; entries that are tried again are in the error. */
static void cmd_deliver_print(const char *name, const struct deliver_result *result)
{
	char rejected[40] = "";
	if (result->counts[DELIVERY_REJECTED] > 0)
		g_snprintf(rejected, sizeof rejected, ", %" PRIu64 " rejected",
			   result->counts[DELIVERY_REJECTED]);
	output_line("%s: %" PRIu64 " delivered%s", name, result->counts[DELIVERY_DELIVERED],
		    rejected);
}

/* Each outcome is a number of its own; the error is what the exit status stands for. */
static void cmd_deliver_print_json(const char *name, const struct deliver_result *result,
				   const char *failure)
{
	json_t *object = json_pack("{s:s}", "queue", name);
	for (enum delivery_outcome i = 0; i < DELIVERY_OUTCOMES; i++)
		json_object_set_new(object, delivery_outcome_format(i),
				    json_integer((json_int_t)result->counts[i]));
	json_object_set_new(object, "given_up", json_integer((json_int_t)result->given_up));
	json_object_set_new(object, "stopped", json_boolean(result->stopped));
	json_object_set_new(object, "error", output_json_text(failure));
	output_json_print(object);
}

/* A rejected entry is a decision of the target. An entry that is to be tried again is an error
 * of the run, so that cron tells somebody. */
static int cmd_deliver_sum_up(const struct deliver_result *result, struct error *err)
{
	const uint64_t failed =
	    result->counts[DELIVERY_RETRY] + result->counts[DELIVERY_UNREACHABLE];
	if (result->stopped)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "delivery has stopped, nothing is lost: the target answered 401, 403, "
		    "404 or 410 to %d entries in a row; correct URL or credentials with "
		    "`inqueue queue alter`, or go on with `inqueue queue resume`",
		    DELIVERY_REFUSED_MAX);
	if (failed == 0)
		return 0;
	*err = result->last;
	if (result->given_up == 0)
		return error_prefix(err, "%" PRIu64 " not delivered, to be tried again", failed);
	return error_prefix(err, "%" PRIu64 " not delivered, %" PRIu64 " of them for the last time",
			    failed, result->given_up);
}

/* The result of a run that failed is printed as JSON, too: some entries may have been delivered. */
static int cmd_deliver_queue(const struct invocation *invocation, struct store *store,
			     const char *name, uint64_t limit, struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	struct deliver_result result = {.last = {.kind = ERROR_NONE}};
	if (work_queue_find(store, name, &queue, err) != 0)
		return -1;
	int failed = deliver_run(store, queue, limit, &result, err);
	if (failed == 0)
		failed = cmd_deliver_sum_up(&result, err);
	if (failed != 0)
		error_put_before(err, "deliver '%s'", name);
	if (invocation->json)
		cmd_deliver_print_json(name, &result, failed != 0 ? err->text : NULL);
	else if (isatty(STDOUT_FILENO) && failed == 0)
		cmd_deliver_print(name, &result);
	return failed;
}

/* Prints the trace also when the target has refused the sample: that is what it is for. */
static int cmd_deliver_sample(const struct invocation *invocation, struct store *store,
			      const char *name, uint64_t limit, struct error *err)
{
	(void)limit; /* one post shows it */
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (work_queue_find(store, name, &queue, err) != 0)
		return -1;
	g_autofree char *trace = NULL;
	const int failed = deliver_test(queue, &trace, err);
	if (invocation->json)
		output_json_print(json_pack("{s:s, s:s?, s:s?}", "queue", name, "trace", trace,
					    "error", failed != 0 ? err->text : NULL));
	else
		output_text(trace);
	return failed != 0 ? error_prefix(err, "deliver '%s'", name) : 0;
}

/* A queue that is not there is named later. */
static int cmd_deliver_confine(const struct invocation *invocation, struct store *store,
			       char *const *names, struct error *err)
{
	struct error ignored;
	for (; *names != NULL; names++) {
		scoped(work_queue_free) struct work_queue *queue = NULL;
		if (work_queue_find(store, *names, &queue, &ignored) == 0 &&
		    deliver_runs_commands(queue))
			return 0;
	}
	return deliver_confine(invocation->database, err);
}

/* The queues are named, or all that have a target and are not paused. */
int cmd_deliver(const struct invocation *invocation, struct error *err)
{
	uint64_t limit;
	scoped(store_close) struct store *store = NULL;
	g_auto(GStrv) names = NULL;
	if (invocation_number(invocation, "limit", 1, &limit, err) != 0 ||
	    invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    invocation_list_queues(invocation, store, cmd_deliver_wants, &names, err) != 0 ||
	    cmd_deliver_confine(invocation, store, names, err) != 0)
		return -1;
	return cmd_load_each(
	    invocation, store, names, limit,
	    invocation_flag(invocation, "test") ? cmd_deliver_sample : cmd_deliver_queue, err);
}
