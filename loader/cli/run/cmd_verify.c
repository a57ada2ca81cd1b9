/* `verify`: reads what the operator wants changed, prints problems and counts, asks before
 * strays become entries, and ends with what is left. And `reload`. */
#include "loader/cli/run/run_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/imap/names/search_criteria.h"
#include "loader/load/load.h"
#include "loader/verify/verify.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* Both tables are filled while the folders are looked at, and printed by cmd_verify_show(). */
struct cmd_verify {
	const struct invocation *invocation;
	const struct verify_options *options;
	struct output_table *table; /* NULL with --json */
	struct output_table *counts;
};

/* 0 is no UID (RFC 3501, 2.3.1.1). */
static json_t *cmd_verify_uid(uint32_t uid)
{
	return uid != 0 ? json_integer(uid) : json_null();
}

/* A dry run also says what would be done. */
static void cmd_verify_json(const struct cmd_verify *view, const struct verify_finding *finding)
{
	json_t *line = json_pack(
	    "{s:s, s:s, s:o, s:o, s:o, s:s}", "problem", verify_problem_format(finding->problem),
	    "folder", finding->folder, "uid", cmd_verify_uid(finding->uid), "entry_id",
	    finding->entry_id != 0 ? json_integer(finding->entry_id) : json_null(), "date_received",
	    output_json_time_ms(finding->date_received * 1000), "meaning",
	    verify_problem_describe(finding->problem));
	if (view->options->dry_run)
		json_object_set_new(line, "would",
				    output_json_text(verify_remedy_format(finding->remedy)));
	output_json_print(line);
}

/* The dash stands for what a problem does not have. */
static void cmd_verify_row(const struct cmd_verify *view, const struct verify_finding *finding)
{
	char uid[16] = "-";
	char entry[24] = "-";
	char received[CLOCK_TEXT_SIZE] = "-";
	const char *remedy = verify_remedy_format(finding->remedy);
	if (finding->uid != 0)
		g_snprintf(uid, sizeof uid, "%" PRIu32, finding->uid);
	if (finding->entry_id != 0)
		g_snprintf(entry, sizeof entry, "%" PRId64, finding->entry_id);
	if (finding->date_received != 0)
		output_time_s(finding->date_received, received);
	const char *const cells[] = {verify_problem_format(finding->problem),
				     finding->folder,
				     uid,
				     entry,
				     received,
				     verify_problem_describe(finding->problem),
				     remedy != NULL ? remedy : "-"};
	output_table_add(view->table, cells);
}

/* JSON goes out at once, a row waits for cmd_verify_show(). */
static void cmd_verify_report(const struct verify_finding *finding, void *context)
{
	const struct cmd_verify *view = context;
	if (view->invocation->json)
		cmd_verify_json(view, finding);
	else
		cmd_verify_row(view, finding);
}

/* The same numbers in the same order as in the table. */
static void cmd_verify_count_json(const struct verify_folder_count *count)
{
	output_json_print(
	    json_pack("{s:s, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I}", "folder", count->folder,
		      "messages", (json_int_t)count->messages, "known", (json_int_t)count->known,
		      "first_uid", cmd_verify_uid(count->first_uid), "before_first_use",
		      (json_int_t)count->before_first_use, "of_other_queues",
		      (json_int_t)count->of_other_queues, "strays", (json_int_t)count->strays,
		      "duplicates", (json_int_t)count->duplicates, "accepted_as_gone",
		      (json_int_t)count->accepted_as_gone));
}

/* The first UID of the queue's own mail is not known in a folder that it has not used yet. */
static void cmd_verify_counted(const struct verify_folder_count *count, void *context)
{
	const struct cmd_verify *view = context;
	const uint64_t numbers[] = {
	    count->messages,	    count->known,  count->first_uid,  count->before_first_use,
	    count->of_other_queues, count->strays, count->duplicates, count->accepted_as_gone};
	char texts[G_N_ELEMENTS(numbers)][24];
	const char *cells[G_N_ELEMENTS(numbers) + 1] = {count->folder};
	if (view->invocation->json) {
		cmd_verify_count_json(count);
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		g_snprintf(texts[i], sizeof texts[i], "%" PRIu64, numbers[i]);
		cells[i + 1] = texts[i];
	}
	if (count->first_uid == 0)
		cells[3] = "-";
	output_table_add(view->counts, cells);
}

/* Prints the tables once, when all has been looked at: the question comes after them. */
static void cmd_verify_show(struct cmd_verify *view)
{
	if (view->table == NULL)
		return;
	output_table_print(steal(&view->table));
	if (invocation_flag(view->invocation, "summary"))
		output_table_print(steal(&view->counts));
	else
		output_table_free(steal(&view->counts));
	fflush(stdout);
}

/* Says how many there are and from when, whether it asks or not. */
static bool cmd_verify_confirm(const char *what, void *context)
{
	struct cmd_verify *view = context;
	cmd_verify_show(view);
	if (view->options->dry_run || invocation_flag(view->invocation, "yes")) {
		output_say("%s: %s entries", what,
			   view->options->dry_run ? "would become" : "become");
		return true;
	}
	return output_ask("%s: make entries of them", what);
}

/* The exit status goes by what is left after all changes. */
static int cmd_verify_judge(const struct verify_result *result,
			    const struct verify_options *options, struct error *err)
{
	uint64_t left = result->problems - MIN(result->problems, result->repaired);
	g_autoptr(GString) text = g_string_new(NULL);
	if (left == 0)
		return 0;
	if (options->dry_run)
		g_string_printf(text, "%" PRIu64 " problem%s; nothing was changed", left,
				left == 1 ? "" : "s");
	else if (options->repair || options->adopt || options->accept_missing)
		g_string_printf(text, "%" PRIu64 " of %" PRIu64 " problems could not be repaired",
				left, result->problems);
	else
		g_string_printf(text, "%" PRIu64 " problem%s", left, left == 1 ? "" : "s");
	if (result->repairable > 0 && !options->repair)
		g_string_append(text, "; --repair finishes what can be finished");
	if (result->strays > 0 && !options->adopt)
		g_string_append(text, "; --adopt makes entries of strays");
	if (result->missing > 0 && !options->accept_missing)
		g_string_append(text, "; --accept-missing accepts that messages are gone");
	return error_set(err, ERROR_NO, "%s", text->str);
}

/* Silence would leave a person in doubt. */
static void cmd_verify_praise(const struct verify_result *result)
{
	g_autofree char *words = g_strdup_printf("%" PRIu64 " message%s looked at, no problem%s",
						 result->messages, result->messages == 1 ? "" : "s",
						 result->problems > 0 ? " is left" : "");
	output_say_to_person(words);
}

/* Checks what can be said without the server. */
static int cmd_verify_check(const struct invocation *invocation,
			    const struct verify_options *options, struct error *err)
{
	if ((options->since_ms != 0 || options->search != NULL) && !options->adopt)
		return error_set(
		    err, ERROR_USAGE,
		    "--since and --search say what --adopt is to take: give --adopt as well");
	if (options->dry_run && !options->repair && !options->adopt && !options->accept_missing)
		return error_set(err, ERROR_USAGE,
				 "--dry-run says what --repair, --adopt or --accept-missing would "
				 "do: give one of them as well");
	if (options->search != NULL && search_criteria_check(options->search, err) != 0) {
		err->kind = ERROR_USAGE;
		return error_prefix(err, "--search");
	}
	if (options->adopt && !options->dry_run && !invocation_flag(invocation, "yes") &&
	    !isatty(STDIN_FILENO))
		return error_set(err, ERROR_USAGE,
				 "nothing was done, there is no terminal to ask; --yes goes ahead "
				 "with --adopt, --dry-run says what it would do");
	return 0;
}

/* Wrong options are found before the server is asked. */
static int cmd_verify_options(const struct invocation *invocation,
			      struct verify_options *ret_options, struct error *err)
{
	*ret_options =
	    (struct verify_options){.database = invocation->database,
				    .who = invocation_who(invocation),
				    .repair = invocation_flag(invocation, "repair"),
				    .adopt = invocation_flag(invocation, "adopt"),
				    .accept_missing = invocation_flag(invocation, "accept-missing"),
				    .dry_run = invocation_flag(invocation, "dry-run"),
				    .search = invocation_text(invocation, "search"),
				    .report = cmd_verify_report,
				    .confirm = cmd_verify_confirm};
	if (invocation_time(invocation, "since", -1, &ret_options->since_ms, err) != 0)
		return -1;
	return cmd_verify_check(invocation, ret_options, err);
}

/* The last column is for dry runs only. */
static void cmd_verify_open_tables(struct cmd_verify *view)
{
	static const struct output_column columns[] = {
	    {"PROBLEM", OUTPUT_LEFT, false},  {"FOLDER", OUTPUT_LEFT, false},
	    {"UID", OUTPUT_RIGHT, false},     {"ENTRY", OUTPUT_RIGHT, false},
	    {"RECEIVED", OUTPUT_LEFT, false}, {"MEANING", OUTPUT_CUT, false},
	    {"WOULD", OUTPUT_LEFT, false},
	};
	static const struct output_column counts[] = {
	    {"FOLDER", OUTPUT_LEFT, false},  {"MESSAGES", OUTPUT_RIGHT, false},
	    {"KNOWN", OUTPUT_RIGHT, false},  {"FIRST UID", OUTPUT_RIGHT, false},
	    {"BEFORE", OUTPUT_RIGHT, false}, {"OTHERS", OUTPUT_RIGHT, false},
	    {"STRAYS", OUTPUT_RIGHT, false}, {"DUPLICATES", OUTPUT_RIGHT, false},
	    {"GONE", OUTPUT_RIGHT, false},
	};
	if (view->invocation->json)
		return;
	view->table = output_table_new(columns, G_N_ELEMENTS(columns) - !view->options->dry_run);
	view->counts = output_table_new(counts, G_N_ELEMENTS(counts));
}

/* Problems are printed also when the run ends with an error: they were found. */
int cmd_verify(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	struct verify_options options;
	struct verify_result result;
	const bool summary = invocation_flag(invocation, "summary");
	if (cmd_verify_options(invocation, &options, err) != 0 ||
	    invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	struct cmd_verify view = {.invocation = invocation, .options = &options};
	options.context = &view;
	cmd_verify_open_tables(&view);
	int failed =
	    verify_run(store, queue, &options, summary ? cmd_verify_counted : NULL, &result, err);
	cmd_verify_show(&view);
	if (failed != 0)
		return error_prefix(err, "verify '%s'", queue->name);
	if (cmd_verify_judge(&result, &options, err) != 0)
		return -1;
	if (!invocation->json)
		cmd_verify_praise(&result);
	return 0;
}

/* `reload` needs no queue's name: the entry knows its queue, and the message its folder. */
int cmd_reload(const struct invocation *invocation, struct error *err)
{
	int64_t id;
	scoped(store_close) struct store *store = NULL;
	if (invocation_entry_id(invocation, 0, &id, err) != 0 ||
	    invocation_open(invocation, STORE_WRITE, &store, err) != 0)
		return -1;
	return reload_entry(store, id, invocation->database, err);
}
