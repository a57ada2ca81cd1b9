/*
 * work_internal.h - the commands of this family; their words are in work_table.c.
 */
#ifndef LOADER_CLI_WORK_WORK_INTERNAL_H
#define LOADER_CLI_WORK_WORK_INTERNAL_H

#include "loader/cli/frame/command.h"

int cmd_claim(const struct invocation *invocation, struct error *err);
int cmd_complete(const struct invocation *invocation, struct error *err);
int cmd_fail(const struct invocation *invocation, struct error *err);
int cmd_release(const struct invocation *invocation, struct error *err);
int cmd_extend(const struct invocation *invocation, struct error *err);
int cmd_defer(const struct invocation *invocation, struct error *err);
int cmd_work(const struct invocation *invocation, struct error *err);

#endif
