/* `list`, `show` and `save`, and the filter that other commands have as well. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/entry/entry_view.h"
#include "loader/cli/frame/output.h"
#include "loader/entry/export.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* YYYY-MM-DD is the start of that day, UTC. */
static int cmd_entry_day(const struct invocation *invocation, const char *option, int64_t *ret_s,
			 struct error *err)
{
	const char *text = invocation_text(invocation, option);
	*ret_s = 0;
	if (text == NULL)
		return 0;
	g_autofree char *full = g_strdup_printf("%sT00:00:00Z", text);
	g_autoptr(GDateTime) day =
	    strlen(text) == 10 ? g_date_time_new_from_iso8601(full, NULL) : NULL;
	if (day == NULL)
		return error_set(err, ERROR_USAGE, "--%s takes a day, YYYY-MM-DD", option);
	*ret_s = g_date_time_to_unix(day);
	return 0;
}

/* The options of `list`, which has days and an order; cmd_filter_read() reads those of the other
 * commands. */
static int cmd_entry_filter(const struct invocation *invocation, struct entry_filter *filter,
			    struct error *err)
{
	const char *state = invocation_text(invocation, "state");
	filter->sender = invocation_text(invocation, "sender");
	filter->subject = invocation_text(invocation, "subject");
	filter->newest_first = invocation_flag(invocation, "newest");
	filter->by_state = state != NULL;
	if (state != NULL && entry_state_parse(state, &filter->state) != 0)
		return error_set(err, ERROR_USAGE,
				 "--state takes new, claimed, done, failed or bad");
	if (cmd_entry_day(invocation, "since", &filter->received_from_s, err) != 0 ||
	    cmd_entry_day(invocation, "until", &filter->received_until_s, err) != 0)
		return -1;
	return invocation_number(invocation, "limit", 1, &filter->limit, err);
}

/* A line is printed as its row is read: a list of a million entries takes no more memory than
 * one entry. */
static int cmd_list_json(const struct entry *entry, void *context)
{
	(void)context;
	entry_json_write_columns(stdout, entry);
	return 0;
}

/* The main fields of an entry; `show` has them all. */
static int cmd_list_row(const struct entry *entry, void *context)
{
	char id[24];
	char received[CLOCK_TEXT_SIZE];
	g_snprintf(id, sizeof id, "%" PRId64, entry->id);
	output_time_s(entry->date_received_s, received);
	g_autofree char *attachments = g_strdup_printf("%zu", entry->attachment_count);
	const char *const cells[] = {id,
				     entry->queue_name,
				     entry_state_format(entry->state),
				     received,
				     entry->sender,
				     attachments,
				     entry->subject};
	output_table_add(context, cells);
	return 0;
}

/* Entries are read chunk by chunk, so that JSON begins at once. A table waits for its last row,
 * because its columns fit their widest cell. */
int cmd_list(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"ID", OUTPUT_RIGHT, false},    {"QUEUE", OUTPUT_CUT, false},
	    {"STATE", OUTPUT_LEFT, false},  {"RECEIVED", OUTPUT_LEFT, false},
	    {"SENDER", OUTPUT_CUT, false},  {"FILES", OUTPUT_RIGHT, false},
	    {"SUBJECT", OUTPUT_CUT, false},
	};
	struct entry_filter filter = {0};
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (cmd_entry_filter(invocation, &filter, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (invocation->argument_count > 0 &&
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	/* No entry has queue 0, and the filter takes it for "any queue". */
	filter.queue_id = queue != NULL ? queue->id : 0;
	struct output_table *table =
	    invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns));
	int failed =
	    entry_list(store, &filter, table != NULL ? cmd_list_row : cmd_list_json, table, err);
	if (table != NULL)
		output_table_print(table);
	return failed;
}

/* A worker gets the same JSON of an entry. */
int cmd_show(const struct invocation *invocation, struct error *err)
{
	int64_t id;
	scoped(store_close) struct store *store = NULL;
	scoped(entry_free) struct entry *entry = NULL;
	if (invocation_entry_id(invocation, 0, &id, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (entry_find(store, id, &entry, err) != 0)
		return -1;
	return invocation->json ? entry_json_write(stdout, store, entry, NULL, err)
				: entry_view_print(store, entry, err);
}

/* The path is printed once the file is whole, so that a script may take each line that it
 * reads. */
static void cmd_save_saved(const char *path, void *context)
{
	const bool *json = context;
	if (*json)
		output_json_print(json_pack("{s:s}", "path", path));
	else
		output_line("%s", path);
}

/* The number of an attachment is checked before the database is opened. */
int cmd_save(const struct invocation *invocation, struct error *err)
{
	int64_t id;
	uint64_t attachment;
	bool json = invocation->json;
	const char *folder = invocation_text(invocation, "to");
	scoped(store_close) struct store *store = NULL;
	if (invocation_entry_id(invocation, 0, &id, err) != 0 ||
	    invocation_number(invocation, "attachment", 1, &attachment, err) != 0)
		return -1;
	if (attachment != 0 && invocation_flag(invocation, "raw"))
		return error_set(err, ERROR_USAGE, "--attachment and --raw exclude each other");
	if (attachment > UINT32_MAX)
		return error_set(err, ERROR_USAGE, "--attachment: no entry has that many");
	if (invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	struct save_options options = {.folder = folder != NULL ? folder : ".",
				       .overwrite = invocation_flag(invocation, "overwrite"),
				       .raw = invocation_flag(invocation, "raw"),
				       .attachment = (uint32_t)attachment,
				       .saved = cmd_save_saved,
				       .context = &json};
	return save_entry(store, id, &options, err);
}

/* ---- the filter ---- */

/* Operators name a queue; the filter goes by its id. */
static int cmd_filter_queue(const struct invocation *invocation, struct store *store,
			    struct entry_filter *filter, struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	const char *name = invocation_text(invocation, "queue");
	if (name == NULL)
		return 0;
	if (work_queue_find(store, name, &queue, err) != 0)
		return -1;
	filter->queue_id = queue->id;
	return 0;
}

/* An option that is not given leaves its part of the filter open. *ret_any lets commands that
 * change entries refuse to change all of them by mistake. */
int cmd_filter_read(const struct invocation *invocation, struct store *store,
		    struct entry_filter *ret_filter, bool *ret_any, struct error *err)
{
	int64_t age_ms;
	const char *state = invocation_text(invocation, "state");
	struct entry_filter filter = {
	    .by_state = state != NULL,
	    .sender = invocation_text(invocation, "sender"),
	    .subject = invocation_text(invocation, "subject"),
	    .tag = invocation_text(invocation, "tag"),
	    .only_held = invocation_flag(invocation, "held"),
	};
	if (state != NULL && entry_state_parse(state, &filter.state) != 0)
		return error_set(err, ERROR_USAGE,
				 "--state takes new, claimed, done, failed or bad");
	if (invocation_duration(invocation, "older-than", 0, &age_ms, err) != 0 ||
	    cmd_filter_queue(invocation, store, &filter, err) != 0)
		return -1;
	const bool aged = invocation_flag(invocation, "older-than");
	if (aged)
		filter.changed_before_ms = clock_now_ms() - age_ms;
	*ret_any = filter.by_state || filter.sender != NULL || filter.subject != NULL ||
		   filter.tag != NULL || filter.only_held || aged || filter.queue_id != 0;
	*ret_filter = filter;
	return 0;
}
