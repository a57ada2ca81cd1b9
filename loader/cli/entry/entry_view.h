/*
 * entry_view.h - an entry for people.
 */
#ifndef LOADER_CLI_ENTRY_ENTRY_VIEW_H
#define LOADER_CLI_ENTRY_ENTRY_VIEW_H

#include "queue/base/error.h"
#include "queue/entry.h"

/* All of it: fields, attachments, bodies. Bodies are copied from the database in pieces. */
int entry_view_print(struct store *store, const struct entry *entry, struct error *err);

#endif
