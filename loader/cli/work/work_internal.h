/*
 * work_internal.h - the commands of this family, whose words are in work_table.c, and the options that
 * say what a worker wants.
 */
#ifndef LOADER_CLI_WORK_WORK_INTERNAL_H
#define LOADER_CLI_WORK_WORK_INTERNAL_H

#include "loader/cli/frame/command.h"
#include "queue/entry_claim.h"

int cmd_claim(const struct invocation *invocation, struct error *err);
int cmd_complete(const struct invocation *invocation, struct error *err);
int cmd_fail(const struct invocation *invocation, struct error *err);
int cmd_release(const struct invocation *invocation, struct error *err);
int cmd_extend(const struct invocation *invocation, struct error *err);
int cmd_progress(const struct invocation *invocation, struct error *err);
int cmd_defer(const struct invocation *invocation, struct error *err);
int cmd_work(const struct invocation *invocation, struct error *err);

/* Reads --lease. Errors: USAGE. */
int cmd_claim_lease(const struct invocation *invocation, int64_t *ret_lease_ms, struct error *err);

/* Reads --output or --output-file; NULL where neither is given. The caller frees with g_free(). Errors: USAGE, DATA for
 * what is no JSON or too long, IO. */
int cmd_output_read(const struct invocation *invocation, char **ret_output, struct error *err);

/* Reads --worker, --lease, --sender, --subject and --tag. Texts are borrowed from the invocation.
 * Errors: USAGE. */
int cmd_claim_wish(const struct invocation *invocation, const struct work_queue *queue,
		   struct entry_wish *ret_wish, struct error *err);

#endif
