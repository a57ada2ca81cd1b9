/* The process that delivers one queue's entries: it runs deliver_run(), waits until something is
 * due or changes, and ends when the queue is not to be delivered any more. And the supervisor's
 * side of it. */
#include "loader/watch/watch_internal.h"

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/base/service.h"
#include "loader/deliver/deliver.h"
#include "loader/watch/watch_wait_internal.h"
#include "queue/base/scoped.h"
#include "queue/store.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* The process looks at the database at least this often. */
#define LOOK_MS INT64_C(300000)

static bool watch_deliver_is_meant(const struct work_queue *queue)
{
	return queue != NULL && !queue->paused && queue->target.url != NULL &&
	       queue->target.stopped == NULL;
}

/* ---- the process ---- */

static bool watch_deliver_has_answers(const struct deliver_result *result)
{
	uint64_t answers = 0;
	for (enum delivery_outcome i = 0; i < DELIVERY_OUTCOMES; i++)
		answers += result->counts[i];
	return answers > 0;
}

/* Says what a run came to, in one event; a run that had nothing to post says nothing. */
static void watch_deliver_log(const char *queue_name, const struct deliver_result *result)
{
	const uint64_t *counts = result->counts;
	const uint64_t failed = counts[DELIVERY_RETRY] + counts[DELIVERY_UNREACHABLE];
	if (!watch_deliver_has_answers(result))
		return;
	log_event(LOG_LEVEL_INFO, "delivered", log_text("queue", queue_name),
		  log_number("delivered", (int64_t)counts[DELIVERY_DELIVERED]),
		  log_number("rejected", (int64_t)counts[DELIVERY_REJECTED]),
		  log_number("later", (int64_t)(failed - result->given_up)),
		  log_number("given_up", (int64_t)result->given_up));
	if (result->last.kind != ERROR_NONE)
		log_event(LOG_LEVEL_WARNING, "not_delivered", log_text("queue", queue_name),
			  log_text("error", result->last.text));
	if (result->stopped)
		log_event(LOG_LEVEL_ERROR, "delivery_stopped", log_text("queue", queue_name),
			  log_text("advice", "correct the target, then `inqueue queue resume`"));
}

/* Waits until `wait_ms` have passed, something changes in the database (`watch` may be NULL), or
 * the end is wanted. */
static void watch_deliver_wait(struct store_watch *watch, int64_t wait_ms)
{
	struct pollfd polled[] = {
	    {.fd = stop_descriptor(), .events = POLLIN},
	    {.fd = watch != NULL ? store_watch_descriptor(watch) : -1, .events = POLLIN},
	};
	if (!stop_requested())
		poll(polled, G_N_ELEMENTS(polled), (int)CLAMP(wait_ms, 0, LOOK_MS));
}

/* A target that could not take a post is left alone for a while, and for as long as it has
 * asked. */
static void watch_deliver_pause(const struct deliver_result *result, int64_t pause_ms)
{
	if (result->counts[DELIVERY_RETRY] + result->counts[DELIVERY_UNREACHABLE] == 0)
		return;
	watch_deliver_wait(NULL, pause_ms);
	int64_t left_ms;
	while ((left_ms = result->pause_until_ms - clock_now_ms()) > 0 && !stop_requested())
		watch_deliver_wait(NULL, left_ms);
}

/* Forgets the changes so far first and looks for what is due then, so that no change is missed. */
static int watch_deliver_wait_for_work(struct store *store, int64_t queue_id,
				       struct store_watch *watch, struct error *err)
{
	int64_t due_ms;
	const int64_t now_ms = clock_now_ms();
	store_watch_clear(watch);
	const struct entry_wish any = {.queue_id = queue_id};
	if (entry_claim_due(store, &any, now_ms, &due_ms, err) != 0)
		return -1;
	malloc_trim(0);
	watch_deliver_wait(watch, due_ms == 0 ? LOOK_MS : due_ms - now_ms);
	return 0;
}

/* Reads the definition for each run: a target that was altered is posted to as it is now. */
static int watch_deliver_round(struct store *store, struct store_watch *watch, const char *database,
			       const char *queue_name, int bell, int64_t pause_ms, bool *ret_more,
			       struct error *err)
{
	struct deliver_result result;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (work_queue_find(store, queue_name, &queue, err) != 0)
		return -1;
	*ret_more = watch_deliver_is_meant(queue);
	if (!*ret_more)
		return 0;
	deliver_allow(queue);
	if (deliver_confine(database, err) != 0 || deliver_run(store, queue, 0, &result, err) != 0)
		return -1;
	watch_deliver_log(queue_name, &result);
	/* The loader's own looks change the database, too: without this condition the two
	 * processes would wake each other for ever. */
	if (watch_deliver_has_answers(&result))
		watch_bell_ring(bell);
	watch_deliver_pause(&result, pause_ms);
	return watch_deliver_wait_for_work(store, queue->id, watch, err);
}

/* Opens the database once: this process lives for as long as the queue has a target. */
static int watch_deliver_live(const char *queue_name, int bell, const struct watch_options *options,
			      struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(store_watch_close) struct store_watch *watch = NULL;
	if (store_open(options->database, STORE_WRITE, &store, err) != 0 ||
	    store_watch_open(store, &watch, err) != 0)
		return -1;
	for (bool more = true; more && !stop_requested();) {
		if (watch_deliver_round(store, watch, options->database, queue_name, bell,
					options->retry_ms, &more, err) != 0)
			return -1;
	}
	return 0;
}

/* The next process begins after a pause (watch_deliver_reaped()), so that an error that stays is logged once in
 * that time. */
static _Noreturn void watch_deliver_child(const char *queue_name, int bell,
					  const struct watch_options *options)
{
	struct error err;
	const int failed = watch_deliver_live(queue_name, bell, options, &err);
	if (failed != 0)
		log_event(LOG_LEVEL_WARNING, "not_delivered", log_text("queue", queue_name),
			  log_text("error", err.text));
	fflush(NULL);
	_exit(failed != 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---- the supervisor's side ---- */

/* TERM: the post at hand is finished, and its answer stored. */
void watch_deliver_end(const struct watch_deliver *deliver)
{
	if (deliver->process != 0)
		kill(deliver->process, SIGTERM);
}

/* A process that works by an older definition is told to end; the next one reads the new one. */
void watch_deliver_update(struct watch_deliver *deliver, const struct work_queue *definition,
			  bool altered)
{
	const bool wanted = watch_deliver_is_meant(definition);
	if (altered || (deliver->wanted && !wanted))
		watch_deliver_end(deliver);
	deliver->wanted = wanted;
	if (wanted && definition->on_delivery && deliver->bell < 0)
		deliver->bell = watch_bell_new();
}

/* The right to watch is the queue's, for loading and delivering together (watch_queue_claim()). */
void watch_deliver_start(struct watch_deliver *deliver, const char *queue_name,
			 const struct watch_options *options, int64_t now_ms)
{
	if (!deliver->wanted || deliver->process != 0 || deliver->start_ms > now_ms)
		return;
	const pid_t parent = getpid();
	fflush(NULL);
	const pid_t child = fork();
	if (child == 0) {
		watch_worker_prepare(parent);
		watch_deliver_child(queue_name, deliver->bell, options);
	}
	if (child > 0) {
		deliver->process = child;
		return;
	}
	deliver->start_ms = now_ms + options->retry_ms;
	log_event(LOG_LEVEL_ERROR, "not_delivered", log_text("queue", queue_name),
		  log_text("error", g_strerror(errno)));
}

void watch_deliver_reaped(struct watch_deliver *deliver, pid_t process, int status,
			  const struct watch_options *options, int64_t now_ms)
{
	if (deliver->process != process)
		return;
	const bool well = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
	deliver->process = 0;
	/* A good end needs a pause, too: the supervisor reads the definition that ended the
	 * process within a second. */
	deliver->start_ms = now_ms + (well ? 1000 : options->retry_ms);
}
