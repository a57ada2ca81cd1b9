#include "loader/cli/entry/cmd_filter.h"

#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"
#include "queue/entry_operate.h"

#include <inttypes.h>
#include <stdio.h>

static int cmd_purge_check(const struct entry_filter *filter, struct error *err)
{
	if (!filter->by_state || filter->changed_before_ms == 0)
		return error_set(err, ERROR_USAGE,
				 "--state (done, failed or bad) and --older-than are needed, e.g. "
				 "--state done --older-than 90d");
	if (filter->state == ENTRY_NEW || filter->state == ENTRY_CLAIMED)
		return error_set(err, ERROR_USAGE,
				 "only done, failed and bad entries are purged; `inqueue discard` "
				 "gives up new ones");
	return 0;
}

static void cmd_purge_print(const struct invocation *invocation, uint64_t count, bool dry_run)
{
	if (invocation->json)
		output_json_print(
		    json_pack("{s:I, s:b}", "purged", (json_int_t)count, "dry_run", (int)dry_run));
	else
		printf("%" PRIu64 " %s %s\n", count, count == 1 ? "entry" : "entries",
		       dry_run ? "to be purged" : "purged");
}

static int cmd_purge_run(const struct invocation *invocation, struct store *store,
			 const struct entry_filter *filter, struct error *err)
{
	uint64_t count;
	const int failed = entry_purge(store, filter, &count, err);
	cmd_purge_print(invocation, count, false);
	if (failed != 0 || (invocation_flag(invocation, "shrink") && store_shrink(store, err) != 0))
		return -1;
	return 0;
}

int cmd_purge(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	struct entry_filter filter;
	bool any;
	uint64_t count;
	const bool dry_run = invocation_flag(invocation, "dry-run");
	if (invocation_open(invocation, dry_run ? STORE_READ : STORE_WRITE, &store, err) != 0 ||
	    cmd_filter_read(invocation, store, &filter, &any, err) != 0 ||
	    cmd_purge_check(&filter, err) != 0)
		return -1;
	if (!dry_run)
		return cmd_purge_run(invocation, store, &filter, err);
	if (entry_purge_count(store, &filter, &count, err) != 0)
		return -1;
	cmd_purge_print(invocation, count, true);
	return 0;
}
