#include "loader/cli/frame/command.h"

#include "loader/base/clock.h"
#include "loader/base/stop.h"
#include "loader/cli/frame/output.h"
#include "loader/deliver/deliver.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- deliver ---- */

static bool cmd_deliver_wants(const struct work_queue *queue)
{
	return !queue->paused && queue->target.url != NULL;
}

static void cmd_deliver_print(const char *name, const struct deliver_result *result)
{
	printf("%s: %" PRIu64 " delivered", name, result->counts[DELIVERY_DELIVERED]);
	if (result->counts[DELIVERY_REJECTED] > 0)
		printf(", %" PRIu64 " rejected", result->counts[DELIVERY_REJECTED]);
	printf("\n");
}

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

/* An entry that was rejected is one decision of the target's; what is to be tried again is an error
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

static int cmd_deliver_sample(const struct invocation *invocation, struct store *store,
			      const char *name, struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (work_queue_find(store, name, &queue, err) != 0)
		return -1;
	g_autofree char *trace = NULL;
	const int failed = deliver_test(queue, &trace, err);
	if (invocation->json)
		output_json_print(json_pack("{s:s, s:s?, s:s?}", "queue", name, "trace", trace,
					    "error", failed != 0 ? err->text : NULL));
	else if (trace != NULL && *trace != '\0')
		printf("%s%s", trace, g_str_has_suffix(trace, "\n") ? "" : "\n");
	return failed != 0 ? error_prefix(err, "deliver '%s'", name) : 0;
}

int cmd_deliver(const struct invocation *invocation, struct error *err)
{
	uint64_t limit;
	scoped(store_close) struct store *store = NULL;
	g_auto(GStrv) names = NULL;
	const bool sample = invocation_flag(invocation, "test");
	if (invocation_number(invocation, "limit", 1, 0, &limit, err) != 0 ||
	    invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    invocation_list_queues(invocation, store, cmd_deliver_wants, &names, err) != 0)
		return -1;
	int failed = 0;
	/* One queue's failure never stops another's; the first decides the exit status. */
	for (char **name = names; *name != NULL && !stop_requested(); name++) {
		struct error own;
		if ((sample ? cmd_deliver_sample(invocation, store, *name, &own)
			    : cmd_deliver_queue(invocation, store, *name, limit, &own)) == 0)
			continue;
		if (failed != 0)
			fprintf(stderr, "inqueue: %s\n", own.text);
		else
			*err = own;
		failed = -1;
	}
	return failed;
}

/* ---- delivery ---- */

static int cmd_delivery_json(const struct delivery *delivery, void *context)
{
	(void)context;
	json_t *object = json_pack(
	    "{s:I, s:s, s:i, s:s, s:I, s:o}", "entry_id", (json_int_t)delivery->entry_id, "queue",
	    delivery->queue_name, "attempt", (int)delivery->attempt, "outcome",
	    delivery_outcome_format(delivery->outcome), "duration_ms",
	    (json_int_t)delivery->duration_ms, "at", output_json_time_ms(delivery->at_ms));
	json_object_set_new(object, "status",
			    delivery->status != 0 ? json_integer(delivery->status) : json_null());
	json_object_set_new(object, "answer", output_json_text(delivery->answer));
	json_object_set_new(object, "error", output_json_text(delivery->error));
	output_json_print(object);
	return 0;
}

static void cmd_delivery_cells(const struct delivery *delivery, char entry[24], char attempt[16],
			       char status[16], char duration[24])
{
	g_snprintf(entry, 24, "%" PRId64, delivery->entry_id);
	g_snprintf(attempt, 16, "%d", (int)delivery->attempt);
	g_snprintf(status, 16, "%d", (int)delivery->status);
	if (delivery->status == 0)
		g_strlcpy(status, "-", 16);
	g_snprintf(duration, 24, "%" PRId64 " ms", delivery->duration_ms);
}

static int cmd_delivery_row(const struct delivery *delivery, void *context)
{
	char entry[24];
	char attempt[16];
	char status[16];
	char duration[24];
	char at[CLOCK_TEXT_SIZE];
	cmd_delivery_cells(delivery, entry, attempt, status, duration);
	clock_format_s(delivery->at_ms / 1000, at);
	const char *const cells[] = {
	    entry,
	    delivery->queue_name,
	    attempt,
	    at,
	    delivery_outcome_format(delivery->outcome),
	    status,
	    duration,
	    delivery->error != NULL ? delivery->error : delivery->answer,
	};
	output_table_add(context, cells);
	return 0;
}

int cmd_delivery_list(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"ENTRY", OUTPUT_RIGHT}, {"QUEUE", OUTPUT_LEFT},   {"ATTEMPT", OUTPUT_RIGHT},
	    {"AT", OUTPUT_LEFT},     {"OUTCOME", OUTPUT_LEFT}, {"STATUS", OUTPUT_RIGHT},
	    {"TIME", OUTPUT_RIGHT},  {"ANSWER", OUTPUT_CUT},
	};
	struct delivery_filter filter = {.newest_first = invocation_flag(invocation, "newest")};
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (invocation_number(invocation, "limit", 1, 0, &filter.limit, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (invocation->argument_count > 0 &&
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	filter.queue_id = queue != NULL ? queue->id : 0;
	struct output_table *table =
	    invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns));
	const int failed = delivery_list(
	    store, &filter, table != NULL ? cmd_delivery_row : cmd_delivery_json, table, err);
	if (table != NULL)
		output_table_print(table);
	return failed;
}

static int cmd_delivery_print(const struct delivery *delivery, void *context)
{
	(void)context;
	char at[CLOCK_TEXT_SIZE];
	clock_format_s(delivery->at_ms / 1000, at);
	printf("attempt %d  %s  %s  %" PRId64 " ms", (int)delivery->attempt, at,
	       delivery_outcome_format(delivery->outcome), delivery->duration_ms);
	if (delivery->status != 0)
		printf("  status %d", (int)delivery->status);
	printf("\n");
	if (delivery->error != NULL)
		printf("%s\n", delivery->error);
	if (delivery->answer != NULL)
		printf("%s%s", delivery->answer,
		       g_str_has_suffix(delivery->answer, "\n") ? "" : "\n");
	return 0;
}

int cmd_delivery_show(const struct invocation *invocation, struct error *err)
{
	struct delivery_filter filter = {0};
	scoped(store_close) struct store *store = NULL;
	scoped(entry_free) struct entry *entry = NULL;
	if (invocation_entry_id(invocation, 0, &filter.entry_id, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (entry_find(store, filter.entry_id, &entry, err) != 0 ||
	    delivery_list(store, &filter, invocation->json ? cmd_delivery_json : cmd_delivery_print,
			  NULL, err) != 0)
		return -1;
	return 0;
}
