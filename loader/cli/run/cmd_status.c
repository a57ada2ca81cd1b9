/* `status` for people (a table, the block of one queue, a screen with --watch) and for programs (a document for
 * each queue). `status --check` is in cmd_status_check.c. */
#include "loader/cli/run/run_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/cli/frame/queue_state.h"
#include "loader/define/check.h"
#include "loader/entry/queue_json.h"
#include "queue/base/scoped.h"
#include "queue/delivery.h"
#include "queue/entry_claim.h"
#include "queue/queue_health.h"
#include "queue/store.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A clock that was wrong for an hour may have left thousands; twenty show what is the matter. */
enum { CMD_STATUS_OVERLONG_MAX = 20 };

struct cmd_status_view {
	struct store *store;
	const char *database;
	const char *only; /* NULL: all queues */
	bool json;
	struct output_table *table; /* NULL: JSON, or the block of one queue */
	int64_t now_ms;
	struct error *err;
};

/* What delivery has come to, for people; NULL without a target. Caller frees. */
static char *cmd_status_delivery_text(const struct work_queue *queue,
				      const uint64_t delivered[DELIVERY_OUTCOMES])
{
	if (queue->target.url == NULL)
		return NULL;
	const uint64_t others = delivered[DELIVERY_RETRY] + delivered[DELIVERY_UNREACHABLE];
	return g_strdup_printf("%" PRIu64 " delivered, %" PRIu64 " rejected, %" PRIu64
			       " tried in vain so far",
			       delivered[DELIVERY_DELIVERED], delivered[DELIVERY_REJECTED], others);
}

/* Zeros are left out where they are good news, so that what is wrong is seen. */
static void cmd_status_format_fault(uint64_t count, char text[static 24])
{
	*text = '\0';
	if (count > 0)
		g_snprintf(text, 24, "%" PRIu64, count);
}

static void cmd_status_add_row(struct output_table *table, const struct work_queue *queue,
			       const struct queue_health *health,
			       const struct work_queue_counts *counts, int64_t now_ms)
{
	g_autofree char *reason = queue_state_reason(queue, health, counts);
	char waiting[24];
	char overdue[24];
	char failed[24];
	char bad[24];
	char oldest[CLOCK_TEXT_SIZE] = "";
	char last_look[CLOCK_TEXT_SIZE];
	g_snprintf(waiting, sizeof waiting, "%" PRIu64, counts->new_entries);
	cmd_status_format_fault(counts->overdue, overdue);
	cmd_status_format_fault(counts->failed, failed);
	cmd_status_format_fault(counts->bad, bad);
	if (counts->oldest_new_ms != 0)
		output_age_ms(counts->oldest_new_ms, now_ms, oldest);
	output_ago_ms(queue->last_action_ms, now_ms, last_look);
	const char *const cells[] = {queue->name, queue_state_word(queue, health, counts),
				     waiting,	  oldest,
				     overdue,	  failed,
				     bad,	  last_look};
	output_table_add(table, cells);
	if (reason != NULL)
		output_table_note(table, reason);
}

/* Columns for the labels of a block. */
enum { CMD_STATUS_LABEL = 16 };

static void cmd_status_print_count(const char *label, uint64_t count)
{
	g_autofree char *text = g_strdup_printf("%" PRIu64, count);
	output_field(label, CMD_STATUS_LABEL, text);
}

/* The look itself, and what came of it. */
static void cmd_status_print_looks(const struct work_queue *queue,
				   const struct queue_health *health, int64_t now_ms)
{
	char last[CLOCK_TEXT_SIZE];
	char good[CLOCK_TEXT_SIZE];
	output_ago_ms(queue->last_action_ms, now_ms, last);
	output_ago_ms(health->last_success_ms, now_ms, good);
	g_autofree char *look =
	    g_strdup_printf("%s%s%s", queue->last_action_ms != 0 ? last : "never",
			    queue->last_message != NULL ? ": " : "",
			    queue->last_message != NULL ? queue->last_message : "");
	output_field("last look", CMD_STATUS_LABEL, look);
	output_field("last good look", CMD_STATUS_LABEL,
		     health->last_success_ms != 0 ? good : "never");
}

/* All that is known of one queue, a line each. Counts that are 0 in most queues (overdue, at risk, discarded) have
 * a line only where they are not. */
static void cmd_status_print_block(const struct work_queue *queue,
				   const struct queue_health *health,
				   const struct work_queue_counts *counts,
				   const uint64_t delivered[DELIVERY_OUTCOMES], int64_t now_ms)
{
	g_autofree char *reason = queue_state_reason(queue, health, counts);
	g_autofree char *delivery = cmd_status_delivery_text(queue, delivered);
	char oldest[CLOCK_TEXT_SIZE];
	output_age_ms(counts->oldest_new_ms, now_ms, oldest);
	output_field("queue", CMD_STATUS_LABEL, queue->name);
	output_field("state", CMD_STATUS_LABEL, queue_state_word(queue, health, counts));
	output_field("reason", CMD_STATUS_LABEL, reason);
	cmd_status_print_count("waiting", counts->new_entries);
	output_field("oldest waiting", CMD_STATUS_LABEL, oldest);
	if (counts->overdue > 0)
		cmd_status_print_count("overdue", counts->overdue);
	if (counts->at_risk > 0)
		cmd_status_print_count("at risk", counts->at_risk);
	cmd_status_print_count("claimed", counts->claimed);
	cmd_status_print_count("leases ended", counts->expired);
	cmd_status_print_count("done", counts->done);
	cmd_status_print_count("failed", counts->failed);
	if (counts->discarded > 0)
		cmd_status_print_count("discarded", counts->discarded);
	cmd_status_print_count("bad", counts->bad);
	if (queue->not_collected >= 0)
		cmd_status_print_count("not collected", (uint64_t)queue->not_collected);
	output_field("delivery", CMD_STATUS_LABEL, delivery);
	cmd_status_print_looks(queue, health, now_ms);
}

/* The words name the way out, so that each gets a line and no cell. */
static int cmd_status_print_overlong(const struct entry_overlong *overlong, void *context)
{
	(void)context;
	g_autofree char *words = entry_overlong_format(overlong);
	output_line("queue '%s', entry %" PRId64 ": %s", overlong->queue_name, overlong->entry_id,
		    words);
	return 0;
}

static void cmd_status_note(const char *words, void *context)
{
	output_table_note(context, words);
}

static void cmd_status_field(const char *words, void *context)
{
	(void)context;
	output_field("account", CMD_STATUS_LABEL, words);
}

static void cmd_status_append(const char *words, void *context)
{
	json_array_append_new(context, json_string(words));
}

/* Leases that are too long stand in the queue's document; for people they follow the table. */
static int cmd_status_show(struct cmd_status_view *view, const struct work_queue *queue,
			   const struct queue_health *health,
			   const struct work_queue_counts *counts,
			   const uint64_t delivered[DELIVERY_OUTCOMES])
{
	if (view->table != NULL) {
		cmd_status_add_row(view->table, queue, health, counts, view->now_ms);
		check_account(queue, view->database, view->now_ms, cmd_status_note, view->table);
		return 0;
	}
	if (!view->json) {
		cmd_status_print_block(queue, health, counts, delivered, view->now_ms);
		check_account(queue, view->database, view->now_ms, cmd_status_field, NULL);
		return 0;
	}
	json_t *account = json_array();
	json_t *document;
	check_account(queue, view->database, view->now_ms, cmd_status_append, account);
	if (queue_json_status(view->store, queue, view->now_ms, &document, view->err) != 0) {
		json_decref(account);
		return -1;
	}
	json_object_set_new(document, "account_warnings", account);
	output_json_print(document);
	return 0;
}

/* Called for each queue. The counts come from one reading of the database each, so that a worker who claims
 * meanwhile may make them differ by one. */
static int cmd_status_queue(const struct work_queue *queue, void *context)
{
	struct cmd_status_view *view = context;
	struct work_queue_counts counts;
	if (view->only != NULL && strcmp(view->only, queue->name) != 0)
		return 0;
	uint64_t delivered[DELIVERY_OUTCOMES];
	if (work_queue_count(view->store, queue->id, &counts, view->err) != 0 ||
	    delivery_count(view->store, queue->id, delivered, view->err) != 0)
		return -1;
	struct queue_health health;
	if (queue_health_find(view->store, queue->id, &health, view->err) != 0)
		return -1;
	const int failed = cmd_status_show(view, queue, &health, &counts, delivered);
	queue_health_clear(&health);
	return failed;
}

/* Words for a person, because the log is no queue's state. */
static void cmd_status_tell_log(const struct invocation *invocation, struct store *store)
{
	g_autofree char *words = store_log_held(store, invocation->database);
	if (words != NULL)
		output_say("%s", words);
}

struct cmd_status {
	const struct invocation *invocation;
	struct store *store;
	const struct work_queue *queue; /* NULL: all queues */
};

/* Words about leases and the log come after the table, so that it stays a table. */
static int cmd_status_print(void *context, struct error *err)
{
	static const struct output_column columns[] = {
	    {"QUEUE", OUTPUT_NAME, false},    {"STATE", OUTPUT_LEFT, false},
	    {"WAITING", OUTPUT_RIGHT, false}, {"OLDEST", OUTPUT_RIGHT, true},
	    {"OVERDUE", OUTPUT_RIGHT, true},  {"FAILED", OUTPUT_RIGHT, true},
	    {"BAD", OUTPUT_RIGHT, true},      {"LAST LOOK", OUTPUT_RIGHT, false},
	};
	const struct cmd_status *status = context;
	const struct invocation *invocation = status->invocation;
	const struct work_queue *queue = status->queue;
	struct cmd_status_view view = {.store = status->store,
				       .database = invocation->database,
				       .only = queue != NULL ? queue->name : NULL,
				       .json = invocation->json,
				       .table =
					   invocation->json || queue != NULL
					       ? NULL
					       : output_table_new(columns, G_N_ELEMENTS(columns)),
				       .now_ms = clock_now_ms(),
				       .err = err};
	int failed = work_queue_list(status->store, cmd_status_queue, &view, err);
	if (view.table != NULL)
		output_table_print_or(view.table,
				      failed == 0 ? "no queues are defined: `inqueue queue create`"
						  : NULL);
	if (!view.json && failed == 0)
		failed = entry_overlong_list(status->store, queue != NULL ? queue->id : 0,
					     clock_now_ms(), CMD_STATUS_OVERLONG_MAX,
					     cmd_status_print_overlong, NULL, err);
	cmd_status_tell_log(invocation, status->store);
	return failed;
}

/* --watch is for a person at a terminal: a program asks as often as it likes, and a monitor wants one answer. */
static int cmd_status_check_watch(const struct invocation *invocation, struct error *err)
{
	if (!invocation_flag(invocation, "watch"))
		return invocation_flag(invocation, "every")
			   ? error_set(err, ERROR_USAGE, "--every needs --watch")
			   : 0;
	if (invocation_flag(invocation, "check") || invocation->json)
		return error_set(err, ERROR_USAGE,
				 "--watch shows a screen to people: leave --check and --json out");
	return isatty(STDOUT_FILENO)
		   ? 0
		   : error_set(err, ERROR_USAGE,
			       "--watch needs a terminal; `inqueue status --json` "
			       "is for programs");
}

/* Limits without --check are refused first (cmd_status_check.c), before a database is looked for. */
int cmd_status(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	int64_t every_ms;
	if (!invocation_flag(invocation, "check") && cmd_status_refuse_limits(invocation, err) != 0)
		return -1;
	if (cmd_status_check_watch(invocation, err) != 0 ||
	    invocation_duration(invocation, "every", 100, &every_ms, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (invocation->argument_count > 0 &&
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	if (invocation_flag(invocation, "check"))
		return cmd_status_check(invocation, store, err);
	struct cmd_status status = {.invocation = invocation, .store = store, .queue = queue};
	return invocation_flag(invocation, "watch")
		   ? output_screen_run(every_ms, cmd_status_print, &status, err)
		   : cmd_status_print(&status, err);
}
