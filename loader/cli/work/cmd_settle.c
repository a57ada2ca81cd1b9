#include "loader/cli/work/cmd_claim.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is to become of the entries. */
struct cmd_settle {
	const char *token;
	const char *reason; /* or NULL */
	enum entry_failure failure;
	int64_t until_ms; /* to defer to */
	int64_t lease_ms; /* to extend by */
	int64_t now_ms;
	int64_t next_attempt_ms; /* of the last failure */
};

typedef int cmd_settle_one(struct store *store, int64_t entry_id, struct cmd_settle *settle,
			   struct error *err);

static int cmd_settle_complete(struct store *store, int64_t entry_id, struct cmd_settle *settle,
			       struct error *err)
{
	return entry_complete(store, entry_id, settle->token, settle->now_ms, err);
}

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

/* All of them or none, in one transaction. */
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
	/* Not before: the lease would begin while others are waited for. */
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

int cmd_complete(const struct invocation *invocation, struct error *err)
{
	struct cmd_settle settle = {0};
	return cmd_settle_all(invocation, cmd_settle_complete, &settle, err);
}

static void cmd_fail_print(const struct invocation *invocation, const struct cmd_settle *settle)
{
	if (invocation->json) {
		output_json_print(json_pack("{s:b, s:o}", "final", settle->next_attempt_ms == 0,
					    "next_attempt_at",
					    output_json_time_ms(settle->next_attempt_ms)));
		return;
	}
	char text[CLOCK_TEXT_SIZE];
	clock_format_s(settle->next_attempt_ms / 1000, text);
	if (settle->next_attempt_ms != 0)
		printf("to be tried again at %s\n", text);
	else
		printf("failed for good\n");
}

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

int cmd_release(const struct invocation *invocation, struct error *err)
{
	struct cmd_settle settle = {0};
	if (invocation_flag(invocation, "force"))
		return cmd_take_back(invocation, err);
	if (invocation_text(invocation, "by") != NULL)
		return error_set(err, ERROR_USAGE,
				 "--by goes with --force: a worker's token says who it is");
	if (invocation_line(invocation, "reason", &settle.reason, err) != 0)
		return -1;
	return cmd_settle_all(invocation, cmd_settle_release, &settle, err);
}

int cmd_extend(const struct invocation *invocation, struct error *err)
{
	struct cmd_settle settle = {0};
	if (cmd_claim_lease(invocation, &settle.lease_ms, err) != 0)
		return -1;
	return cmd_settle_all(invocation, cmd_settle_extend, &settle, err);
}

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
