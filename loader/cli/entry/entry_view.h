/*
 * entry_view.h - what other commands show of an entry and do with it.
 */
#ifndef LOADER_CLI_ENTRY_ENTRY_VIEW_H
#define LOADER_CLI_ENTRY_ENTRY_VIEW_H

#include "loader/cli/frame/command.h"
#include "queue/entry.h"

/* All of it: fields, attachments, bodies. Bodies are copied from the database in pieces. */
int entry_view_print(struct store *store, const struct entry *entry, struct error *err);

/* `release --force`: takes claimed entries back from their workers. */
int cmd_take_back(const struct invocation *invocation, struct error *err);

#endif
