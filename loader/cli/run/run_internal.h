/*
 * run_internal.h - the commands of this family; their words are in run_table.c.
 */
#ifndef LOADER_CLI_RUN_RUN_INTERNAL_H
#define LOADER_CLI_RUN_RUN_INTERNAL_H

#include "loader/cli/frame/command.h"

int cmd_load(const struct invocation *invocation, struct error *err);
int cmd_import(const struct invocation *invocation, struct error *err);
int cmd_watch(const struct invocation *invocation, struct error *err);
int cmd_runs(const struct invocation *invocation, struct error *err);
int cmd_status(const struct invocation *invocation, struct error *err);

/* `status --check`: ERROR_NO where something is wrong, with what that is. Reads the database only. */
int cmd_status_check(const struct invocation *invocation, struct store *store, struct error *err);

/* USAGE where an option of --check is given. */
int cmd_status_refuse_limits(const struct invocation *invocation, struct error *err);

int cmd_verify(const struct invocation *invocation, struct error *err);
int cmd_reload(const struct invocation *invocation, struct error *err);
int cmd_target_test(const struct invocation *invocation, struct error *err);
int cmd_deliver(const struct invocation *invocation, struct error *err);

#endif
