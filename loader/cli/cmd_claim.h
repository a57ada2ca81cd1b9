/*
 * cmd_claim.h - what `claim` and `work` have in common.
 */
#ifndef LOADER_CLI_CMD_CLAIM_H
#define LOADER_CLI_CMD_CLAIM_H

#include "loader/cli/command.h"
#include "queue/entry_claim.h"

/* Reads --worker, --lease, --sender, --subject and --tag; texts are borrowed from the invocation.
 */
int cmd_claim_wish(const struct invocation *invocation, const struct work_queue *queue,
		   struct entry_wish *ret_wish, struct error *err);

#endif
