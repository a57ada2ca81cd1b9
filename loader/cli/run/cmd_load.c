/* `load`, some queues at a time, and `watch`, which loads for as long as it is told. */
#include "loader/cli/run/run_internal.h"

#include "loader/base/children.h"
#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/cli/frame/output.h"
#include "loader/imap/session/session.h"
#include "loader/load/load.h"
#include "loader/watch/watch.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* How far the load of a queue is; the process that loads it writes it. */
struct cmd_load_count {
	uint64_t done, total, size_bytes;
	bool signed_in;
};

/* What the callbacks of a run need to name and draw it. */
struct cmd_load_view {
	const char *queue_name;
	bool json;
	struct progress progress;
	struct cmd_load_count *count; /* NULL: the bar is drawn where the queue is loaded */
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
	if (view->count != NULL)
		*view->count = (struct cmd_load_count){.done = progress->done,
						       .total = progress->total,
						       .size_bytes = progress->size_bytes,
						       .signed_in = true};
	else if (progress->ended)
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
	if (result->skipped > 0)
		g_string_append_printf(words, ", %" PRIu64 " skipped by rules", result->skipped);
	if (result->refused > 0)
		g_string_append_printf(words, ", %" PRIu64 " refused", result->refused);
	if (result->finished > 0)
		g_string_append_printf(words, ", %" PRIu64 " of an earlier run finished",
				       result->finished);
	if (result->not_collected > 0)
		g_string_append_printf(words, ", %" PRId64 " still waiting", result->not_collected);
	output_line("%s: %" PRIu64 " loaded%s", queue_name, result->loaded, words->str);
}

/* A run that failed has a result: some messages may have been loaded before the error. Where the
 * mailbox was not counted, nobody knows what waits there: that is null, and not 0. */
static void cmd_load_print_json(const char *queue_name, const struct load_result *result,
				const char *failure)
{
	output_json_print(json_pack(
	    "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:s?}", "queue", queue_name, "loaded",
	    (json_int_t)result->loaded, "bad", (json_int_t)result->bad, "skipped",
	    (json_int_t)result->skipped, "refused", (json_int_t)result->refused, "finished",
	    (json_int_t)result->finished, "size_bytes", (json_int_t)result->size_bytes,
	    "not_collected",
	    result->not_collected >= 0 ? json_integer(result->not_collected) : json_null(), "error",
	    failure));
}

/* What a run of `load` is told, and where it shows. */
struct cmd_load {
	const struct invocation *invocation;
	char *const *names;
	uint64_t limit;
	uint64_t memory_bytes; /* of one queue; 0 = as load.h says */
	bool on_terminal;      /* standard output is one */
	struct progress progress;
	struct cmd_load_count *counts; /* one for each name, in memory that all processes share */
	size_t ended;
	size_t count;
	int failed;
	struct error err;
};

/* A dry run prints its plan and nothing else. */
static int cmd_load_queue(const struct cmd_load *load, const char *name,
			  struct cmd_load_count *count, struct error *err)
{
	const bool json = load->invocation->json;
	struct cmd_load_view view = {
	    .queue_name = name, .json = json, .progress = {.label = name}, .count = count};
	struct load_options options = {.database = load->invocation->database,
				       .limit = load->limit,
				       .memory_bytes = load->memory_bytes,
				       .dry_run = invocation_flag(load->invocation, "dry-run"),
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
	if (json)
		cmd_load_print_json(name, &result, failed != 0 ? err->text : NULL);
	/* cron mails whatever a job prints: without a terminal a good run says nothing. */
	else if (load->on_terminal && failed == 0)
		cmd_load_print(name, &result);
	return failed;
}

/* Runs in the child that side_by_side_run() has forked: what it counts is written to memory that both share, all
 * else it holds dies with it. */
static int cmd_load_job(size_t number, void *context, struct error *err)
{
	const struct cmd_load *load = context;
	return cmd_load_queue(load, load->names[number], &load->counts[number], err);
}

/* The failure of one queue never stops another: each is said, and the first one decides the exit
 * status. */
static void cmd_load_ended(size_t number, const struct side_by_side_end *end, void *context)
{
	struct cmd_load *load = context;
	load->ended = number + 1;
	progress_clear(&load->progress);
	output_relay(end->printed, end->said);
	if (end->failed != 0 && load->failed != 0)
		output_say("%s", end->err.text);
	else if (end->failed != 0)
		load->err = end->err;
	load->failed = load->failed != 0 ? load->failed : end->failed;
}

/* One bar for the mail of all queues that have begun. The counts are read while other processes write them: a
 * number that is off for one tick harms nothing. */
static void cmd_load_tick(void *context)
{
	struct cmd_load *load = context;
	struct cmd_load_count sum = {0};
	g_autofree char *label =
	    g_strdup_printf("%zu of %zu queues, messages", load->ended, load->count);
	for (size_t i = 0; i < load->count; i++) {
		sum.done += load->counts[i].done;
		sum.total += load->counts[i].total;
		sum.size_bytes += load->counts[i].size_bytes;
	}
	load->progress.label = label;
	progress_show(&load->progress, sum.done, sum.total, sum.size_bytes);
}

/* A server that is dead, or slow to let somebody in, keeps nobody else waiting. */
static bool cmd_load_waits(size_t number, void *context)
{
	const struct cmd_load *load = context;
	return !load->counts[number].signed_in;
}

/* Without names a load of 200 queues takes as long as its slowest few, not as the sum: most of the time is waiting
 * for servers. */
static int cmd_load_side_by_side(struct cmd_load *load, uint64_t at_a_time, struct error *err)
{
	const size_t size = load->count * sizeof *load->counts;
	/* Each queue is loaded by a process of its own, and this one draws the bar: the counts
	 * lie where both see them. */
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return error_set(err, ERROR_IO, "load: no memory for %zu queues", load->count);
	load->counts = shared;
	/* More queues at a time need no more memory: each gets its share of what one run may have, with --jobs 4 a
	 * quarter. */
	load->memory_bytes = LOAD_MEMORY_BYTES / at_a_time;
	/* Once here, before the forks: each child would else set up curl and OpenSSL again. */
	imapc_prepare();
	side_by_side_run(&(struct side_by_side){.count = load->count,
						.at_a_time = at_a_time,
						.job = cmd_load_job,
						.ended = cmd_load_ended,
						.tick = cmd_load_tick,
						.waits = cmd_load_waits,
						.context = load});
	progress_clear(&load->progress);
	munmap(shared, size);
	*err = load->err;
	return load->failed;
}

/* Each job is a worker with its parser and its connection: a number typed wrongly must not start thousands. */
enum { CMD_LOAD_JOBS_MAX = 64 };

/* Each queue has a worker process of its own, so that what kills the worker of one queue leaves the
 * others alone; a queue that is alone is supervised by this process itself. */
int cmd_load(const struct invocation *invocation, struct error *err)
{
	uint64_t jobs;
	g_auto(GStrv) names = NULL;
	struct cmd_load load = {.invocation = invocation, .on_terminal = isatty(STDOUT_FILENO)};
	if (invocation_number(invocation, "limit", 1, &load.limit, err) != 0 ||
	    invocation_number(invocation, "jobs", 1, &jobs, err) != 0)
		return -1;
	if (jobs > CMD_LOAD_JOBS_MAX)
		return error_set(err, ERROR_USAGE, "--jobs takes at most %d",
				 (int)CMD_LOAD_JOBS_MAX);
	if (cmd_load_list(invocation, &names, err) != 0)
		return -1;
	load.names = names;
	load.count = g_strv_length(names);
	if (load.count == 1)
		return cmd_load_queue(&load, names[0], NULL, err);
	return load.count > 0 ? cmd_load_side_by_side(&load, jobs, err) : 0;
}

/* ---- watch ---- */

/* Servers may close a connection that has been in IDLE for half an hour (RFC 2177). */
enum { CMD_WATCH_RENEW_MAX_MS = 25 * 60 * 1000 };

/* The log opens before the database, so that whatever happens from then on is an event. */
static int cmd_watch_open_log(const struct invocation *invocation, struct error *err)
{
	const char *imap = invocation_text(invocation, "log-imap");
	if (imap != NULL && imapc_log_to(imap, err) != 0)
		return error_prefix(err, "--log-imap");
	return invocation_open_log(invocation, err);
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
