/* A queue as the supervisor sees it: the right to watch it, its worker from start to death, what
 * the worker tells, and when the next one is due. */
#include "loader/watch/watch_internal.h"

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/load/load.h"
#include "loader/source/mailbox.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* A worker may be silent for this long beside the time that it waits for: storing a batch, or
 * parsing a message, takes time. */
enum { WATCH_SILENCE_MS = 180000 };

/* The pauses between two tries to get the right to watch: while another process has it, and
 * after an error. */
enum { WATCH_ASK_MS = 1000, WATCH_ASK_AGAIN_MS = 60000 };

/* Words of the log that a program may look for; the text of the error is for people. */
static const char *error_class(enum error_kind kind)
{
	switch (kind) {
	case ERROR_UNREACHABLE:
		return "unreachable";
	case ERROR_TEMPORARY:
		return "temporary";
	case ERROR_PROTOCOL:
		return "protocol";
	case ERROR_CREDENTIALS:
		return "credentials";
	case ERROR_CONFIGURATION:
		return "configuration";
	case ERROR_IO:
		return "io";
	case ERROR_DATA:
		return "data";
	case ERROR_NO:
		return "missing";
	case ERROR_NONE:
	case ERROR_USAGE:
	case ERROR_SOFTWARE:
		break;
	}
	return "software";
}

struct watch_queue *watch_queue_new(int64_t id, const char *name, int64_t retry_ms)
{
	struct watch_queue *queue = g_new0(struct watch_queue, 1);
	queue->id = id;
	queue->name = g_strdup(name);
	queue->pipe = -1;
	queue->deliver.bell = -1;
	queue->phase = WATCH_PHASE_PAUSE;
	queue->policy = watch_policy_new(retry_ms);
	queue->position = load_position_new();
	return queue;
}

void watch_queue_free(struct watch_queue *queue)
{
	if (queue == NULL)
		return;
	if (queue->pipe >= 0)
		close(queue->pipe);
	if (queue->deliver.bell >= 0)
		close(queue->deliver.bell);
	load_position_free(queue->position);
	g_free(queue->name);
	g_free(queue);
}

const char *watch_queue_state(const struct watch_queue *queue)
{
	static const char *const names[] = {
	    [WATCH_PHASE_PAUSE] = "retry",
	    [WATCH_PHASE_STARTING] = "starting",
	    [WATCH_PHASE_LOADING] = "loading",
	    [WATCH_PHASE_WAITING] = "waiting",
	};
	if (queue->stopped)
		return "stopped";
	if (queue->elsewhere)
		return "elsewhere";
	return queue->wanted ? names[queue->phase] : "paused";
}

/* A worker that waits for mail is silent for as long as it has said; a command may take the
 * queue's timeout. */
static void watch_queue_heard(struct watch_queue *queue, int64_t wait_ms, int64_t now_ms)
{
	queue->heard_ms = now_ms;
	queue->silence_ms = wait_ms + 3 * queue->command_ms + WATCH_SILENCE_MS;
}

static void watch_queue_pause(struct watch_queue *queue, int64_t pause_ms, int64_t now_ms)
{
	queue->start_ms = now_ms + pause_ms;
}

/* A server that has said how long to wait (wait_ms) is not asked before. */
static void watch_queue_failed(struct watch_queue *queue, const struct error *err, int64_t now_ms)
{
	int64_t pause_ms = watch_policy_pause_ms(&queue->policy, err->kind, g_random_int());
	pause_ms = MAX(pause_ms, (int64_t)err->wait_ms);
	watch_queue_pause(queue, pause_ms, now_ms);
	queue->failed = true;
	log_event(LOG_LEVEL_WARNING, "failed", log_text("queue", queue->name),
		  log_text("class", error_class(err->kind)), log_text("error", err->text),
		  log_number("retry_in_ms", pause_ms));
}

/* The access token of a session has ended, as each does: that is no failure the first time, and mail
 * is waited for again at once. */
static bool watch_queue_renew(struct watch_queue *queue, int64_t now_ms)
{
	if (queue->renewed)
		return false;
	queue->renewed = true;
	queue->failed = true;
	watch_queue_pause(queue, 0, now_ms);
	log_event(LOG_LEVEL_INFO, "token_expired", log_text("queue", queue->name));
	return true;
}

/* Says once that another process watches the queue, and once that this one has taken over. */
static void watch_queue_claimed(struct watch_queue *queue, bool ours, int holder)
{
	queue->ours = ours;
	if (ours && queue->elsewhere)
		log_event(LOG_LEVEL_NOTICE, "taken_over", log_text("queue", queue->name));
	else if (!ours && !queue->elsewhere)
		log_event(LOG_LEVEL_WARNING, "watched_elsewhere", log_text("queue", queue->name),
			  log_number("process", holder),
			  log_text("advice", "this watch takes over when that one ends"));
	queue->elsewhere = !ours;
}

/* Nothing of it runs here, and nothing is to: the right goes to whoever asks next. */
static bool watch_queue_is_idle(const struct watch_queue *queue)
{
	return !queue->wanted && queue->worker == 0 && !queue->deliver.wanted &&
	       queue->deliver.process == 0;
}

bool watch_queue_claim(struct watch_queue *queue, struct work_queue_watch *rights, int64_t now_ms)
{
	struct error err;
	int holder = 0;
	if (watch_queue_is_idle(queue)) {
		if (queue->ours)
			work_queue_watch_give(rights, queue->id);
		queue->ours = false;
		queue->elsewhere = false;
		queue->ask_ms = now_ms;
		return true;
	}
	if (queue->ours || queue->ask_ms > now_ms)
		return queue->ours;
	int taken = work_queue_watch_take(rights, queue->id, &holder, &err);
	queue->ask_ms = now_ms + (taken < 0 ? WATCH_ASK_AGAIN_MS : WATCH_ASK_MS);
	if (taken >= 0)
		watch_queue_claimed(queue, taken > 0, holder);
	else
		log_event(LOG_LEVEL_ERROR, "not_locked", log_text("queue", queue->name),
			  log_text("error", err.text));
	return queue->ours;
}

/* The worker's pipe is its only way to say how it goes; its end says that the worker has died. */
void watch_queue_start(struct watch_queue *queue, const struct watch_options *options,
		       int64_t now_ms)
{
	struct error err;
	if (watch_worker_start(queue->name, options, queue->position, queue->deliver.bell,
			       &queue->worker, &queue->pipe, &err) != 0) {
		watch_queue_failed(queue, &err, now_ms);
		return;
	}
	queue->phase = WATCH_PHASE_STARTING;
	queue->ending = false;
	queue->failed = false;
	queue->command_ms = 0;
	watch_queue_heard(queue, 0, now_ms);
	log_event(LOG_LEVEL_DEBUG, "worker_started", log_text("queue", queue->name),
		  log_number("worker", queue->worker));
}

/* The next worker starts at once: what is new in the definition may be what was wrong. */
void watch_queue_end(struct watch_queue *queue, int64_t now_ms)
{
	queue->start_ms = now_ms;
	watch_policy_reset(&queue->policy);
	if (queue->worker == 0 || queue->ending)
		return;
	queue->ending = true;
	kill(queue->worker, SIGTERM);
}

/* Each refused sign-in brings an account nearer to being locked, so the pauses are long and the
 * third refusal is the last. */
static void watch_queue_refused(struct watch_queue *queue, uint32_t refusals,
				const struct error *err, int64_t now_ms)
{
	queue->failed = true;
	if (queue->stopped)
		return;
	/* A refusal that could not be counted stops the queue like the last one: no mail is
	 * better than a locked account. */
	if (refusals == 0 || refusals >= REFUSAL_MAX) {
		queue->stopped = true;
		queue->uncounted = refusals == 0;
		queue->wanted = false;
		log_event(LOG_LEVEL_ERROR, "stopped", log_text("queue", queue->name),
			  log_text("class", error_class(err->kind)), log_text("error", err->text),
			  log_text("advice", "correct the queue's password or definition, then "
					     "`inqueue queue resume`"));
		return;
	}
	int64_t pause_ms = watch_policy_refusal_ms(&queue->policy, refusals, g_random_int());
	watch_queue_pause(queue, pause_ms, now_ms);
	log_event(LOG_LEVEL_ERROR, "refused", log_text("queue", queue->name),
		  log_text("class", error_class(err->kind)), log_text("error", err->text),
		  log_number("tries", refusals), log_number("tries_max", REFUSAL_MAX),
		  log_number("retry_in_ms", pause_ms));
}

/* Takes one message of the worker. Every message is a sign of life. */
static void watch_queue_take(struct watch_queue *queue, const struct watch_message *message,
			     int64_t now_ms)
{
	if (message->news == WATCH_STARTED)
		queue->command_ms = message->command_ms;
	watch_queue_heard(queue, 0, now_ms);
	switch (message->news) {
	case WATCH_STARTED:
		break;
	case WATCH_SIGNED_IN:
		queue->phase = WATCH_PHASE_LOADING;
		log_event(LOG_LEVEL_INFO, "signed_in", log_text("queue", queue->name));
		break;
	case WATCH_ALIVE:
	case WATCH_BUSY:
		queue->phase = WATCH_PHASE_LOADING;
		break;
	case WATCH_LOOKED:
		queue->phase = WATCH_PHASE_LOADING;
		queue->stored += message->result.loaded + message->result.bad;
		queue->renewed = false;
		watch_policy_reset(&queue->policy);
		break;
	case WATCH_WAITING:
		queue->phase = WATCH_PHASE_WAITING;
		watch_queue_heard(queue, message->wait_ms, now_ms);
		log_event(LOG_LEVEL_DEBUG, "waiting", log_text("queue", queue->name),
			  log_number("wait_ms", message->wait_ms));
		break;
	case WATCH_REFUSED:
		watch_queue_refused(queue, message->refusals, &message->err, now_ms);
		break;
	case WATCH_FAILED:
		if (message->err.reason != REASON_TOKEN_EXPIRED ||
		    !watch_queue_renew(queue, now_ms))
			watch_queue_failed(queue, &message->err, now_ms);
		break;
	}
}

/* The next message, false when there is none at the moment; *ret_ended: the worker closed its end. */
static bool watch_queue_hear(const struct watch_queue *queue, struct watch_message *message,
			     bool *ret_ended)
{
	ssize_t got;
	while ((got = read(queue->pipe, message, sizeof *message)) < 0 && errno == EINTR)
		;
	*ret_ended = got == 0;
	return got == (ssize_t)sizeof *message;
}

/* Until there is no message more: the supervisor polls once for all of them. */
void watch_queue_listen(struct watch_queue *queue, int64_t now_ms)
{
	struct watch_message message;
	bool ended = false;
	while (queue->pipe >= 0 && watch_queue_hear(queue, &message, &ended))
		watch_queue_take(queue, &message, now_ms);
	if (ended) {
		close(queue->pipe);
		queue->pipe = -1;
	}
}

/* Writes into the queue's row why the worker died, and blames the message that it was at. */
static void watch_queue_note_death(const struct watch_queue *queue,
				   const struct watch_options *options, const struct error *err)
{
	struct error ignored;
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *definition = NULL;
	if (store_open(options->database, STORE_WRITE, &store, &ignored) == 0 &&
	    work_queue_find(store, queue->name, &definition, &ignored) == 0) {
		worker_note_failure(store, definition, NULL, err, &ignored);
		load_position_blame(queue->position, store, definition->id, err->text);
		log_event(LOG_LEVEL_DEBUG, "death_noted", log_text("queue", queue->name));
	}
}

/* A worker that died could not write into the queue's row. A process in its place does, and may
 * wait as long as the database is locked; the next worker starts after it. */
static void watch_queue_bury(struct watch_queue *queue, const struct watch_options *options,
			     const struct error *err, int64_t now_ms)
{
	pid_t parent = getpid();
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		watch_worker_prepare(parent);
		watch_queue_note_death(queue, options, err);
		_exit(EXIT_SUCCESS);
	}
	queue->worker = MAX(0, child);
	watch_queue_heard(queue, 0, now_ms);
}

/* A worker that was told to end, or has said why it ends, has died no sudden death. */
void watch_queue_reaped(struct watch_queue *queue, const struct watch_options *options, int status,
			int64_t now_ms)
{
	watch_queue_listen(queue, now_ms);
	if (queue->pipe >= 0)
		close(queue->pipe);
	queue->pipe = -1;
	queue->worker = 0;
	queue->phase = WATCH_PHASE_PAUSE;
	if (queue->ending || queue->failed)
		return;
	struct error err;
	if (WIFSIGNALED(status))
		error_set(
		    &err, ERROR_SOFTWARE,
		    "the worker was ended by signal %d; nothing is lost, the next one goes on",
		    WTERMSIG(status));
	else
		error_set(&err, ERROR_SOFTWARE,
			  "the worker ended with status %d; nothing is lost, the next one goes on",
			  WEXITSTATUS(status));
	watch_queue_failed(queue, &err, now_ms);
	watch_queue_bury(queue, options, &err, now_ms);
}

/* A worker that hangs cannot be asked to end. */
void watch_queue_check(struct watch_queue *queue, int64_t now_ms)
{
	if (queue->worker == 0 || now_ms - queue->heard_ms <= queue->silence_ms)
		return;
	log_event(LOG_LEVEL_ERROR, "hangs", log_text("queue", queue->name),
		  log_number("worker", queue->worker),
		  log_number("silent_ms", now_ms - queue->heard_ms));
	kill(queue->worker, SIGKILL);
	queue->heard_ms = now_ms;
}
