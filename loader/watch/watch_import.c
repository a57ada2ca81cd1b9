/*
 * Imports what has come into a queue's folder, waits for more, and imports that. Files that cannot
 * be read stop nothing; whatever else goes wrong ends the loop, and the next one begins with a look
 * at the whole folder.
 */
#include "loader/watch/watch_internal.h"

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/base/service.h"
#include "loader/imap/names/connection_string.h"
#include "loader/load/load.h"
#include "loader/watch/watch_wait_internal.h"
#include "queue/queue_health.h"

#include <glib.h>
#include <poll.h>

struct watch_import {
	const struct work_queue *queue;
	const struct watch_options *options;
	const struct watch_import_report *report;
	const struct connection_string *definition;
	struct watch_folder *folder;
	uint64_t losses; /* that were told */
	int wake;
};

/* The supervisor kills a process that says nothing for long. */
static void watch_import_progress(uint64_t done, uint64_t size_bytes, void *context)
{
	const struct watch_import *job = context;
	(void)done;
	(void)size_bytes;
	job->report->alive(job->report->context);
}

static void watch_import_noted(const char *words, void *context)
{
	const struct watch_import *job = context;
	job->report->incomplete(words, job->report->context);
}

/* Runs that found nothing would fill the log. */
static void watch_import_log(const struct watch_import *job, const struct import_result *result,
			     int64_t began_ms)
{
	bool idle = result->loaded + result->bad + result->skipped + result->refused == 0;
	log_event(
	    idle ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "run", log_text("queue", job->queue->name),
	    log_text("folder", watch_folder_path(job->folder)),
	    log_number("loaded", (int64_t)result->loaded), log_number("bad", (int64_t)result->bad),
	    log_number("skipped", (int64_t)result->skipped),
	    log_number("refused", (int64_t)result->refused),
	    log_number("known", (int64_t)result->known),
	    log_number("size", (int64_t)result->size_bytes),
	    log_number("duration_ms", clock_monotonic_ms() - began_ms));
}

/* In the queue's row, as a load does it. */
static int watch_import_note(const struct watch_import *job, struct store *store,
			     const struct import_result *result, int64_t began_ms,
			     const struct error *fault, struct error *err)
{
	const struct load_result done = {.loaded = result->loaded,
					 .bad = result->bad,
					 .not_collected = -1,
					 .began_ms = began_ms};
	const struct run run = {.queue_id = job->queue->id,
				.began_ms = began_ms,
				.ended_ms = clock_now_ms(),
				.loaded = result->loaded,
				.bad = result->bad};
	if (fault != NULL)
		return worker_note_failure(store, job->queue, &done, fault, err);
	if (run_note(store, &run, err) != 0)
		return -1;
	g_autofree char *items = load_format_items(result->loaded + result->bad, result->bad,
						   result->skipped, result->refused);
	g_autofree char *message = g_strdup_printf("OK; %s.", items);
	return work_queue_note_action(store, job->queue->id, message, -1, run.ended_ms, err);
}

/* What has arrived is forgotten once it is through. */
static int watch_import_look(struct watch_import *job, struct error *err)
{
	const struct import_options options = {.database = job->options->database,
					       .archive = job->definition->archive_folder,
					       .failed = job->definition->failed_folder,
					       .jobs = IMPORT_JOBS,
					       .found = true,
					       .progress = watch_import_progress,
					       .noted = watch_import_noted,
					       .context = job};
	scoped(store_close) struct store *store = NULL;
	struct import_result result = {0};
	struct error fault;
	size_t count;
	const int64_t started_ms = clock_now_ms();
	int64_t began_ms = clock_monotonic_ms();
	char *const *paths = watch_folder_arrived(job->folder, &count);
	if (store_open(job->options->database, STORE_WRITE, &store, err) != 0)
		return -1;
	int failed = import_run(store, job->queue, paths, count, &options, &result, &fault);
	if (failed != 0 && fault.reason == REASON_BUSY) {
		job->report->busy(job->report->context);
		watch_wait_sleep(job->wake, WATCH_BUSY_MS);
		return 0;
	}
	if (failed != 0 && !result.went_through) {
		*err = fault;
		return -1;
	}
	if (failed != 0 && !stop_requested())
		job->report->incomplete(fault.text, job->report->context);
	watch_folder_forget(job->folder);
	watch_import_log(job, &result, began_ms);
	job->report->looked(&result, job->report->context);
	return watch_import_note(job, store, &result, started_ms, failed != 0 ? &fault : NULL, err);
}

/* A stop that came before the poll has no descriptor: it is asked for. */
static void watch_import_wait(const struct watch_import *job)
{
	struct pollfd waits[] = {{.fd = watch_folder_descriptor(job->folder), .events = POLLIN},
				 {.fd = job->wake, .events = POLLIN}};
	job->report->waiting(job->options->renew_ms, job->report->context);
	if (!stop_requested())
		poll(waits, G_N_ELEMENTS(waits), (int)MIN(job->options->renew_ms, INT32_MAX));
}

/* The kernel has room for so many events (inotify(7), IN_Q_OVERFLOW): told once each time. */
static void watch_import_tell_losses(struct watch_import *job)
{
	uint64_t losses = watch_folder_losses(job->folder);
	if (losses != job->losses)
		log_event(LOG_LEVEL_NOTICE, "events_lost", log_text("queue", job->queue->name),
			  log_text("folder", watch_folder_path(job->folder)),
			  log_text("advice", "nothing is missed: the whole folder is looked at"));
	job->losses = losses;
}

/* Events are taken before each look, so that none of them wakes it twice. */
static int watch_import_watch(struct watch_import *job, struct error *err)
{
	while (!stop_requested()) {
		size_t count;
		if (watch_folder_take(job->folder, err) != 0)
			return -1;
		watch_import_tell_losses(job);
		watch_folder_arrived(job->folder, &count);
		if (count == 0)
			watch_import_wait(job);
		else if (watch_import_look(job, err) != 0)
			return -1;
	}
	return 0;
}

/* A connection string that cannot be read is told of elsewhere. */
bool watch_import_is_wanted(const struct work_queue *queue)
{
	struct connection_string *definition;
	struct error ignored;
	if (work_queue_has_mailbox(queue) ||
	    connection_string_parse_local(queue->connection_string, &definition, &ignored) != 0)
		return false;
	bool wanted = definition->watch_folder != NULL;
	connection_string_free(definition);
	return wanted;
}

/* The folder is watched before the first look, which is at the folder as a whole. */
int watch_import(const struct work_queue *queue, const struct watch_options *options, int wake,
		 const struct watch_import_report *report, struct error *err)
{
	scoped(connection_string_free) struct connection_string *definition = NULL;
	scoped(watch_folder_close) struct watch_folder *folder = NULL;
	if (connection_string_parse_local(queue->connection_string, &definition, err) != 0 ||
	    watch_folder_open(definition->watch_folder, definition->archive_folder,
			      definition->failed_folder, &folder, err) != 0)
		return -1;
	struct watch_import job = {.queue = queue,
				   .options = options,
				   .report = report,
				   .definition = definition,
				   .folder = folder,
				   .wake = wake};
	return watch_import_watch(&job, err);
}
