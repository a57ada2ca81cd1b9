/*
 * run_internal.h - the commands of this family; their words are in run_table.c.
 */
#ifndef LOADER_CLI_RUN_RUN_INTERNAL_H
#define LOADER_CLI_RUN_RUN_INTERNAL_H

#include "loader/cli/frame/command.h"

int cmd_load(const struct invocation *invocation, struct error *err);
int cmd_import(const struct invocation *invocation, struct error *err);
int cmd_watch(const struct invocation *invocation, struct error *err);
int cmd_status(const struct invocation *invocation, struct error *err);
int cmd_verify(const struct invocation *invocation, struct error *err);
int cmd_reload(const struct invocation *invocation, struct error *err);
int cmd_deliver(const struct invocation *invocation, struct error *err);

#endif
