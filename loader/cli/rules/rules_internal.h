/*
 * rules_internal.h - the commands of rules; their words are in rules_table.c.
 */
#ifndef LOADER_CLI_RULES_RULES_INTERNAL_H
#define LOADER_CLI_RULES_RULES_INTERNAL_H

#include "loader/cli/frame/command.h"
#include "loader/rules/rules.h"

struct output_table;

int cmd_rules_list(const struct invocation *invocation, struct error *err);
int cmd_rules_set(const struct invocation *invocation, struct error *err);
int cmd_rules_remove(const struct invocation *invocation, struct error *err);
int cmd_rules_move(const struct invocation *invocation, struct error *err);
int cmd_rules_test(const struct invocation *invocation, struct error *err);
int cmd_rules_apply(const struct invocation *invocation, struct error *err);

/* The rules of the queue that the first argument names. NO where it has none. */
int rules_of_invocation(const struct invocation *invocation, struct store *store,
			struct work_queue **ret_queue, struct rules **ret_rules, struct error *err);

/* What the outcome comes to: "priority 5; tag urgent; hold", "nothing". Caller frees. */
char *rules_summary(const struct rule_outcome *outcome);

/* ---- many entries, a line for each ---- */

struct rules_trying {
	struct store *store;
	const struct rules *rules;
	struct output_table *table; /* NULL: JSON Lines */
	struct error *err;
	/* Of `apply`. */
	const struct invocation *invocation;
	uint32_t version;
	bool change;
	uint64_t changed;
};

/* NULL where programs read: JSON Lines. */
struct output_table *rules_table_new(const struct invocation *invocation);

/* The entry, the rules that fired, and what they come to. */
void rules_tell_row(const struct rules_trying *trying, const struct entry *entry,
		    const struct rule_outcome *outcome);

/* Tries the rules on an entry of a list, which comes without attachments and calendars: the rules may ask for
 * them. The caller frees entry and outcome; -1 with *trying->err. */
int rules_try_listed(const struct rules_trying *trying, const struct entry *listed,
		     struct entry **ret_entry, struct rule_outcome *ret_outcome);

#endif
