#include "loader/cli/work/cmd_claim.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/work/work.h"
#include "loader/work/work_command.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	WORK_CONCURRENCY_MAX = 100,
	CMD_WORK_GRACE_MS = 60000, /* less than service managers wait before they kill */
};

struct cmd_work {
	bool json;
	const char *queue;
};

static void cmd_work_print_json(const struct work_outcome *outcome)
{
	output_json_print(
	    json_pack("{s:I, s:i, s:s, s:o, s:o}", "id", (json_int_t)outcome->entry_id, "attempt",
		      (int)outcome->attempt, "outcome", work_end_format(outcome->end), "reason",
		      output_json_text(outcome->end != WORK_COMPLETED ? outcome->reason : NULL),
		      "next_attempt_at", output_json_time_ms(outcome->next_attempt_ms)));
	fflush(stdout);
}

static void cmd_work_settled(const struct work_outcome *outcome, void *context)
{
	const struct cmd_work *work = context;
	char next[CLOCK_TEXT_SIZE] = "";
	if (work->json)
		cmd_work_print_json(outcome);
	if (work->json || outcome->end == WORK_COMPLETED || outcome->end == WORK_RELEASED)
		return;
	if (outcome->next_attempt_ms != 0)
		clock_format_s(outcome->next_attempt_ms / 1000, next);
	fprintf(stderr, "inqueue: entry %" PRId64 ": %s%s%s: %s\n", outcome->entry_id,
		work_end_format(outcome->end), *next != '\0' ? ", to be tried again at " : "", next,
		outcome->reason);
}

static void cmd_work_note(const char *words, void *context)
{
	const struct cmd_work *work = context;
	fprintf(stderr, "inqueue: work '%s': %s\n", work->queue, words);
}

static int cmd_work_options(const struct invocation *invocation, struct work_options *options,
			    struct error *err)
{
	uint64_t concurrency;
	if (invocation_number(invocation, "concurrency", 1, 1, &concurrency, err) != 0 ||
	    invocation_duration(invocation, "timeout", 1, 0, &options->timeout_ms, err) != 0 ||
	    invocation_duration(invocation, "grace", 0, CMD_WORK_GRACE_MS, &options->grace_ms,
				err) != 0)
		return -1;
	if (concurrency > WORK_CONCURRENCY_MAX)
		return error_set(err, ERROR_USAGE, "--concurrency takes at most %d",
				 WORK_CONCURRENCY_MAX);
	if (work_command_check(options->command[0], err) != 0)
		return -1;
	options->concurrency = (size_t)concurrency;
	options->until_empty = invocation_flag(invocation, "until-empty");
	return 0;
}

int cmd_work(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	struct cmd_work work = {.json = invocation->json, .queue = invocation->arguments[0]};
	struct work_options options = {.command = invocation->arguments + 1,
				       .database = invocation->database,
				       .settled = cmd_work_settled,
				       .note = cmd_work_note,
				       .context = &work};
	if (cmd_work_options(invocation, &options, err) != 0 ||
	    invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0 ||
	    cmd_claim_wish(invocation, queue, &options.wish, err) != 0)
		return -1;
	if (work_run(store, queue, &options, err) != 0)
		return error_prefix(err, "work '%s'", queue->name);
	return 0;
}
