/*
 * serve_internal.h - the commands about programs on other machines; their words are in serve_table.c.
 */
#ifndef LOADER_CLI_SERVE_SERVE_INTERNAL_H
#define LOADER_CLI_SERVE_SERVE_INTERNAL_H

#include "loader/cli/frame/command.h"

int cmd_serve(const struct invocation *invocation, struct error *err);
int cmd_token_create(const struct invocation *invocation, struct error *err);
int cmd_token_list(const struct invocation *invocation, struct error *err);
int cmd_token_revoke(const struct invocation *invocation, struct error *err);

#endif
