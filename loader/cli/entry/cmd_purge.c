/* `purge`: deletes finished entries. */
#include "loader/cli/entry/entry_internal.h"

#include "queue/base/scoped.h"
#include "queue/entry_operate.h"

#include <inttypes.h>

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

static int cmd_purge_preview(const struct invocation *invocation, struct store *store,
			     const struct entry_filter *filter, struct error *err)
{
	struct entry_preview preview;
	entry_preview_begin(invocation, &preview);
	if (entry_list(store, filter, entry_preview_add, &preview, err) != 0) {
		entry_preview_free(&preview);
		return -1;
	}
	entry_preview_end(&preview, "purged");
	return 0;
}

/* A dry run opens the database for reading only. */
int cmd_purge(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	struct entry_filter filter;
	bool any;
	const bool dry_run = invocation_flag(invocation, "dry-run");
	if (invocation_open(invocation, dry_run ? STORE_READ : STORE_WRITE, &store, err) != 0 ||
	    filter_read(invocation, store, &filter, &any, err) != 0 ||
	    cmd_purge_check(&filter, err) != 0)
		return -1;
	return dry_run ? cmd_purge_preview(invocation, store, &filter, err)
		       : cmd_purge_run(invocation, store, &filter, err);
}
