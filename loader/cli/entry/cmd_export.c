/* `export`: entries as JSON Lines, each read as a whole, or as CSV without bodies and header fields. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/entry/export.h"
#include "queue/base/scoped.h"
#include "queue/rule.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct cmd_export {
	struct store *store;
	struct error *err;
};

/* The list has no bodies, so that each entry is read once more. Returns 1, not -1, when it
 * fails: cmd_export() can then tell this from an error of the list itself, which has filled
 * *err as well. */
static int cmd_export_json(const struct entry *listed, void *context)
{
	const struct cmd_export *export = context;
	scoped(entry_free) struct entry *entry = NULL;
	if (entry_find(export->store, listed->id, &entry, export->err) != 0)
		/* Somebody has purged it in between. */
		return export->err->reason == REASON_MISSING ? 0 : 1;
	return entry_json_write(stdout, export->store, entry, NULL, export->err) == 0 ? 0 : 1;
}

/* Leaves the cell empty where there is no time: "1970-01-01" would be taken for a date. */
static void cmd_export_time_ms(int64_t time_ms, char text[static CLOCK_TEXT_SIZE])
{
	*text = '\0';
	if (time_ms != 0)
		clock_format_s(time_ms / 1000, text);
}

/* Programs go by these names and by their order: a new column is added at the end. */
static const char *const cmd_export_columns[] = {
    "id",
    "queue",
    "state",
    "priority",
    "held",
    "tags",
    "attempt_count",
    "error_kind",
    "error_text",
    "last_attempt_at",
    "lease_owner",
    "subject",
    "sender",
    "recipient",
    "cc",
    "reply_to",
    "date_sent",
    "date_received",
    "message_id",
    "attachment_count",
    "record_created",
    "record_updated",
    "next_attempt_at",
    "lease_until",
    "deadline_at",
    "risk_at",
    "thread_id",
    "parent_id",
    "auto_class",
    "auto_reason",
    "rules",
    "progress",
    "progress_at",
    "output",
    "output_at",
    "reference",
    "same_as",
};

/* Mail is written by strangers, and a spreadsheet runs what looks like a formula. The program's
 * own cells are left as they are: a priority may be -5. */
static void cmd_export_row(const char *const cells[static G_N_ELEMENTS(cmd_export_columns)])
{
	for (size_t i = 0; i < G_N_ELEMENTS(cmd_export_columns); i++) {
		if (i > 0)
			output_csv_comma();
		output_csv_cell(cells[i], strcmp(cmd_export_columns[i], "priority") != 0);
	}
	output_csv_end_row();
}

/* The cells stand in the order of cmd_export_columns. */
static void cmd_export_csv_row(const struct entry *entry, const char *rules)
{
	char numbers[7][24] = {0};
	char times[11][CLOCK_TEXT_SIZE];
	g_snprintf(numbers[0], sizeof numbers[0], "%" PRId64, entry->id);
	g_snprintf(numbers[1], sizeof numbers[1], "%d", (int)entry->priority);
	g_snprintf(numbers[2], sizeof numbers[2], "%d", (int)entry->attempt_count);
	g_snprintf(numbers[3], sizeof numbers[3], "%zu", entry->attachment_count);
	g_snprintf(numbers[4], sizeof numbers[4], "%" PRId64, entry->thread_id);
	if (entry->parent_id != 0)
		g_snprintf(numbers[5], sizeof numbers[5], "%" PRId64, entry->parent_id);
	if (entry->same_as != 0)
		g_snprintf(numbers[6], sizeof numbers[6], "%" PRId64, entry->same_as);
	cmd_export_time_ms(entry->last_attempt_at_ms, times[0]);
	clock_format_s(entry->date_sent_s, times[1]);
	clock_format_s(entry->date_received_s, times[2]);
	cmd_export_time_ms(entry->record_created_ms, times[3]);
	cmd_export_time_ms(entry->record_updated_ms, times[4]);
	cmd_export_time_ms(entry->next_attempt_at_ms, times[5]);
	cmd_export_time_ms(entry->lease_until_ms, times[6]);
	cmd_export_time_ms(entry->deadline_at_ms, times[7]);
	cmd_export_time_ms(entry->risk_at_ms, times[8]);
	cmd_export_time_ms(entry->progress_at_ms, times[9]);
	cmd_export_time_ms(entry->output_at_ms, times[10]);
	const char *const cells[G_N_ELEMENTS(cmd_export_columns)] = {
	    numbers[0],
	    entry->queue_name,
	    entry_state_format(entry->state),
	    numbers[1],
	    entry->held ? "1" : "0",
	    entry->tags,
	    numbers[2],
	    entry->error_kind,
	    entry->error_text,
	    times[0],
	    entry->lease_owner,
	    entry->subject,
	    entry->sender,
	    entry->recipient,
	    entry->cc,
	    entry->reply_to,
	    times[1],
	    times[2],
	    entry->message_id,
	    numbers[3],
	    times[3],
	    times[4],
	    times[5],
	    times[6],
	    times[7],
	    times[8],
	    numbers[4],
	    numbers[5],
	    entry->auto_class,
	    entry->auto_reason,
	    rules,
	    entry->progress,
	    times[9],
	    entry->output,
	    times[10],
	    entry->reference,
	    numbers[6],
	};
	cmd_export_row(cells);
}

static int cmd_export_add_rule(const struct entry_rule *rule, void *context)
{
	GString *numbers = context;
	g_string_append_printf(numbers, "%s%" PRIu32, numbers->len > 0 ? " " : "", rule->number);
	return 0;
}

/* What a list does not have: the output, which may be long, and the numbers of the rules. *ret_entry is
 * NULL where the listed one will do. Returns 1 for an error, as cmd_export_json(). */
static int cmd_export_complete(const struct cmd_export *export, const struct entry *listed,
			       GString *rules, struct entry **ret_entry)
{
	if (entry_rules_list(export->store, listed->id, cmd_export_add_rule, rules, export->err) !=
	    0)
		return 1;
	if (listed->output_at_ms == 0 ||
	    entry_find(export->store, listed->id, ret_entry, export->err) == 0)
		return 0;
	return export->err->reason == REASON_MISSING ? 0 : 1;
}

/* An entry is read once more only where it has an output: the rest of a row is in the list. */
static int cmd_export_csv(const struct entry *listed, void *context)
{
	scoped(entry_free) struct entry *whole = NULL;
	g_autoptr(GString) rules = g_string_new(NULL);
	const int failed = cmd_export_complete(context, listed, rules, &whole);
	if (failed == 0)
		cmd_export_csv_row(whole != NULL ? whole : listed, rules->str);
	return failed;
}

/* Takes JSON Lines where --format is not given: only they hold everything. */
static int cmd_export_format(const struct invocation *invocation, bool *ret_csv, struct error *err)
{
	const char *format = invocation_text(invocation, "format");
	*ret_csv = format != NULL && strcmp(format, "csv") == 0;
	if (format != NULL && !*ret_csv && strcmp(format, "jsonl") != 0)
		return error_set(err, ERROR_USAGE, "--format takes jsonl or csv");
	if (!*ret_csv && invocation_flag(invocation, "bom"))
		return error_set(err, ERROR_USAGE, "--bom needs --format csv");
	return 0;
}

/* Checks --format before the database is opened. A failure inside the list has filled *err
 * already. */
int cmd_export(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	struct entry_filter filter;
	bool any;
	bool csv;
	if (cmd_export_format(invocation, &csv, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    filter_read(invocation, store, &filter, &any, err) != 0)
		return -1;
	struct cmd_export export = {.store = store, .err = err};
	/* A spreadsheet on Windows takes the byte order mark for the sign of UTF-8; other programs
	 * take it for a letter. */
	if (invocation_flag(invocation, "bom"))
		fputs("\xef\xbb\xbf", stdout);
	if (csv)
		cmd_export_row(cmd_export_columns);
	const int failed =
	    entry_list(store, &filter, csv ? cmd_export_csv : cmd_export_json, &export, err);
	if (failed < 0)
		return -1;
	return failed == 0 ? 0 : -1;
}
