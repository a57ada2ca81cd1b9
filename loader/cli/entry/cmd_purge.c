/* `purge`: deletes finished entries, or old messages in the archive folder of a queue. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "loader/verify/archive.h"
#include "queue/base/scoped.h"
#include "queue/entry_operate.h"

#include <inttypes.h>
#include <unistd.h>

/* Both options are needed, so that nobody purges what was finished a moment ago. */
static int cmd_purge_check(const struct entry_filter *filter, struct error *err)
{
	if (filter->states == 0 || filter->changed_before_ms == 0)
		return error_set(err, ERROR_USAGE,
				 "--state (done, failed or bad) and --older-than are needed, e.g. "
				 "--state done --older-than 90d");
	if ((filter->states & (ENTRY_IN(ENTRY_NEW) | ENTRY_IN(ENTRY_CLAIMED))) != 0)
		return error_set(err, ERROR_USAGE,
				 "only done, failed and bad entries are purged; `inqueue discard` "
				 "gives up new ones");
	return 0;
}

static void cmd_purge_print(const struct invocation *invocation, uint64_t count)
{
	if (invocation->json)
		output_json_print(
		    json_pack("{s:I, s:b}", "purged", (json_int_t)count, "dry_run", 0));
	else
		output_line("%" PRIu64 " %s purged", count, count == 1 ? "entry" : "entries");
}

/* The number is printed in any case: entries that were purged before an error are gone. The
 * file is made smaller last, because that takes a lock on the whole database. */
static int cmd_purge_run(const struct invocation *invocation, struct store *store,
			 const struct entry_filter *filter, struct error *err)
{
	uint64_t count;
	const int failed = entry_purge(store, filter, &count, err);
	cmd_purge_print(invocation, count);
	if (failed != 0 || (invocation_flag(invocation, "shrink") && store_shrink(store, err) != 0))
		return -1;
	return 0;
}

/* The list as `list` shows it: the operator sees what an age or a state means before it goes. */
static int cmd_purge_preview(const struct invocation *invocation, struct store *store,
			     const struct entry_filter *filter, struct error *err)
{
	struct entry_preview preview;
	if (entry_preview_begin(invocation, store, filter, &preview, err) != 0)
		return -1;
	if (entry_list(store, filter, entry_preview_add, &preview, err) != 0) {
		entry_preview_free(&preview);
		return -1;
	}
	entry_preview_end(&preview, "purged");
	return 0;
}

/* ---- the archive ---- */

struct cmd_archive {
	const struct invocation *invocation;
	struct output_table *table; /* NULL: JSON, or no dry run */
};

/* A dry run lists them; else a program gets a line for each. */
static void cmd_archive_gone(const struct archive_message *message, void *context)
{
	const struct cmd_archive *view = context;
	if (view->invocation->json) {
		output_json_print(json_pack("{s:I, s:I, s:o, s:I, s:b}", "uid",
					    (json_int_t)message->uid, "entry_id",
					    (json_int_t)message->entry_id, "date_received",
					    output_json_time_ms(message->date_received_s * 1000),
					    "size", (json_int_t)message->size_bytes, "dry_run",
					    (int)invocation_flag(view->invocation, "dry-run")));
		return;
	}
	if (view->table == NULL)
		return;
	char received[CLOCK_TEXT_SIZE];
	g_autofree char *uid = g_strdup_printf("%" PRIu32, message->uid);
	g_autofree char *entry = g_strdup_printf("%" PRId64, message->entry_id);
	g_autofree char *size = g_strdup_printf("%" PRIu64, message->size_bytes);
	output_time_s(message->date_received_s, received);
	output_table_add(view->table, (const char *const[]){uid, entry, received, size});
}

/* Asked after the messages were counted, so that the question says how many would go. */
static bool cmd_archive_confirm(const char *what, void *context)
{
	const struct cmd_archive *view = context;
	return invocation_flag(view->invocation, "yes") || output_ask("%s", what);
}

static const char *cmd_archive_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* What stays, and why, is said to people; a program sees what has gone. */
static void cmd_archive_print(const struct cmd_archive *view, const struct archive_result *result)
{
	const char *to = invocation_text(view->invocation, "to");
	if (!view->invocation->json)
		output_line("%" PRIu64 " message%s %s%s", result->gone,
			    cmd_archive_plural(result->gone),
			    invocation_flag(view->invocation, "dry-run") ? "would be " : "",
			    to != NULL ? "moved" : "deleted");
	if (result->unfinished > 0)
		output_say("%" PRIu64 " message%s: %s new or claimed", result->unfinished,
			   result->unfinished == 1 ? " stays" : "s stay",
			   result->unfinished == 1 ? "its entry is" : "their entries are");
	if (result->changed > 0)
		output_say("%" PRIu64 " message%s stay%s: the bytes are not those that were put "
			   "there",
			   result->changed, cmd_archive_plural(result->changed),
			   result->changed == 1 ? "s" : "");
}

/* Only the age chooses here: the ledger knows messages by their place, not by what they say. */
static int cmd_archive_check(const struct invocation *invocation, struct error *err)
{
	static const char *const others[] = {"queue", "state",	"sender", "subject",
					     "text",  "error",	"since",  "until",
					     "tag",   "worker", "held",	  "shrink"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (invocation_text(invocation, others[i]) != NULL)
			return error_set(err, ERROR_USAGE,
					 "--%s chooses entries; with --archive only --older-than "
					 "chooses",
					 others[i]);
	}
	if (invocation_text(invocation, "older-than") == NULL)
		return error_set(err, ERROR_USAGE,
				 "--archive needs --older-than, e.g. --older-than 90d");
	if (!invocation_flag(invocation, "dry-run") && !invocation_flag(invocation, "yes") &&
	    !isatty(STDIN_FILENO))
		return error_set(err, ERROR_USAGE,
				 "nothing was done, there is no terminal to ask; --yes goes ahead, "
				 "--dry-run lists what would go");
	return 0;
}

static int cmd_purge_archive(const struct invocation *invocation, const char *name,
			     struct error *err)
{
	static const struct output_column columns[] = {{"UID", OUTPUT_RIGHT, false},
						       {"ENTRY", OUTPUT_RIGHT, false},
						       {"RECEIVED", OUTPUT_LEFT, false},
						       {"SIZE", OUTPUT_RIGHT, false}};
	const bool dry_run = invocation_flag(invocation, "dry-run");
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	struct archive_result result;
	int64_t age_ms;
	if (cmd_archive_check(invocation, err) != 0 ||
	    invocation_duration(invocation, "older-than", 0, &age_ms, err) != 0 ||
	    invocation_open(invocation, dry_run ? STORE_READ : STORE_WRITE, &store, err) != 0 ||
	    work_queue_find(store, name, &queue, err) != 0)
		return -1;
	struct cmd_archive view = {.invocation = invocation};
	if (dry_run && !invocation->json)
		view.table = output_table_new(columns, sizeof columns / sizeof *columns);
	const struct archive_options options = {.database = invocation->database,
						.who = invocation_who(invocation),
						.to = invocation_text(invocation, "to"),
						.before_ms = clock_now_ms() - age_ms,
						.dry_run = dry_run,
						.gone = cmd_archive_gone,
						.confirm = cmd_archive_confirm,
						.context = &view};
	const int failed = archive_purge(store, queue, &options, &result, err);
	if (view.table != NULL)
		output_table_print(view.table);
	/* Some may have gone before an error. */
	if (failed == 0 || result.gone > 0)
		cmd_archive_print(&view, &result);
	return failed != 0 ? error_prefix(err, "purge --archive '%s'", name) : 0;
}

/* Options of the other half would do nothing. A dry run opens the database for reading only. */
int cmd_purge(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	struct entry_filter filter;
	bool any;
	const bool dry_run = invocation_flag(invocation, "dry-run");
	const char *archive = invocation_text(invocation, "archive");
	if (archive != NULL)
		return cmd_purge_archive(invocation, archive, err);
	if (invocation_text(invocation, "to") != NULL)
		return error_set(err, ERROR_USAGE, "--to needs --archive");
	if (invocation_open(invocation, dry_run ? STORE_READ : STORE_WRITE, &store, err) != 0 ||
	    filter_read(invocation, store, &filter, &any, err) != 0 ||
	    cmd_purge_check(&filter, err) != 0)
		return -1;
	return dry_run ? cmd_purge_preview(invocation, store, &filter, err)
		       : cmd_purge_run(invocation, store, &filter, err);
}
