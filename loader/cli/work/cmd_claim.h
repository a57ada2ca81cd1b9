/*
 * cmd_claim.h - what `claim`, `work` and `extend` have in common.
 */
#ifndef LOADER_CLI_WORK_CMD_CLAIM_H
#define LOADER_CLI_WORK_CMD_CLAIM_H

#include "loader/cli/frame/command.h"
#include "queue/entry_claim.h"

/* Reads --worker, --lease, --sender, --subject and --tag; texts are borrowed from the invocation.
 */
int cmd_claim_wish(const struct invocation *invocation, const struct work_queue *queue,
		   struct entry_wish *ret_wish, struct error *err);

/* Reads --lease: 10 minutes unless it is given. */
int cmd_claim_lease(const struct invocation *invocation, int64_t *ret_lease_ms, struct error *err);

#endif
