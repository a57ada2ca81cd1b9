/* `list`, and the same table for dry runs: a row an entry, and below it what went wrong. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "loader/entry/export.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>

/* ---- the table ---- */

enum { ENTRY_ROWS_QUEUE = 1 };

static int entry_rows_count(const struct work_queue *queue, void *context)
{
	(void)queue;
	++*(size_t *)context;
	return 0;
}

/* The column QUEUE is left out where there is one queue: it would say the same in each row. */
int entry_rows_new(struct store *store, const struct entry_filter *filter,
		   struct output_table **ret_table, struct error *err)
{
	static const struct output_column columns[] = {
	    {"ID", OUTPUT_RIGHT, false},       [ENTRY_ROWS_QUEUE] = {"QUEUE", OUTPUT_NAME, false},
	    {"STATE", OUTPUT_LEFT, false},     {"HELD", OUTPUT_RIGHT, true},
	    {"PRIORITY", OUTPUT_RIGHT, true},  {"TRIES", OUTPUT_RIGHT, true},
	    {"WORKER", OUTPUT_CUT, true},      {"TAGS", OUTPUT_CUT, true},
	    {"RECEIVED", OUTPUT_RIGHT, false}, {"SENDER", OUTPUT_CUT, false},
	    {"FILES", OUTPUT_RIGHT, true},     {"SUBJECT", OUTPUT_CUT, false},
	};
	size_t queues = 0;
	if (filter->queue_id == 0 && work_queue_list(store, entry_rows_count, &queues, err) != 0)
		return -1;
	*ret_table = output_table_new(columns, G_N_ELEMENTS(columns));
	if (queues <= 1)
		output_table_hide(*ret_table, ENTRY_ROWS_QUEUE);
	return 0;
}

/* Why the entry has failed, or why it is tried again and when. NULL where nothing went wrong.
 * Caller frees. */
static char *entry_rows_reason(const struct entry *entry)
{
	char again[CLOCK_TEXT_SIZE];
	const char *reason = entry->error_text;
	if (entry->state == ENTRY_DONE || entry->state == ENTRY_CLAIMED)
		return NULL;
	if (entry->state != ENTRY_NEW || entry->next_attempt_at_ms <= clock_now_ms())
		return g_strdup(reason);
	output_time_s(entry->next_attempt_at_ms / 1000, again);
	return g_strdup_printf("not before %s%s%s", again, reason != NULL ? ": " : "",
			       reason != NULL ? reason : "");
}

/* The attempts of a finished entry are of no interest any more. */
int entry_rows_add(const struct entry *entry, void *table)
{
	char id[24];
	char priority[16] = "";
	char tries[16] = "";
	char attachments[24] = "";
	char received[CLOCK_TEXT_SIZE];
	g_snprintf(id, sizeof id, "%" PRId64, entry->id);
	if (entry->priority != 0)
		g_snprintf(priority, sizeof priority, "%d", (int)entry->priority);
	if (entry->attempt_count != 0 && entry->state != ENTRY_DONE)
		g_snprintf(tries, sizeof tries, "%d", (int)entry->attempt_count);
	if (entry->attachment_count != 0)
		g_snprintf(attachments, sizeof attachments, "%zu", entry->attachment_count);
	output_ago_ms(entry->date_received_s * 1000, clock_now_ms(), received);
	g_autofree char *reason = entry_rows_reason(entry);
	const char *const cells[] = {id,
				     entry->queue_name,
				     entry_state_format(entry->state),
				     entry->held ? "yes" : "",
				     priority,
				     tries,
				     entry->lease_owner,
				     entry->tags,
				     received,
				     entry->sender,
				     attachments,
				     entry->subject};
	output_table_add(table, cells);
	if (reason != NULL)
		output_table_note(table, reason);
	return 0;
}

/* ---- list ---- */

/* A line is printed as its row is read: a list of a million entries takes no more memory than
 * one entry. */
static int cmd_list_json(const struct entry *entry, void *context)
{
	(void)context;
	entry_json_write_columns(stdout, entry);
	return 0;
}

/* The queue can stand as an argument too. */
static int cmd_list_filter(const struct invocation *invocation, struct store *store,
			   struct entry_filter *filter, struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	bool any;
	if (filter_read(invocation, store, filter, &any, err) != 0)
		return -1;
	filter->newest_first = invocation_flag(invocation, "newest");
	if (invocation->argument_count == 0)
		return invocation_number(invocation, "limit", 1, &filter->limit, err);
	if (invocation_flag(invocation, "queue"))
		return error_set(err, ERROR_USAGE,
				 "the queue is named twice: by an argument and by --queue");
	if (invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	filter->queue_id = queue->id;
	return invocation_number(invocation, "limit", 1, &filter->limit, err);
}

/* Entries are read chunk by chunk, so that JSON begins at once. A table waits for its last row,
 * because its columns fit their widest cell. */
int cmd_list(const struct invocation *invocation, struct error *err)
{
	struct entry_filter filter;
	scoped(store_close) struct store *store = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    cmd_list_filter(invocation, store, &filter, err) != 0)
		return -1;
	struct output_table *table = NULL;
	if (!invocation->json && entry_rows_new(store, &filter, &table, err) != 0)
		return -1;
	int failed =
	    entry_list(store, &filter, table != NULL ? entry_rows_add : cmd_list_json, table, err);
	if (table != NULL)
		output_table_print_or(table, failed == 0 ? "no entries match" : NULL);
	return failed;
}

/* ---- dry runs ---- */

/* With --json the ids alone: a program asks `show` for the rest. */
int entry_preview_begin(const struct invocation *invocation, struct store *store,
			const struct entry_filter *filter, struct entry_preview *ret_preview,
			struct error *err)
{
	*ret_preview = (struct entry_preview){.ids = invocation->json ? json_array() : NULL};
	return invocation->json ? 0 : entry_rows_new(store, filter, &ret_preview->table, err);
}

int entry_preview_add(const struct entry *entry, void *preview)
{
	struct entry_preview *found = preview;
	found->count++;
	if (found->table != NULL)
		return entry_rows_add(entry, found->table);
	json_array_append_new(found->ids, json_integer(entry->id));
	return 0;
}

/* Without entries there is no table, not even its heading. */
void entry_preview_end(struct entry_preview *preview, const char *what)
{
	if (preview->ids != NULL) {
		output_json_print(json_pack("{s:I, s:b, s:O}", what, (json_int_t)preview->count,
					    "dry_run", 1, "ids", preview->ids));
	} else {
		if (preview->count > 0)
			output_table_print(g_steal_pointer(&preview->table));
		output_line("%" PRIu64 " %s to be %s", preview->count,
			    preview->count == 1 ? "entry" : "entries", what);
	}
	entry_preview_free(preview);
}

void entry_preview_free(struct entry_preview *preview)
{
	json_decref(preview->ids);
	if (preview->table != NULL)
		output_table_free(preview->table);
}
