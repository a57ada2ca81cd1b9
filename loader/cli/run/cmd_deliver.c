/* `deliver`: posts what is due, one queue after the other, and says what became of it. */
#include "loader/cli/run/run_internal.h"

#include "loader/base/clock.h"
#include "loader/base/service.h"
#include "loader/cli/frame/output.h"
#include "loader/deliver/deliver.h"
#include "queue/base/scoped.h"
#include "queue/entry_claim.h"

#include <inttypes.h>
#include <unistd.h>

/* Delivers one queue, or posts its sample (--test). */
typedef int cmd_deliver_one(const struct invocation *invocation, struct store *store,
			    const char *name, uint64_t limit, struct error *err);

/* The failure of one queue never stops another: each is said at once, and the first one decides the
 * exit status. */
static int cmd_deliver_each(const struct invocation *invocation, struct store *store,
			    char *const *names, uint64_t limit, cmd_deliver_one *one,
			    struct error *err)
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

/* What a run that has posted nothing leaves: "nothing is due, 3 wait, the first until 2026-01-31 13:00". Entries
 * that are held, or that somebody else has, have no time. */
static int cmd_deliver_print_waiting(struct store *store, const struct work_queue *queue,
				     struct error *err)
{
	const struct entry_wish any = {.queue_id = queue->id};
	const int64_t now_ms = clock_now_ms();
	struct work_queue_counts counts;
	int64_t due_ms;
	char until[CLOCK_TEXT_SIZE];
	if (work_queue_count(store, queue->id, &counts, err) != 0 ||
	    entry_claim_due(store, &any, now_ms, &due_ms, err) != 0)
		return -1;
	output_time_s(due_ms / 1000, until);
	output_line("%s: nothing is due, %" PRIu64 " wait%s%s%s", queue->name, counts.new_entries,
		    counts.new_entries == 1 ? "s" : "", due_ms > now_ms ? ", the first until " : "",
		    due_ms > now_ms ? until : "");
	return 0;
}

/* An outcome of whatever kind is a post. */
static bool cmd_deliver_has_posted(const struct deliver_result *result)
{
	uint64_t sum = 0;
	for (enum delivery_outcome i = 0; i < DELIVERY_OUTCOMES; i++)
		sum += result->counts[i];
	return sum > 0;
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
	else if (isatty(STDOUT_FILENO) && failed == 0 && cmd_deliver_has_posted(&result))
		cmd_deliver_print(name, &result);
	else if (isatty(STDOUT_FILENO) && failed == 0)
		return cmd_deliver_print_waiting(store, queue, err);
	return failed;
}

/* Prints the trace also when the target has refused the sample: that is what it is for. `kind` is "queue" or
 * "target". */
static void cmd_deliver_print_trace(const struct invocation *invocation, const char *kind,
				    const char *name, const char *trace, const char *failure)
{
	if (invocation->json)
		output_json_print(
		    json_pack("{s:s, s:s?, s:s?}", kind, name, "trace", trace, "error", failure));
	else
		output_text(trace);
}

static int cmd_deliver_sample(const struct invocation *invocation, struct store *store,
			      const char *name, uint64_t limit, struct error *err)
{
	(void)limit; /* one post shows it */
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (work_queue_find(store, name, &queue, err) != 0)
		return -1;
	g_autofree char *trace = NULL;
	const int failed = deliver_test(queue, &trace, err);
	cmd_deliver_print_trace(invocation, "queue", name, trace, failed != 0 ? err->text : NULL);
	return failed != 0 ? error_prefix(err, "deliver '%s'", name) : 0;
}

/* `target test` has no queue to take the account from: the sample names a made-up one. */
int cmd_target_test(const struct invocation *invocation, struct error *err)
{
	const char *name = invocation->arguments[0];
	scoped(store_close) struct store *store = NULL;
	struct work_queue queue = {.name = (char *)name,
				   .external_source = (char *)"File",
				   .connection_string = (char *)"",
				   .user_name = (char *)"robot@example.com"};
	scoped(work_queue_target_clear) struct work_queue_target *release = &queue.target;
	g_autofree char *trace = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    work_queue_target_find(store, name, release, err) != 0)
		return -1;
	deliver_allow(&queue);
	if (deliver_confine(invocation->database, err) != 0)
		return -1;
	const int failed = deliver_test(&queue, &trace, err);
	cmd_deliver_print_trace(invocation, "target", name, trace, failed != 0 ? err->text : NULL);
	return failed != 0 ? error_prefix(err, "target '%s'", name) : 0;
}

/* Before the first target is heard: afterwards no further secret can be allowed, so those of all
 * queues are allowed at once. A queue that is not there is named later, by the run. */
static int cmd_deliver_confine(const struct invocation *invocation, struct store *store,
			       char *const *names, struct error *err)
{
	struct error ignored;
	for (; *names != NULL; names++) {
		scoped(work_queue_free) struct work_queue *queue = NULL;
		if (work_queue_find(store, *names, &queue, &ignored) == 0)
			deliver_allow(queue);
	}
	return deliver_confine(invocation->database, err);
}

/* Without names all queues are meant that have a target and are not paused. What is refused (no write access, no
 * such queue) is refused before the first post. */
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
	if (*names == NULL && !invocation->json)
		output_say_to_person("no queue has a target: `inqueue queue alter NAME "
				     "--deliver-to URL`");
	return cmd_deliver_each(
	    invocation, store, names, limit,
	    invocation_flag(invocation, "test") ? cmd_deliver_sample : cmd_deliver_queue, err);
}
