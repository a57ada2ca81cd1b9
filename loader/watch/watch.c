/* The supervisor's loop: starts and reaps the processes of all queues, takes signals, reads the
 * definitions again when the database has changed, and tells systemd how it goes. */
#include "loader/watch/watch.h"

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/base/service.h"
#include "loader/watch/watch_internal.h"
#include "queue/base/scoped.h"
#include "queue/store.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

/* The loop looks at the clock, the database and the workers at least this often. */
enum { WATCH_TICK_MS = 1000 };

/* No more workers than this sign in at a time, so that hundreds of them do not fall upon a
 * server together. */
enum { WATCH_STARTING_MAX = 16 };

/* The supervisor hardly waits for a locked database, because signals, workers and the watchdog
 * cannot wait. When the definitions could not be read for WATCH_UNREAD_MS it logs why, and again
 * after as long. */
enum { WATCH_PATIENCE_MS = 100, WATCH_UNREAD_MS = 30000 };

struct watch {
	const struct watch_options *options;
	struct watch_table *table;
	struct work_queue_watch *rights;
	struct watch_log log;
	int signals;
	uint64_t stamp;	 /* of the database, when it was read last */
	bool read_again; /* it may have changed in the moment it was read */
	int64_t read_ms;
	bool unread;	       /* the definitions could not be read */
	int64_t unread_ms;     /* to be said then */
	struct error outdated; /* why it ends by itself; kind NONE: it does not */
	bool stopping;
	int64_t stop_end_ms; /* stopping: workers that live longer are killed */
	int64_t watchdog_ms; /* 0 = none is fed */
	int64_t fed_ms;
	char *told;	/* what systemd was told last */
	GArray *polled; /* struct pollfd */
};

/* A database that is only locked is usually free in the next second, so that is logged after a
 * while only. */
static void watch_note_unread(struct watch *watch, const struct error *err, int64_t now_ms)
{
	if (!watch->unread)
		watch->unread_ms = now_ms + (err->kind == ERROR_TEMPORARY ? WATCH_UNREAD_MS : 0);
	watch->unread = true;
	if (now_ms < watch->unread_ms)
		return;
	watch->unread_ms = now_ms + WATCH_UNREAD_MS;
	log_event(LOG_LEVEL_ERROR, "definitions_unread", log_text("error", err->text));
}

/* A stamp that has changed since the last reading may hide a second change in the same moment,
 * so the definitions are read once more a second later. */
static void watch_read(struct watch *watch, int64_t now_ms)
{
	struct error err;
	uint64_t stamp = store_stamp(watch->options->database);
	watch->read_again = stamp != watch->stamp;
	watch->stamp = stamp;
	watch->read_ms = now_ms;
	if (watch_table_read(watch->table, WATCH_PATIENCE_MS, now_ms, &err) == 0) {
		watch->unread = false;
		return;
	}
	watch->read_again = true;
	if (err.reason == REASON_NEWER)
		watch->outdated = err;
	else
		watch_note_unread(watch, &err, now_ms);
}

/* The stamp is of the files alone: a service that watches hundreds of queues opens no database each second. */
static void watch_read_if_changed(struct watch *watch, int64_t now_ms)
{
	if (!watch->stopping && now_ms - watch->read_ms >= WATCH_TICK_MS &&
	    (watch->read_again || store_stamp(watch->options->database) != watch->stamp))
		watch_read(watch, now_ms);
}

/* Workers that sign in count against the limit; those that wait for their server do not
 * (watch_table_count_starting()). */
static void watch_start_due(struct watch *watch, int64_t now_ms)
{
	guint starting = watch_table_count_starting(watch->table, now_ms);
	for (guint i = 0; i < watch->table->queues->len && !watch->stopping; i++) {
		struct watch_queue *queue = watch_table_at(watch->table, i);
		if (!watch_queue_claim(queue, watch->rights, now_ms))
			continue;
		watch_deliver_start(&queue->deliver, queue->name, watch->options, now_ms);
		if (!queue->wanted || queue->worker != 0 || queue->start_ms > now_ms)
			continue;
		if (starting++ >= WATCH_STARTING_MAX)
			return;
		watch_queue_start(queue, watch->options, now_ms);
	}
}

/* systemd keeps the last status, so it is told only what has changed. */
static void watch_tell_systemd(struct watch *watch)
{
	guint count = watch->table->queues->len;
	guint waiting = watch_table_count(watch->table, WATCH_PHASE_WAITING);
	guint pausing = watch_table_count(watch->table, WATCH_PHASE_PAUSE);
	guint elsewhere = watch_table_count_elsewhere(watch->table);
	g_autofree char *state = g_strdup_printf(
	    "READY=1\nSTATUS=%u queues: %u wait for mail, %u pause after an error, %u are watched "
	    "by another process",
	    count, waiting, pausing, elsewhere);
	if (watch->stopping || g_strcmp0(state, watch->told) == 0)
		return;
	notify_send(state);
	g_free(watch->told);
	watch->told = g_steal_pointer(&state);
}

/* A round that hangs feeds nobody, and systemd starts the service again. */
static void watch_feed(struct watch *watch, int64_t now_ms)
{
	if (watch->watchdog_ms == 0 || now_ms - watch->fed_ms < watch->watchdog_ms / 4)
		return;
	notify_send("WATCHDOG=1");
	watch->fed_ms = now_ms;
}

/* --- signals -------------------------------------------------------------------------------- */

/* The processes alone: what each has started is told of its death by the kernel (PR_SET_PDEATHSIG). */
static void watch_kill(const struct watch *watch, int number)
{
	for (guint i = 0; i < watch->table->queues->len; i++) {
		const struct watch_queue *queue = watch_table_at(watch->table, i);
		if (queue->worker != 0)
			kill(queue->worker, number);
		if (queue->deliver.process != 0)
			kill(queue->deliver.process, number);
	}
}

/* The first time each process finishes what it has in hand; the second time all are killed. */
static void watch_stop(struct watch *watch, int64_t now_ms)
{
	log_event(LOG_LEVEL_NOTICE, watch->stopping ? "stopping_at_once" : "stopping",
		  log_number("queues", watch->table->queues->len));
	if (watch->stopping) {
		watch_kill(watch, SIGKILL);
		return;
	}
	notify_send("STOPPING=1");
	watch->stopping = true;
	watch->stop_end_ms = now_ms + WATCH_STOP_MS;
	for (guint i = 0; i < watch->table->queues->len; i++) {
		watch_queue_end(watch_table_at(watch->table, i), now_ms);
		watch_deliver_end(&watch_table_at(watch->table, i)->deliver);
	}
}

/* systemd takes MONOTONIC_USEC as proof that RELOADING belongs to its own request. */
static void watch_reload(struct watch *watch, int64_t now_ms)
{
	g_autofree char *state =
	    g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" PRId64, g_get_monotonic_time());
	notify_send(state);
	watch_log_reopen(&watch->log);
	watch_read(watch, now_ms);
	for (guint i = 0; i < watch->table->queues->len; i++) {
		struct watch_queue *queue = watch_table_at(watch->table, i);
		queue->start_ms = MIN(queue->start_ms, now_ms);
		watch_deliver_end(&queue->deliver);
	}
	log_event(LOG_LEVEL_NOTICE, "reloaded", log_number("queues", watch->table->queues->len));
	notify_send("READY=1");
}

/* The supervisor has no other children, so that every one that ends is a queue's. */
static void watch_reap(struct watch *watch, int64_t now_ms)
{
	pid_t worker;
	int status;
	while ((worker = waitpid(-1, &status, WNOHANG)) > 0) {
		for (guint i = 0; i < watch->table->queues->len; i++) {
			struct watch_queue *queue = watch_table_at(watch->table, i);
			if (queue->worker == worker)
				watch_queue_reaped(queue, watch->options, status, now_ms);
			watch_deliver_reaped(&queue->deliver, worker, status, watch->options,
					     now_ms);
		}
	}
}

static void watch_take_signals(struct watch *watch, int64_t now_ms)
{
	struct signalfd_siginfo info;
	while (read(watch->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			watch_reap(watch, now_ms);
			break;
		case SIGHUP:
			watch_reload(watch, now_ms);
			break;
		case SIGUSR1:
			watch_table_log_status(watch->table, now_ms);
			break;
		default:
			watch_stop(watch, now_ms);
		}
	}
}

/* Signals come through a descriptor, so that the loop takes them between two steps and never in
 * one. */
static int watch_open_signals(struct watch *watch, sigset_t *ret_before, struct error *err)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};
	sigset_t taken;
	sigemptyset(&taken);
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
		sigaddset(&taken, numbers[i]);
	sigprocmask(SIG_BLOCK, &taken, ret_before);
	watch->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
	if (watch->signals < 0)
		return error_set(err, ERROR_IO, "signals: %s", g_strerror(errno));
	return 0;
}

/* Sleeps until the next worker is due, the next tick, or a quarter of the watchdog's time. */
static int64_t watch_timeout_ms(const struct watch *watch, int64_t now_ms)
{
	int64_t timeout_ms = WATCH_TICK_MS;
	if (watch->watchdog_ms != 0)
		timeout_ms = MIN(timeout_ms, MAX(10, watch->watchdog_ms / 4));
	for (guint i = 0; i < watch->table->queues->len && !watch->stopping; i++) {
		const struct watch_queue *queue = watch_table_at(watch->table, i);
		if (queue->wanted && queue->worker == 0 && queue->start_ms > now_ms)
			timeout_ms = MIN(timeout_ms, queue->start_ms - now_ms);
	}
	return timeout_ms;
}

static void watch_add_polled(struct watch *watch, int descriptor)
{
	struct pollfd next = {.fd = descriptor, .events = POLLIN};
	g_array_append_val(watch->polled, next);
}

/* The signals, the log (-1 is passed over), then the pipe of each queue that has one: poll() refuses more
 * descriptors than may be open. */
static void watch_fill_polled(struct watch *watch)
{
	g_array_set_size(watch->polled, 0);
	watch_add_polled(watch, watch->signals);
	watch_add_polled(watch, watch->log.descriptor);
	for (guint i = 0; i < watch->table->queues->len; i++) {
		int pipe_end = watch_table_at(watch->table, i)->pipe;
		if (pipe_end >= 0)
			watch_add_polled(watch, pipe_end);
	}
}

/* The pipes come before the signals: a worker's last words are read before its death. */
static void watch_poll(struct watch *watch, int64_t now_ms)
{
	watch_fill_polled(watch);
	struct pollfd *polled = (struct pollfd *)watch->polled->data;
	if (poll(polled, watch->polled->len, (int)watch_timeout_ms(watch, now_ms)) <= 0)
		return;
	now_ms = clock_monotonic_ms();
	const struct pollfd *next = polled + 2;
	for (guint i = 0; i < watch->table->queues->len; i++) {
		struct watch_queue *queue = watch_table_at(watch->table, i);
		if (queue->pipe >= 0 && (next++)->revents != 0)
			watch_queue_listen(queue, now_ms);
	}
	if (polled[1].revents != 0)
		watch_log_pass_on(&watch->log);
	if (polled->revents != 0)
		watch_take_signals(watch, now_ms);
}

/* Also processes that deliver: the service ends after the last post has its answer noted. */
static bool watch_has_workers(const struct watch *watch)
{
	for (guint i = 0; i < watch->table->queues->len; i++) {
		const struct watch_queue *queue = watch_table_at(watch->table, i);
		if (queue->worker != 0 || queue->deliver.process != 0)
			return true;
	}
	return false;
}

/* Somebody has upgraded the database: another version of this program has to go on. */
static void watch_end_outdated(struct watch *watch, int64_t now_ms)
{
	if (watch->stopping || watch->outdated.kind == ERROR_NONE)
		return;
	log_event(LOG_LEVEL_ERROR, "outdated", log_text("error", watch->outdated.text));
	watch_stop(watch, now_ms);
}

static void watch_round(struct watch *watch)
{
	int64_t now_ms = clock_monotonic_ms();
	watch_read_if_changed(watch, now_ms);
	watch_end_outdated(watch, now_ms);
	watch_start_due(watch, now_ms);
	watch_table_sweep(watch->table);
	for (guint i = 0; i < watch->table->queues->len; i++)
		watch_queue_check(watch_table_at(watch->table, i), now_ms);
	if (watch->stopping && now_ms >= watch->stop_end_ms)
		watch_kill(watch, SIGKILL);
	watch_log_tell(&watch->log, now_ms);
	watch_tell_systemd(watch);
	watch_feed(watch, now_ms);
	watch_poll(watch, now_ms);
}

/* Each queue takes one or two descriptors; most systems give a thousand to a process unless it
 * asks for more. */
static void watch_raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The rights to watch are taken queue by queue in the loop; here only their file is opened. What is wrong with the
 * database is an error now, and an event in the log later. */
int watch_run(const struct watch_options *options, struct error *err)
{
	sigset_t before;
	scoped(watch_table_free) struct watch_table *table = watch_table_new(options);
	g_autoptr(GArray) polled = g_array_new(FALSE, TRUE, sizeof(struct pollfd));
	struct watch watch = {.options = options,
			      .table = table,
			      .stamp = store_stamp(options->database),
			      .read_again = true,
			      .read_ms = clock_monotonic_ms(),
			      .watchdog_ms = notify_watchdog_ms(),
			      .polled = polled};
	if (watch_open_signals(&watch, &before, err) != 0)
		return -1;
	scoped(descriptor_close) int signals = watch.signals;
	if (stop_requested()) /* a signal came before */
		return 0;
	/* The loop reads a locked database a little later. */
	if (watch_table_read(table, WATCH_PATIENCE_MS, watch.read_ms, err) != 0 &&
	    err->kind != ERROR_TEMPORARY)
		return -1;
	scoped(work_queue_watch_close) struct work_queue_watch *rights = NULL;
	if (work_queue_watch_open(options->database, &rights, err) != 0)
		return -1;
	watch.rights = rights;
	watch_raise_descriptors();
	if (watch_log_open(&watch.log, options->database, err) != 0)
		return -1;
	log_event(LOG_LEVEL_NOTICE, "ready", log_number("queues", table->queues->len));
	while (!watch.stopping || watch_has_workers(&watch))
		watch_round(&watch);
	watch_log_close(&watch.log);
	log_event(LOG_LEVEL_NOTICE, "ended", log_number("queues", table->queues->len));
	g_free(watch.told);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (watch.outdated.kind == ERROR_NONE)
		return 0;
	*err = watch.outdated;
	return -1;
}
