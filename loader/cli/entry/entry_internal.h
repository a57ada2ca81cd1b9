/*
 * entry_internal.h - the commands of this family; the table of entries.
 */
#ifndef LOADER_CLI_ENTRY_ENTRY_INTERNAL_H
#define LOADER_CLI_ENTRY_ENTRY_INTERNAL_H

#include "loader/cli/entry/entry_view.h"
#include "loader/cli/entry/filter.h"
#include "loader/cli/frame/command.h"
#include "loader/cli/frame/output.h"
#include "queue/entry.h"

/* ---- entries in a table, as `list` and dry runs show them ---- */

/* Without the name of the queue where the filter names it, or where there is no other. */
int entry_rows_new(struct store *store, const struct entry_filter *filter,
		   struct output_table **ret_table, struct error *err);

/* For entry_list(); the context is the table. What went wrong stands below the row. */
int entry_rows_add(const struct entry *entry, void *table);

/* ---- the entries that a dry run finds ---- */

struct entry_preview {
	struct output_table *table; /* NULL: JSON */
	json_t *ids;		    /* NULL: a table */
	uint64_t count;
};

int entry_preview_begin(const struct invocation *invocation, struct store *store,
			const struct entry_filter *filter, struct entry_preview *ret_preview,
			struct error *err);

/* For entry_list(). */
int entry_preview_add(const struct entry *entry, void *preview);

/* Prints the entries and how many there are, "2 entries to be WHAT"; JSON has {"WHAT": 2,
 * "dry_run": true, "ids": […]}. */
void entry_preview_end(struct entry_preview *preview, const char *what);

/* Without printing. */
void entry_preview_free(struct entry_preview *preview);

/* --- parts of what entry_view_print() shows --- */

void entry_view_print_texts(const struct entry *entry);
void entry_view_print_defects(const struct entry *entry);
void entry_view_print_attachments(const struct entry *entry);
void entry_view_print_calendars(const struct entry *entry);
void entry_view_print_bounces(const struct entry *entry);

struct entry_order; /* queue/entry_operate.h */

/* Carries an order out by ids or by filter, or shows what it would change; its author and reason come from the options. */
int cmd_operate(const struct invocation *invocation, struct entry_order *order, struct error *err);

/* The commands; their words are in entry_table.c. */
int cmd_list(const struct invocation *invocation, struct error *err);
int cmd_show(const struct invocation *invocation, struct error *err);
int cmd_parse(const struct invocation *invocation, struct error *err);
int cmd_save(const struct invocation *invocation, struct error *err);
int cmd_retry(const struct invocation *invocation, struct error *err);
int cmd_delivery_retry(const struct invocation *invocation, struct error *err);
int cmd_discard(const struct invocation *invocation, struct error *err);
int cmd_hold(const struct invocation *invocation, struct error *err);
int cmd_unhold(const struct invocation *invocation, struct error *err);
int cmd_priority(const struct invocation *invocation, struct error *err);
int cmd_tag(const struct invocation *invocation, struct error *err);
int cmd_deadline(const struct invocation *invocation, struct error *err);
int cmd_note(const struct invocation *invocation, struct error *err);
int cmd_history(const struct invocation *invocation, struct error *err);
int cmd_stats(const struct invocation *invocation, struct error *err);
int cmd_purge(const struct invocation *invocation, struct error *err);
int cmd_export(const struct invocation *invocation, struct error *err);
int cmd_delivery_list(const struct invocation *invocation, struct error *err);
int cmd_delivery_show(const struct invocation *invocation, struct error *err);

#endif
