/* `queue apply` and `queue dump`: queues from a file, and into one. */
#include "loader/cli/queue/queue_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/define/definition.h"
#include "queue/base/scoped.h"

#include <glib.h>

/* ---- apply ---- */

static const char *const outcomes[] = {
    [APPLY_CREATED] = "created", [APPLY_ALTERED] = "altered", [APPLY_UNCHANGED] = "unchanged"};

/* Silence is success: a queue that is as the file says is not named. */
static void cmd_apply_tell(const char *name, enum apply_outcome outcome, void *context)
{
	const struct invocation *invocation = context;
	const bool dry_run = invocation_flag(invocation, "dry-run");
	if (invocation->json)
		output_json_print(
		    json_pack("{s:s, s:s}", "queue", name, "outcome", outcomes[outcome]));
	else if (outcome != APPLY_UNCHANGED)
		output_line("queue '%s' %s%s", name, dry_run ? "would be " : "", outcomes[outcome]);
}

static void cmd_apply_differs(const char *name, const char *field, const char *before,
			      const char *after, void *context)
{
	const struct invocation *invocation = context;
	if (invocation->json)
		output_json_print(json_pack("{s:s, s:s, s:s?, s:s?}", "queue", name, "field", field,
					    "before", before, "after", after));
	else
		output_line("  %s: %s -> %s", field, before != NULL ? before : "(none)",
			    after != NULL ? after : "(none)");
}

/* Makes no database where there is none. */
static int cmd_apply_preview(const struct invocation *invocation, const struct apply_report *report,
			     struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 &&
	    err->reason != REASON_MISSING)
		return -1;
	return apply_preview(store, invocation->arguments[0], report, err);
}

/* Creates the database where there is none, so that a file of queues is all that a new machine
 * needs. */
int cmd_queue_apply(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	const bool dry_run = invocation_flag(invocation, "dry-run");
	const struct apply_report report = {.tell = cmd_apply_tell,
					    .differs = dry_run ? cmd_apply_differs : NULL,
					    .context = (void *)invocation};
	if (dry_run)
		return cmd_apply_preview(invocation, &report, err);
	if (invocation_open(invocation, STORE_CREATE, &store, err) != 0)
		return -1;
	return apply_file(store, invocation->arguments[0], clock_now_ms(), &report, err);
}

/* ---- dump ---- */

static void cmd_dump_line(const char *text, void *context)
{
	(void)context;
	output_line("%s", text);
}

static bool cmd_dump_wanted(const struct work_queue *queue)
{
	(void)queue;
	return true;
}

/* A group like that of `queue apply`, or, for programs, what `queue show` gives. */
static int cmd_dump_queue(const struct invocation *invocation, struct store *store,
			  const char *name, struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (work_queue_find(store, name, &queue, err) != 0)
		return -1;
	if (invocation->json) {
		output_json_print(queue_view_json(queue));
		return 0;
	}
	return dump_queue(queue, cmd_dump_line, NULL, err);
}

int cmd_queue_dump(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	g_auto(GStrv) names = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    invocation_list_queues(invocation, store, cmd_dump_wanted, &names, err) != 0)
		return -1;
	for (char **name = names; *name != NULL; name++) {
		if (name != names && !invocation->json)
			output_line("%s", "");
		if (cmd_dump_queue(invocation, store, *name, err) != 0)
			return -1;
	}
	return 0;
}
