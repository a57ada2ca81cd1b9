/*
 * entry_internal.h - the commands of this family, and the options that choose entries, the same for every
 * command that has them.
 */
#ifndef LOADER_CLI_ENTRY_ENTRY_INTERNAL_H
#define LOADER_CLI_ENTRY_ENTRY_INTERNAL_H

#include "loader/cli/entry/entry_view.h"
#include "loader/cli/frame/command.h"
#include "queue/entry.h"

/* Reads --queue, --state, --sender, --subject, --tag, --held and --older-than, those that the
 * command has; says whether any was given. Texts are borrowed from the invocation. */
int cmd_filter_read(const struct invocation *invocation, struct store *store,
		    struct entry_filter *ret_filter, bool *ret_any, struct error *err);

/* --- parts of what entry_view_print() shows --- */

void entry_view_print_texts(const struct entry *entry);
void entry_view_print_defects(const struct entry *entry);
void entry_view_print_attachments(const struct entry *entry);
void entry_view_print_calendars(const struct entry *entry);

/* The commands; their words are in entry_table.c. */
int cmd_list(const struct invocation *invocation, struct error *err);
int cmd_show(const struct invocation *invocation, struct error *err);
int cmd_parse(const struct invocation *invocation, struct error *err);
int cmd_save(const struct invocation *invocation, struct error *err);
int cmd_retry(const struct invocation *invocation, struct error *err);
int cmd_discard(const struct invocation *invocation, struct error *err);
int cmd_hold(const struct invocation *invocation, struct error *err);
int cmd_unhold(const struct invocation *invocation, struct error *err);
int cmd_priority(const struct invocation *invocation, struct error *err);
int cmd_tag(const struct invocation *invocation, struct error *err);
int cmd_note(const struct invocation *invocation, struct error *err);
int cmd_history(const struct invocation *invocation, struct error *err);
int cmd_stats(const struct invocation *invocation, struct error *err);
int cmd_purge(const struct invocation *invocation, struct error *err);
int cmd_export(const struct invocation *invocation, struct error *err);
int cmd_delivery_list(const struct invocation *invocation, struct error *err);
int cmd_delivery_show(const struct invocation *invocation, struct error *err);

#endif
