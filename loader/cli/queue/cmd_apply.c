/* `queue apply` and `queue dump`: queues and targets from a file, and into one. */
#include "loader/cli/queue/queue_internal.h"

#include "loader/base/children.h"
#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/define/definition.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <string.h>

/* ---- apply ---- */

static const char *const outcomes[] = {
    [APPLY_CREATED] = "created", [APPLY_ALTERED] = "altered", [APPLY_UNCHANGED] = "unchanged"};

/* What `apply` has to do, and has still to look at. */
struct cmd_apply {
	const struct invocation *invocation;
	GPtrArray *names; /* of queues that are new or changed */
	size_t changes;	  /* with those of targets and accounts */
	int failed;
	struct error *err;
};

/* Silence is success: a queue that is as the file says is not named. */
static void cmd_apply_tell(const char *kind, const char *name, enum apply_outcome outcome,
			   void *context)
{
	struct cmd_apply *apply = context;
	const struct invocation *invocation = apply->invocation;
	const bool dry_run = invocation_flag(invocation, "dry-run");
	apply->changes += outcome != APPLY_UNCHANGED;
	if (outcome != APPLY_UNCHANGED && strcmp(kind, "queue") == 0)
		g_ptr_array_add(apply->names, g_strdup(name));
	if (invocation->json)
		output_json_print(
		    json_pack("{s:s, s:s}", kind, name, "outcome", outcomes[outcome]));
	else if (outcome != APPLY_UNCHANGED)
		output_line("%s '%s' %s%s", kind, name, dry_run ? "would be " : "",
			    outcomes[outcome]);
}

/* With --dry-run: a field a line, so that a change that nobody meant is seen before it is made. */
static void cmd_apply_differs(const char *kind, const char *name, const char *field,
			      const char *before, const char *after, void *context)
{
	const struct cmd_apply *apply = context;
	if (apply->invocation->json)
		output_json_print(json_pack("{s:s, s:s, s:s?, s:s?}", kind, name, "field", field,
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

/* In a process of its own: what it prints is passed on when it ends, so that the words about two
 * queues do not mix. */
static int cmd_apply_look(size_t number, void *context, struct error *err)
{
	const struct cmd_apply *apply = context;
	const char *name = g_ptr_array_index(apply->names, number);
	if (!apply->invocation->json)
		output_heading(name);
	return queue_look_first(apply->invocation, name, err);
}

/* The failure of one look never stops another: each is said, and the first one decides the exit status. */
static void cmd_apply_looked(size_t number, const struct side_by_side_end *end, void *context)
{
	struct cmd_apply *apply = context;
	(void)number;
	output_relay(end->printed, end->said);
	if (end->failed != 0 && apply->failed != 0)
		output_say("%s", end->err.text);
	else if (end->failed != 0)
		*apply->err = end->err;
	apply->failed = apply->failed != 0 ? apply->failed : end->failed;
}

/* Queues without a mailbox have no server to ask. The last goes first, so that what is removed
 * moves none that is still to be looked at. */
static int cmd_apply_leave_mailboxes(struct store *store, GPtrArray *names, struct error *err)
{
	for (guint i = names->len; i-- > 0;) {
		scoped(work_queue_free) struct work_queue *queue = NULL;
		if (work_queue_find(store, g_ptr_array_index(names, i), &queue, err) != 0)
			return -1;
		if (!work_queue_has_mailbox(queue))
			g_ptr_array_remove_index(names, i);
	}
	return 0;
}

/* Creates the database where there is none, so that a file of queues is all that a new machine
 * needs. It is closed before servers are asked. */
static int cmd_apply_and_look(struct cmd_apply *apply, const struct apply_report *report,
			      struct error *err)
{
	/* A look mostly waits for its server; but many queues often have one server, and servers
	 * limit how many connections a user or an address has. */
	enum { AT_A_TIME = 4 };
	const struct invocation *invocation = apply->invocation;
	scoped(store_close) struct store *store = NULL;
	if (invocation_flag(invocation, "check") &&
	    apply_check_names(invocation->arguments[0], err) != 0)
		return -1;
	if (invocation_open(invocation, STORE_CREATE, &store, err) != 0 ||
	    apply_file(store, invocation->arguments[0], clock_now_ms(), report, err) != 0)
		return -1;
	if (!invocation_flag(invocation, "check"))
		return 0;
	if (cmd_apply_leave_mailboxes(store, apply->names, err) != 0)
		return -1;
	store_close(steal(&store));
	side_by_side_run(&(struct side_by_side){.count = apply->names->len,
						.at_a_time = AT_A_TIME,
						.job = cmd_apply_look,
						.ended = cmd_apply_looked,
						.context = apply});
	return apply->failed;
}

int cmd_queue_apply(const struct invocation *invocation, struct error *err)
{
	const bool dry_run = invocation_flag(invocation, "dry-run");
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	struct cmd_apply apply = {.invocation = invocation, .names = names, .err = err};
	const struct apply_report report = {.tell = cmd_apply_tell,
					    .differs = dry_run ? cmd_apply_differs : NULL,
					    .context = &apply};
	const int failed = dry_run ? cmd_apply_preview(invocation, &report, err)
				   : cmd_apply_and_look(&apply, &report, err);
	if (failed == 0 && apply.changes == 0 && !invocation->json)
		output_say_to_person("everything is already as the file says");
	return failed;
}

/* ---- dump ---- */

static void cmd_dump_line(const char *text, void *context)
{
	(void)context;
	output_line("%s", text);
}

/* Paused queues as well: a dump that is applied elsewhere makes the same installation. */
static bool cmd_dump_wanted(const struct work_queue *queue)
{
	(void)queue;
	return true;
}

struct cmd_dump {
	GPtrArray *wanted; /* names of targets; NULL: all */
	bool begun;
	struct error *err;
};

/* An empty line stands between two groups. */
static void cmd_dump_part(bool *begun)
{
	if (*begun)
		output_line("%s", "");
	*begun = true;
}

static int cmd_dump_target(const struct work_queue_target *target, void *context)
{
	struct cmd_dump *dump = context;
	if (dump->wanted != NULL &&
	    !g_ptr_array_find_with_equal_func(dump->wanted, target->name, g_str_equal, NULL))
		return 0;
	cmd_dump_part(&dump->begun);
	return dump_target(target, cmd_dump_line, NULL, dump->err);
}

/* The targets that the queues use, which a file has to say as well; without names of queues, all. */
static int cmd_dump_targets(const struct invocation *invocation, struct store *store,
			    char *const *names, bool *ret_begun, struct error *err)
{
	g_autoptr(GPtrArray) wanted = g_ptr_array_new_with_free_func(g_free);
	for (; *names != NULL; names++) {
		scoped(work_queue_free) struct work_queue *queue = NULL;
		if (work_queue_find(store, *names, &queue, err) != 0)
			return -1;
		if (queue->target.name != NULL)
			g_ptr_array_add(wanted, g_strdup(queue->target.name));
	}
	struct cmd_dump dump = {.wanted = invocation->argument_count > 0 ? wanted : NULL,
				.err = err};
	const int failed = work_queue_target_list(store, cmd_dump_target, &dump, err);
	*ret_begun = dump.begun;
	return failed;
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
	return dump_queue(queue, cmd_dump_line, NULL, err) == 0
		   ? dump_rules(store, queue, cmd_dump_line, NULL, err)
		   : -1;
}

int cmd_queue_dump(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	g_auto(GStrv) names = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    invocation_list_queues(invocation, store, cmd_dump_wanted, &names, err) != 0)
		return -1;
	bool begun = false;
	if (!invocation->json && cmd_dump_targets(invocation, store, names, &begun, err) != 0)
		return -1;
	for (char **name = names; *name != NULL; name++) {
		if (!invocation->json)
			cmd_dump_part(&begun);
		if (cmd_dump_queue(invocation, store, *name, err) != 0)
			return -1;
	}
	return 0;
}
