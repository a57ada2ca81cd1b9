/* The commands by which workers say what became of entries, and `work`, which runs a command for each
 * entry of a queue. Claiming is in cmd_claim.c. */
#include "loader/cli/work/work_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/entry/entry_view.h"
#include "loader/cli/frame/output.h"
#include "loader/work/work.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- complete, fail, release, extend, defer ---- */

/* What becomes of the entries, for each of these commands. */
struct cmd_settle {
	const char *token;
	const char *reason; /* or NULL */
	const char *output; /* or NULL */
	enum entry_failure failure;
	int64_t until_ms; /* to defer to */
	int64_t lease_ms; /* to extend by */
	int64_t now_ms;
	int64_t next_attempt_ms; /* of the last failure */
};

/* Returns -1 where the token is no longer good, which takes back what was done with the entries
 * before. */
typedef int cmd_settle_one(struct store *store, int64_t entry_id, struct cmd_settle *settle,
			   struct error *err);

/* The five functions that follow differ in what they do with one entry; cmd_settle_all() does
 * what they share. */
static int cmd_settle_complete(struct store *store, int64_t entry_id, struct cmd_settle *settle,
			       struct error *err)
{
	return entry_complete_with(store, entry_id, settle->token, settle->output, settle->now_ms,
				   err);
}

/* Of several entries the last one tells when it is tried again: they are due at about one time. */
static int cmd_settle_fail(struct store *store, int64_t entry_id, struct cmd_settle *settle,
			   struct error *err)
{
	return entry_fail(store, entry_id, settle->token, settle->failure, settle->reason,
			  settle->now_ms, &settle->next_attempt_ms, err);
}

static int cmd_settle_release(struct store *store, int64_t entry_id, struct cmd_settle *settle,
			      struct error *err)
{
	return entry_release(store, entry_id, settle->token, settle->reason, settle->now_ms, err);
}

static int cmd_settle_extend(struct store *store, int64_t entry_id, struct cmd_settle *settle,
			     struct error *err)
{
	return entry_extend(store, entry_id, settle->token, settle->now_ms + settle->lease_ms,
			    settle->now_ms, err);
}

static int cmd_settle_defer(struct store *store, int64_t entry_id, struct cmd_settle *settle,
			    struct error *err)
{
	return entry_defer(store, entry_id, settle->token, settle->until_ms, settle->reason,
			   settle->now_ms, err);
}

/* All of them or none, in one transaction: a return before the commit closes the store, which takes it back. */
static int cmd_settle_all(const struct invocation *invocation, cmd_settle_one *one,
			  struct cmd_settle *settle, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	settle->token = invocation_text(invocation, "token");
	if (settle->token == NULL)
		return error_set(
		    err, ERROR_USAGE,
		    "--token is needed: the lease token that `inqueue claim` printed%s",
		    strcmp(invocation->command->name, "release") == 0
			? "; an operator takes the entry from its worker with --force"
			: "");
	if (invocation_open(invocation, STORE_WRITE, &store, err) != 0)
		return -1;
	if (store_begin(store, err) != 0)
		return -1;
	/* The time is taken inside the transaction: a lease must not begin while this process
	 * waits for others. */
	settle->now_ms = clock_now_ms();
	for (size_t i = 0; i < invocation->argument_count; i++) {
		int64_t id;
		if (invocation_entry_id(invocation, i, &id, err) != 0)
			return -1;
		if (one(store, id, settle, err) != 0)
			return -1;
	}
	return store_commit(store, err) == 0 ? 0 : -1;
}

/* A worker that completes needs to say nothing but its token. */
int cmd_complete(const struct invocation *invocation, struct error *err)
{
	g_autofree char *output = NULL;
	if (cmd_output_read(invocation, &output, err) != 0)
		return -1;
	struct cmd_settle settle = {.output = output};
	return cmd_settle_all(invocation, cmd_settle_complete, &settle, err);
}

/* Says when the entry is tried again, which the worker cannot know. */
static void cmd_fail_print(const struct invocation *invocation, const struct cmd_settle *settle)
{
	if (invocation->json) {
		output_json_print(json_pack("{s:b, s:o}", "final", settle->next_attempt_ms == 0,
					    "next_attempt_at",
					    output_json_time_ms(settle->next_attempt_ms)));
		return;
	}
	char text[CLOCK_TEXT_SIZE];
	output_time_s(settle->next_attempt_ms / 1000, text);
	if (settle->next_attempt_ms != 0)
		output_line("to be tried again at %s", text);
	else
		output_line("failed for good");
}

/* The worker has to say which kind of failure it is, because the two have different ends. */
int cmd_fail(const struct invocation *invocation, struct error *err)
{
	const bool business = invocation_flag(invocation, "business");
	struct cmd_settle settle = {.failure = business ? ENTRY_BUSINESS : ENTRY_APPLICATION};
	if (invocation_line(invocation, "reason", &settle.reason, err) != 0)
		return -1;
	if (business == invocation_flag(invocation, "application") || settle.reason == NULL)
		return error_set(err, ERROR_USAGE,
				 "--reason TEXT is needed, and one of --business (final) and "
				 "--application (tried again)");
	if (cmd_settle_all(invocation, cmd_settle_fail, &settle, err) != 0)
		return -1;
	cmd_fail_print(invocation, &settle);
	return 0;
}

/* A worker releases by its token; --force is for operators. */
int cmd_release(const struct invocation *invocation, struct error *err)
{
	struct cmd_settle settle = {0};
	if (invocation_flag(invocation, "force"))
		return cmd_take_back(invocation, err);
	if (invocation_text(invocation, "by") != NULL)
		return error_set(err, ERROR_USAGE,
				 "--by needs --force: a worker's token says who it is");
	if (invocation_line(invocation, "reason", &settle.reason, err) != 0)
		return -1;
	return cmd_settle_all(invocation, cmd_settle_release, &settle, err);
}

/* The lease is counted from now on, not from its old end: repeated calls do not add up. */
int cmd_extend(const struct invocation *invocation, struct error *err)
{
	struct cmd_settle settle = {0};
	if (cmd_claim_lease(invocation, &settle.lease_ms, err) != 0)
		return -1;
	return cmd_settle_all(invocation, cmd_settle_extend, &settle, err);
}

/* Without --until the worker means `release`. */
int cmd_defer(const struct invocation *invocation, struct error *err)
{
	struct cmd_settle settle = {0};
	if (invocation_time(invocation, "until", 1, &settle.until_ms, err) != 0 ||
	    invocation_line(invocation, "reason", &settle.reason, err) != 0)
		return -1;
	if (settle.until_ms == 0)
		return error_set(err, ERROR_USAGE,
				 "--until is needed: 2026-01-31T12:00:00Z, or a span from now: 2h");
	return cmd_settle_all(invocation, cmd_settle_defer, &settle, err);
}

/* ---- work ---- */

/* Each command has pipes and files of its own, and the usual limit is 1024 descriptors. */
enum { WORK_CONCURRENCY_MAX = 100 };

struct cmd_work {
	bool json;
	const char *queue;
};

/* Flushed line by line: a program that reads them wants to know of each entry as it ends. */
static void cmd_work_print_json(const struct work_outcome *outcome)
{
	output_json_print(
	    json_pack("{s:I, s:i, s:s, s:o, s:o}", "id", (json_int_t)outcome->entry_id, "attempt",
		      (int)outcome->attempt, "outcome", work_end_format(outcome->end), "reason",
		      output_json_text(outcome->end != WORK_COMPLETED ? outcome->reason : NULL),
		      "next_attempt_at", output_json_time_ms(outcome->next_attempt_ms)));
	fflush(stdout);
}

/* Silence is success; what failed is said at once, because the loop may go on for days. */
static void cmd_work_settled(const struct work_outcome *outcome, void *context)
{
	const struct cmd_work *work = context;
	char next[CLOCK_TEXT_SIZE] = "";
	if (work->json)
		cmd_work_print_json(outcome);
	if (work->json || outcome->end == WORK_COMPLETED || outcome->end == WORK_RELEASED)
		return;
	if (outcome->next_attempt_ms != 0)
		output_time_s(outcome->next_attempt_ms / 1000, next);
	output_say("entry %" PRId64 ": %s%s%s: %s", outcome->entry_id,
		   work_end_format(outcome->end), *next != '\0' ? ", to be tried again at " : "",
		   next, outcome->reason);
}

/* What the loop has to say of itself, e.g. that it waits for a locked database. */
static void cmd_work_note(const char *words, void *context)
{
	const struct cmd_work *work = context;
	output_say("work '%s': %s", work->queue, words);
}

/* The command is looked at before anything is claimed, so that a misspelt one costs no attempt. */
static int cmd_work_options(const struct invocation *invocation, struct work_options *options,
			    struct error *err)
{
	uint64_t concurrency;
	if (invocation_number(invocation, "concurrency", 1, &concurrency, err) != 0 ||
	    invocation_duration(invocation, "timeout", 1, &options->timeout_ms, err) != 0 ||
	    invocation_duration(invocation, "grace", 0, &options->grace_ms, err) != 0)
		return -1;
	if (concurrency > WORK_CONCURRENCY_MAX)
		return error_set(err, ERROR_USAGE, "--concurrency takes at most %d",
				 WORK_CONCURRENCY_MAX);
	if (work_command_check(options->command[0], err) != 0)
		return -1;
	options->concurrency = (size_t)concurrency;
	options->until_empty = invocation_flag(invocation, "until-empty");
	options->output = invocation_flag(invocation, "output");
	return 0;
}

/* The words behind "--" are the command; its own options are none of ours. */
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
