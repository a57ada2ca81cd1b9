/*
 * entry_view.h - an entry for people and for programs.
 */
#ifndef LOADER_CLI_ENTRY_VIEW_H
#define LOADER_CLI_ENTRY_VIEW_H

#include "loader/base/error.h"
#include "queue/entry.h"

#include <jansson.h>

/* The columns without headers and bodies, as `list --json` shows them. */
json_t *entry_view_json(const struct entry *entry);

/* All of it: fields, attachments, bodies. Bodies are copied from the database in pieces. */
int entry_view_print(struct store *store, const struct entry *entry, struct error *err);

/* One JSON document, likewise. */
int entry_view_print_json(struct store *store, const struct entry *entry, struct error *err);

#endif
