/*
 * cmd_filter.h - the options that choose entries, the same for every command that has them.
 */
#ifndef LOADER_CLI_ENTRY_CMD_FILTER_H
#define LOADER_CLI_ENTRY_CMD_FILTER_H

#include "loader/cli/frame/command.h"
#include "queue/entry.h"

/* Reads --queue, --state, --sender, --subject, --tag, --held and --older-than, those that the
 * command has; says whether any was given. Texts are borrowed from the invocation. */
int cmd_filter_read(const struct invocation *invocation, struct store *store,
		    struct entry_filter *ret_filter, bool *ret_any, struct error *err);

#endif
