/* `status --check` for monitoring: compares what the database knows of each queue, and what is left of
 * the disks of the database and of the logs, with the limits that were given, and says in one line what
 * is over them. */
#include "loader/cli/run/run_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/define/check.h"
#include "loader/imap/names/connection_string.h"
#include "queue/base/scoped.h"
#include "queue/queue_health.h"
#include "queue/store.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* How many entries of a kind there may be. */
enum cmd_limit {
	LIMIT_WAITING,
	LIMIT_FAILED,
	LIMIT_BAD,
	LIMIT_EXPIRED,
	LIMIT_OVERDUE,
	LIMIT_UNDELIVERED,
	LIMIT_COUNT
};

static const struct {
	const char *option;
	const char *label; /* names the sum for Nagios */
	const char *one;
	const char *several;
} cmd_limits[LIMIT_COUNT] = {
    [LIMIT_WAITING] = {"max-waiting", "waiting", "entry is waiting", "entries are waiting"},
    [LIMIT_FAILED] = {"max-failed", "failed", "entry has failed", "entries have failed"},
    [LIMIT_BAD] = {"max-bad", "bad", "entry is bad", "entries are bad"},
    [LIMIT_EXPIRED] = {"max-expired", "expired", "entry has a lease that has ended",
		       "entries have a lease that has ended"},
    [LIMIT_OVERDUE] = {"max-overdue", "overdue", "entry is overdue", "entries are overdue"},
    [LIMIT_UNDELIVERED] = {"max-undelivered", "undelivered", "entry has been posted in vain",
			   "entries have been posted in vain"},
};

struct cmd_status_check {
	struct store *store;
	const char *database;
	const char *only; /* NULL: all queues */
	int64_t now_ms;
	int64_t max_age_ms;
	int64_t max_oldest_ms; /* 0: for ever */
	int64_t min_valid_ms;
	uint64_t min_free_bytes;
	uint64_t most[LIMIT_COUNT];
	uint64_t sums[LIMIT_COUNT];
	uint64_t queues;
	const struct work_queue *queue; /* the one that is looked at */
	GString *faults;		/* one line for all of them */
	struct error *err;
};

/* All faults go into one line: a mail's subject or a pager shows no second one. While no queue is looked
 * at, they are those of all queues. */
G_GNUC_PRINTF(2, 3)
static void cmd_status_add_fault(struct cmd_status_check *check, const char *format, ...)
{
	va_list arguments;
	if (check->faults->len > 0)
		g_string_append(check->faults, "; ");
	if (check->queue != NULL)
		g_string_append_printf(check->faults, "'%s': ", check->queue->name);
	va_start(arguments, format);
	g_string_append_vprintf(check->faults, format, arguments);
	va_end(arguments);
}

/* --min-free goes for each disk: that of the database and those of the logs. */
static void cmd_status_take_disk(const struct check_disk *disk, void *context)
{
	struct cmd_status_check *check = context;
	g_autofree char *words = check_disk_fault(disk, check->min_free_bytes);
	if (words != NULL)
		cmd_status_add_fault(check, "%s", words);
}

/* A certificate or password that ends within --min-valid. The words name it and the day. */
static void cmd_status_take_end(const char *words, void *context)
{
	cmd_status_add_fault(context, "%s", words);
}

/* A queue that is new has as much time as others have between two looks. */
static void cmd_status_check_look(struct cmd_status_check *check, const struct queue_health *health)
{
	const struct work_queue *queue = check->queue;
	char age[DURATION_TEXT_SIZE];
	const int64_t last_ms =
	    health->last_success_ms != 0 ? health->last_success_ms : queue->record_created_ms;
	/* What went well says nothing of why nobody has looked since. */
	const bool failed =
	    queue->last_message != NULL && g_str_has_prefix(queue->last_message, "Error: ");
	duration_format(check->now_ms - health->last_success_ms, age);
	if (health->stopped_ms != 0)
		cmd_status_add_fault(check, "stopped: %s", health->stopped_reason);
	else if (check->now_ms - last_ms <= check->max_age_ms)
		return;
	else if (health->last_success_ms == 0)
		cmd_status_add_fault(
		    check, "%s%s", queue->last_message != NULL ? "no good look yet, " : "",
		    queue->last_message != NULL ? queue->last_message
						: "no run has looked at the mailbox yet");
	else
		cmd_status_add_fault(check, "last good look %s ago%s%s", age, failed ? ", " : "",
				     failed ? queue->last_message : "");
}

/* All limits are looked at, also after the first fault: who mends one should see the next. */
static void cmd_status_check_entries(struct cmd_status_check *check,
				     const struct work_queue_counts *counts)
{
	const uint64_t found[LIMIT_COUNT] = {[LIMIT_WAITING] = counts->new_entries,
					     [LIMIT_FAILED] = counts->failed,
					     [LIMIT_BAD] = counts->bad,
					     [LIMIT_EXPIRED] = counts->expired,
					     [LIMIT_OVERDUE] = counts->overdue,
					     [LIMIT_UNDELIVERED] = counts->undelivered};
	for (enum cmd_limit i = 0; i < LIMIT_COUNT; i++) {
		check->sums[i] += found[i];
		if (found[i] > check->most[i])
			cmd_status_add_fault(check, "%" PRIu64 " %s, more than %" PRIu64, found[i],
					     found[i] == 1 ? cmd_limits[i].one
							   : cmd_limits[i].several,
					     check->most[i]);
	}
	const int64_t waits_ms = check->now_ms - counts->oldest_new_ms;
	char waits[DURATION_TEXT_SIZE];
	char most[DURATION_TEXT_SIZE];
	if (check->max_oldest_ms == 0 || counts->oldest_new_ms == 0 ||
	    waits_ms <= check->max_oldest_ms)
		return;
	duration_format(waits_ms, waits);
	duration_format(check->max_oldest_ms, most);
	cmd_status_add_fault(check, "an entry has been waiting for %s, longer than %s", waits,
			     most);
}

/* A queue that is paused is so on purpose, and nobody waits for its mail. */
static int cmd_status_check_queue(const struct work_queue *queue, void *context)
{
	struct cmd_status_check *check = context;
	struct queue_health health;
	struct work_queue_counts counts;
	if (queue->paused || (check->only != NULL && strcmp(check->only, queue->name) != 0))
		return 0;
	if (work_queue_count(check->store, queue->id, &counts, check->err) != 0 ||
	    queue_health_find(check->store, queue->id, &health, check->err) != 0)
		return -1;
	check->queue = queue;
	check->queues++;
	if (work_queue_has_mailbox(queue))
		cmd_status_check_look(check, &health);
	if (queue->target.url != NULL && queue->target.stopped != NULL)
		cmd_status_add_fault(check, "delivery stopped: %s", queue->target.stopped);
	cmd_status_check_entries(check, &counts);
	queue_health_clear(&health);
	check_account(queue, check->database, check->now_ms, cmd_status_take_end, check);
	return check_ends(check->store, queue, check->now_ms, check->min_valid_ms,
			  cmd_status_take_end, check, check->err);
}

/* One line on standard output: Nagios takes exit status 1 for a warning. A '|' begins its figures. */
static void cmd_status_print_nagios(const struct cmd_status_check *check)
{
	g_strdelimit(check->faults->str, "|\n", '/');
	g_autoptr(GString) line = g_string_new(NULL);
	if (check->faults->len > 0)
		g_string_printf(line, "INQUEUE WARNING - %s |", check->faults->str);
	else
		g_string_printf(line, "INQUEUE OK - %" PRIu64 " queue%s |", check->queues,
				check->queues == 1 ? "" : "s");
	for (enum cmd_limit i = 0; i < LIMIT_COUNT; i++)
		g_string_append_printf(line, " %s=%" PRIu64, cmd_limits[i].label, check->sums[i]);
	output_line("%s", line->str);
}

/* Without its option there is no limit. */
static int cmd_status_read_limits(const struct invocation *invocation,
				  struct cmd_status_check *check, struct error *err)
{
	for (enum cmd_limit i = 0; i < LIMIT_COUNT; i++) {
		if (invocation_number(invocation, cmd_limits[i].option, 0, &check->most[i], err) !=
		    0)
			return -1;
		if (invocation_text(invocation, cmd_limits[i].option) == NULL)
			check->most[i] = UINT64_MAX;
	}
	if (invocation_duration(invocation, "max-age", 1, &check->max_age_ms, err) != 0 ||
	    invocation_duration(invocation, "max-oldest", 1, &check->max_oldest_ms, err) != 0 ||
	    invocation_duration(invocation, "min-valid", 0, &check->min_valid_ms, err) != 0)
		return -1;
	if (!connection_string_parse_size(invocation_value(invocation, "min-free"), INT64_MAX,
					  &check->min_free_bytes))
		return error_set(err, ERROR_USAGE, "--min-free takes a size: 64MB, 2GB");
	return 0;
}

/* Nagios reads standard output; to everybody else the faults are the error of the command. */
int cmd_status_check(const struct invocation *invocation, struct store *store, struct error *err)
{
	g_autoptr(GString) faults = g_string_new(NULL);
	const char *format = invocation_value(invocation, "format");
	const bool nagios = strcmp(format, "nagios") == 0;
	struct cmd_status_check check = {
	    .store = store,
	    .database = invocation->database,
	    .only = invocation->argument_count > 0 ? invocation->arguments[0] : NULL,
	    .now_ms = clock_now_ms(),
	    .faults = faults,
	    .err = err};
	if (!nagios && strcmp(format, "text") != 0)
		return error_set(err, ERROR_USAGE, "--format takes text or nagios");
	if (cmd_status_read_limits(invocation, &check, err) != 0)
		return -1;
	if (check_disks(store, invocation->database, cmd_status_take_disk, &check, err) != 0 ||
	    work_queue_list(store, cmd_status_check_queue, &check, err) != 0)
		return -1;
	if (nagios)
		cmd_status_print_nagios(&check);
	if (faults->len == 0)
		return 0;
	return error_set(err, ERROR_NO, "%s", nagios ? "" : faults->str);
}

/* Without --check they would do nothing, and a monitor that lacks --check would be quiet for ever. */
int cmd_status_refuse_limits(const struct invocation *invocation, struct error *err)
{
	static const char *const others[] = {"max-age", "max-oldest", "min-free", "min-valid",
					     "format"};
	const char *given = NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		if (invocation_text(invocation, others[i]) != NULL)
			given = others[i];
	}
	for (enum cmd_limit i = 0; i < LIMIT_COUNT; i++) {
		if (invocation_text(invocation, cmd_limits[i].option) != NULL)
			given = cmd_limits[i].option;
	}
	return given == NULL ? 0 : error_set(err, ERROR_USAGE, "--%s needs --check", given);
}
