/*
 * oauth_internal.h - the commands of accounts of OAuth 2.0; their words are in oauth_table.c.
 */
#ifndef LOADER_CLI_OAUTH_OAUTH_INTERNAL_H
#define LOADER_CLI_OAUTH_OAUTH_INTERNAL_H

#include "loader/cli/frame/command.h"

int cmd_oauth_login(const struct invocation *invocation, struct error *err);
int cmd_oauth_list(const struct invocation *invocation, struct error *err);
int cmd_oauth_check(const struct invocation *invocation, struct error *err);
int cmd_oauth_revoke(const struct invocation *invocation, struct error *err);

#endif
