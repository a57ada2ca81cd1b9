/* The process that loads one queue's mail: signs in once, runs load_mailbox(), waits for mail,
 * and tells the supervisor at each step. It ends on the first error, which it tells last. */
#include "loader/watch/watch_internal.h"

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/base/service.h"
#include "loader/base/starter.h"
#include "loader/imap/wire/protocol_log.h"
#include "loader/load/load.h"
#include "loader/parse/parser.h"
#include "loader/parse/spool.h"
#include "loader/source/mailbox.h"
#include "loader/watch/watch_wait_internal.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

_Static_assert(sizeof(struct watch_message) <= PIPE_BUF, "a message is one write");

enum { WATCH_ALIVE_MS = 1000 }; /* between two signs of life */

/* The memory of one run: hundreds of queues may have much to load at the same time. */
#define WATCH_MEMORY_BYTES ((uint64_t)16 * 1024 * 1024)

struct watch_worker {
	const struct watch_options *options;
	struct load_position *position; /* shared with the supervisor */
	struct store *kept; /* for its files: each round opens one of its own (confine.h) */
	struct work_queue *queue;
	struct mailbox *mailbox;
	int pipe_end;
	int bell;	 /* there are answers to acknowledge; -1 = none */
	int wake;	 /* readable: the bell was rung, or the end is wanted */
	int64_t told_ms; /* monotonic: the last sign of life */
	int64_t began_ms;
	char *incomplete; /* what a run could not do, */
	char *noted;	  /* and what was noted: each is said once */
	struct watch_wait wait;
	struct watch_policy unsent; /* pauses between tries of what the server does not send */
	int64_t suspects_ms;	    /* monotonic: the next of them */
};

/* When nobody hears it, the supervisor is dead, and the signal that ends this process is on its
 * way. */
static void watch_worker_tell(struct watch_worker *worker, struct watch_message *message)
{
	worker->told_ms = clock_monotonic_ms();
	while (write(worker->pipe_end, message, sizeof *message) < 0 && errno == EINTR)
		;
}

static void watch_worker_tell_news(struct watch_worker *worker, enum watch_news news)
{
	struct watch_message message;
	memset(&message, 0, sizeof message);
	message.news = news;
	watch_worker_tell(worker, &message);
}

static void watch_worker_tell_looked(struct watch_worker *worker, const struct load_result *result)
{
	struct watch_message message;
	memset(&message, 0, sizeof message);
	message.news = WATCH_LOOKED;
	message.result = *result;
	watch_worker_tell(worker, &message);
}

/* Tells that it is alive, once a second at most. */
static void watch_worker_progress(const struct load_progress *progress, void *context)
{
	struct watch_worker *worker = context;
	(void)progress;
	if (clock_monotonic_ms() - worker->told_ms >= WATCH_ALIVE_MS)
		watch_worker_tell_news(worker, WATCH_ALIVE);
}

static void watch_worker_stored(const struct load_stored *stored, void *context)
{
	const struct watch_worker *worker = context;
	log_event(LOG_LEVEL_INFO, stored->bad ? "stored_bad" : "stored",
		  log_text("queue", worker->queue->name),
		  log_text("folder", worker->mailbox->server->mailbox),
		  log_number("uid", stored->uid), log_number("entry", stored->entry_id),
		  log_number("size", (int64_t)stored->size_bytes),
		  log_number("duration_ms", clock_monotonic_ms() - worker->began_ms));
}

/* The same words are logged once, not after each run. */
static void watch_worker_say(const struct watch_worker *worker, char **said, const char *event,
			     const char *words)
{
	if (g_strcmp0(*said, words) == 0)
		return;
	g_free(*said);
	*said = g_strdup(words);
	log_event(LOG_LEVEL_WARNING, event, log_text("queue", worker->queue->name),
		  log_text("error", words));
}

static void watch_worker_noted(const char *words, void *context)
{
	struct watch_worker *worker = context;
	watch_worker_say(worker, &worker->noted, "noted", words);
}

static void watch_worker_log_run(const struct watch_worker *worker,
				 const struct load_result *result)
{
	bool idle =
	    result->loaded + result->bad + result->skipped + result->refused + result->finished ==
	    0;
	log_event(
	    idle ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "run", log_text("queue", worker->queue->name),
	    log_text("folder", worker->mailbox->server->mailbox),
	    log_number("loaded", (int64_t)result->loaded), log_number("bad", (int64_t)result->bad),
	    log_number("skipped", (int64_t)result->skipped),
	    log_number("refused", (int64_t)result->refused),
	    log_number("finished", (int64_t)result->finished),
	    log_number("size", (int64_t)result->size_bytes),
	    log_number("waiting", result->not_collected),
	    log_number("duration_ms", clock_monotonic_ms() - worker->began_ms));
}

/* A message that the server does not send is tried again after a pause. */
static void watch_worker_bear_unsent(struct watch_worker *worker, const struct error *unsent)
{
	log_event(LOG_LEVEL_WARNING, "unsent", log_text("queue", worker->queue->name),
		  log_text("error", unsent->text));
	worker->suspects_ms = clock_monotonic_ms() +
			      watch_policy_pause_ms(&worker->unsent, unsent->kind, g_random_int());
}

/* Logs what is wrong with single messages; that does not keep the others waiting, and new mail
 * is loaded meanwhile. A connection that is lost is not borne. */
static int watch_worker_bear(struct watch_worker *worker, struct store *store,
			     const struct load_result *result, const struct error *failure)
{
	struct error ignored;
	if (!result->went_through || !imapc_is_alive(worker->mailbox->session))
		return -1;
	worker_note_failure(store, worker->queue, result, failure, &ignored);
	if (result->unsent.kind != ERROR_NONE)
		watch_worker_bear_unsent(worker, &result->unsent);
	if (strcmp(failure->text, result->unsent.text) != 0)
		watch_worker_say(worker, &worker->incomplete, "incomplete", failure->text);
	return 0;
}

/* 0 when the run went well, 1 when another process holds the queue. The store is open for the
 * run only: its cache would take more memory than all else that an idle worker has. */
static int watch_worker_look(struct watch_worker *worker, struct load_result *result,
			     struct error *err)
{
	const struct load_options options = {.database = worker->options->database,
					     .limit = worker->options->run_limit,
					     .memory_bytes = WATCH_MEMORY_BYTES,
					     .leave_suspects =
						 clock_monotonic_ms() < worker->suspects_ms,
					     .progress = watch_worker_progress,
					     .stored = watch_worker_stored,
					     .noted = watch_worker_noted,
					     .context = worker,
					     .position = worker->position};
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_unlock) struct work_queue_lock *lock = NULL;
	if (store_open(worker->options->database, STORE_WRITE, &store, err) != 0)
		return -1;
	if (work_queue_lock(store, worker->queue->id, &lock, err) != 0)
		return err->reason == REASON_BUSY ? 1 : -1;
	worker->began_ms = clock_monotonic_ms();
	watch_bell_clear(worker->bell);
	if (load_mailbox(store, worker->queue, worker->mailbox, &options, result, err) != 0) {
		if (watch_worker_bear(worker, store, result, err) != 0)
			return -1;
	} else if (!options.leave_suspects) {
		watch_policy_reset(&worker->unsent);
	}
	watch_worker_log_run(worker, result);
	return 0;
}

/* --- mail from files --------------------------------------------------- */

static void watch_worker_import_alive(void *context)
{
	watch_worker_progress(NULL, context);
}

static void watch_worker_import_busy(void *context)
{
	watch_worker_tell_news(context, WATCH_BUSY);
}

static void watch_worker_import_looked(const struct import_result *result, void *context)
{
	const struct load_result found = {.loaded = result->loaded, .bad = result->bad};
	watch_worker_tell_looked(context, &found);
}

static void watch_worker_import_incomplete(const char *words, void *context)
{
	struct watch_worker *worker = context;
	watch_worker_say(worker, &worker->incomplete, "incomplete", words);
}

/* Says how long it will be silent. */
static void watch_worker_tell_waiting(int64_t wait_ms, void *context)
{
	struct watch_worker *worker = context;
	struct watch_message message;
	memset(&message, 0, sizeof message);
	message.news = WATCH_WAITING;
	message.wait_ms = wait_ms;
	watch_worker_tell(worker, &message);
	/* Most queues wait most of the time, so what the run has freed goes back to the system. */
	malloc_trim(0);
}

/* One run, and then the wait for the next. Between them the connection is lent to queues that share it. */
static int watch_worker_round(struct watch_worker *worker, struct error *err)
{
	struct load_result result;
	int looked = watch_worker_look(worker, &result, err);
	if (looked < 0)
		return -1;
	if (looked > 0) {
		watch_worker_tell_news(worker, WATCH_BUSY);
		watch_wait_sleep(stop_descriptor(), WATCH_BUSY_MS);
		return 0;
	}
	watch_worker_tell_looked(worker, &result);
	/* More mail is there than one run takes: the next run follows at once. */
	if (stop_requested() || (result.not_collected > 0 &&
				 result.loaded + result.bad + result.skipped + result.refused > 0))
		return 0;
	worker->wait.at_most_ms = clock_left_ms(worker->suspects_ms);
	if (watch_wait_for_mail(&worker->wait, &result, worker->wake, err) != 0)
		return -1;
	return mailbox_take_turns(worker->mailbox, worker->queue, worker->options->database, err);
}

static int watch_worker_tell_started(struct watch_worker *worker, struct error *err)
{
	scoped(connection_string_free) struct connection_string *server = NULL;
	if (connection_string_parse(worker->queue->connection_string, &server, err) != 0)
		return -1;
	struct watch_message message;
	memset(&message, 0, sizeof message);
	message.news = WATCH_STARTED;
	message.command_ms = (int64_t)server->timeout_s * 1000;
	watch_worker_tell(worker, &message);
	return 0;
}

/* Rights are given up before the first byte of the server is read. */
static int watch_worker_sign_in(struct watch_worker *worker, struct error *err)
{
	if (watch_worker_tell_started(worker, err) != 0 ||
	    mailbox_confine(worker->queue, worker->options->database, err) != 0 ||
	    mailbox_open(worker->queue, worker->options->database, true, &worker->mailbox, err) !=
		0)
		return -1;
	watch_wait_init(&worker->wait, worker->mailbox, worker->options->renew_ms,
			watch_worker_tell_waiting, worker);
	watch_worker_tell_news(worker, WATCH_SIGNED_IN);
	return 0;
}

static int watch_worker_import(struct watch_worker *worker, struct error *err)
{
	const struct watch_import_report report = {.alive = watch_worker_import_alive,
						   .busy = watch_worker_import_busy,
						   .looked = watch_worker_import_looked,
						   .waiting = watch_worker_tell_waiting,
						   .incomplete = watch_worker_import_incomplete,
						   .context = worker};
	return watch_import(worker->queue, worker->options, worker->wake, &report, err);
}

static int watch_worker_watch(struct watch_worker *worker, struct error *err)
{
	if (!work_queue_has_mailbox(worker->queue))
		return watch_worker_import(worker, err);
	while (!stop_requested()) {
		if (watch_worker_round(worker, err) != 0)
			return -1;
	}
	return 0;
}

/* The outcome also goes into the queue's row; where that fails, too, the supervisor's log still
 * says it. */
static void watch_worker_note(const struct watch_worker *worker, const struct error *failure,
			      uint32_t *refusals)
{
	struct error err;
	scoped(store_close) struct store *store = NULL;
	if (worker->queue == NULL || failure->reason == REASON_TOKEN_EXPIRED ||
	    store_open(worker->options->database, STORE_WRITE, &store, &err) != 0)
		return;
	worker_note_failure(store, worker->queue, NULL, failure, &err);
	if (failure->reason == REASON_SIGN_IN &&
	    refusal_note(store, worker->queue, failure, refusals, &err) != 0)
		log_event(LOG_LEVEL_ERROR, "not_counted", log_text("queue", worker->queue->name),
			  log_text("error", err.text));
}

static void watch_worker_fail(struct watch_worker *worker, const struct error *failure)
{
	struct watch_message message;
	memset(&message, 0, sizeof message);
	message.news = failure->reason == REASON_SIGN_IN ? WATCH_REFUSED : WATCH_FAILED;
	message.err = *failure;
	watch_worker_note(worker, failure, &message.refusals);
	watch_worker_tell(worker, &message);
}

/* What may be started or opened later is said first (starter.h): after mailbox_confine() it is too late. */
static void watch_worker_live(struct watch_worker *worker, const char *queue_name)
{
	struct error err = {.kind = ERROR_NONE};
	worker->wake = watch_bell_listen(worker->bell, stop_descriptor());
	parser_allow();
	spool_allow(worker->options->database);
	if (starter_begin(&err) != 0 ||
	    store_open(worker->options->database, STORE_WRITE, &worker->kept, &err) != 0 ||
	    work_queue_find(worker->kept, queue_name, &worker->queue, &err) != 0 ||
	    (work_queue_has_mailbox(worker->queue) && watch_worker_sign_in(worker, &err) != 0) ||
	    (watch_worker_watch(worker, &err) != 0 && !stop_requested()))
		watch_worker_fail(worker, &err);
	mailbox_close(worker->mailbox);
	work_queue_free(worker->queue);
	store_close(worker->kept);
	g_free(worker->incomplete);
	g_free(worker->noted);
}

/* In a process group of its own: the terminal's ^C reaches the supervisor only, and is passed on once. */
void watch_worker_prepare(pid_t parent)
{
	sigset_t none;
	sigemptyset(&none);
	setpgid(0, 0);
	protocol_log_send();
	stop_install();
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* All children would draw the parent's next random numbers, and pause alike. */
	g_random_set_seed((guint32)getpid() ^ (guint32)g_get_real_time());
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
}

/* The child keeps only its end of the pipe: the supervisor sees its death by the pipe's end. */
int watch_worker_start(const char *queue_name, const struct watch_options *options,
		       struct load_position *position, int bell, pid_t *ret_child, int *ret_pipe,
		       struct error *err)
{
	int ends[2];
	pid_t parent = getpid();
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set(err, ERROR_IO, "starting a worker: %s", g_strerror(errno));
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		struct watch_worker worker = {.options = options,
					      .position = position,
					      .pipe_end = ends[1],
					      .bell = bell,
					      .unsent = watch_policy_new(options->retry_ms)};
		close(ends[0]);
		watch_worker_prepare(parent);
		watch_worker_live(&worker, queue_name);
		fflush(NULL);
		_exit(EXIT_SUCCESS);
	}
	int saved = errno;
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return error_set(err, ERROR_IO, "starting a worker: %s", g_strerror(saved));
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*ret_child = child;
	*ret_pipe = ends[0];
	return 0;
}
