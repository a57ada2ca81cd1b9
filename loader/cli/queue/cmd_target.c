/* The commands that define targets with a name, which several queues use. */
#include "loader/cli/queue/queue_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/define/definition.h"
#include "queue/base/scoped.h"

#include <glib.h>

/* Every field option that was given goes into the draft. */
static int cmd_target_set_fields(const struct invocation *invocation,
				 struct work_queue_target *draft, struct error *err)
{
	struct definition_field field;
	for (size_t i = 0; definition_target_field_at(i, &field); i++) {
		const char *value = invocation_text(invocation, field.name);
		if (value != NULL && definition_target_set(draft, field.name, value, err) != 0)
			return -1;
	}
	return definition_target_check(draft, err);
}

/* A target is defined without a post: `target test` makes one. */
int cmd_target_create(const struct invocation *invocation, struct error *err)
{
	const char *name = invocation->arguments[0];
	scoped(store_close) struct store *store = NULL;
	struct work_queue_target draft;
	scoped(work_queue_target_clear) struct work_queue_target *release = &draft;
	definition_target_new(name, release);
	if (cmd_target_set_fields(invocation, release, err) != 0 ||
	    definition_target_check_reach(NULL, release, !invocation_flag(invocation, "no-check"),
					  err) != 0)
		return error_prefix(err, "target '%s'", name);
	if (invocation_open(invocation, STORE_CREATE, &store, err) != 0 ||
	    work_queue_target_put(store, release, err) != 0)
		return -1;
	return 0;
}

/* Its queues are checked after the change, in the transaction: one that cannot have it any more, takes
 * it back. */
static int cmd_target_change(const struct invocation *invocation, struct store *store,
			     struct error *err)
{
	const char *name = invocation->arguments[0];
	const char *renamed = invocation_text(invocation, "name");
	struct work_queue_target draft = {0};
	scoped(work_queue_target_clear) struct work_queue_target *release = &draft;
	if (work_queue_target_find(store, name, release, err) != 0)
		return -1;
	if (cmd_target_set_fields(invocation, release, err) != 0)
		return error_prefix(err, "target '%s'", name);
	if (renamed != NULL) {
		g_free(draft.name);
		draft.name = g_strdup(renamed);
	}
	if (work_queue_target_alter(store, name, release, clock_now_ms(), err) != 0)
		return -1;
	return definition_check_users(store, draft.name, err) == 0
		   ? 0
		   : error_prefix(err, "target '%s'", name);
}

/* Before the transaction, which others wait for: names are resolved. */
static int cmd_target_check_reach(const struct invocation *invocation, struct store *store,
				  struct error *err)
{
	const char *name = invocation->arguments[0];
	struct work_queue_target before = {0};
	struct work_queue_target after = {0};
	scoped(work_queue_target_clear) struct work_queue_target *release_before = &before;
	scoped(work_queue_target_clear) struct work_queue_target *release_after = &after;
	if (work_queue_target_find(store, name, release_before, err) != 0 ||
	    work_queue_target_find(store, name, release_after, err) != 0)
		return -1;
	if (cmd_target_set_fields(invocation, release_after, err) != 0 ||
	    definition_target_check_reach(release_before, release_after,
					  !invocation_flag(invocation, "no-check"), err) != 0)
		return error_prefix(err, "target '%s'", name);
	return 0;
}

int cmd_target_alter(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	if (invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    cmd_target_check_reach(invocation, store, err) != 0 || store_begin(store, err) != 0 ||
	    cmd_target_change(invocation, store, err) != 0)
		return -1;
	return store_commit(store, err) == 0 ? 0 : -1;
}

/* ---- looking ---- */

struct cmd_target_view {
	struct store *store;
	struct output_table *table; /* NULL: JSON */
	struct error *err;
};

/* With the names of its queues. */
static int cmd_target_print_json(struct store *store, const struct work_queue_target *target,
				 struct error *err)
{
	g_autofree char *queues = NULL;
	if (work_queue_target_queues(store, target->name, &queues, err) != 0)
		return -1;
	json_t *object = target_view_json(target);
	json_t *list = json_array();
	g_auto(GStrv) names = g_strsplit(queues, ", ", -1);
	for (char **name = names; *name != NULL; name++)
		json_array_append_new(list, json_string(*name));
	json_object_set_new(object, "queues", list);
	output_json_print(object);
	return 0;
}

static int cmd_target_row(const struct work_queue_target *target, void *context)
{
	const struct cmd_target_view *view = context;
	g_autofree char *queues = NULL;
	if (view->table == NULL)
		return cmd_target_print_json(view->store, target, view->err);
	if (work_queue_target_queues(view->store, target->name, &queues, view->err) != 0)
		return -1;
	const char *const cells[] = {target->name, target->stopped != NULL ? "stopped" : "active",
				     target->url, queues};
	output_table_add(view->table, cells);
	if (target->stopped != NULL)
		output_table_note(view->table, target->stopped);
	return 0;
}

int cmd_target_list(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"NAME", OUTPUT_CUT, false},
	    {"STATE", OUTPUT_LEFT, false},
	    {"URL", OUTPUT_CUT, false},
	    {"QUEUES", OUTPUT_CUT, false},
	};
	scoped(store_close) struct store *store = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	struct cmd_target_view view = {
	    .store = store,
	    .table = invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns)),
	    .err = err};
	const int failed = work_queue_target_list(store, cmd_target_row, &view, err);
	if (view.table != NULL)
		output_table_print_or(
		    view.table,
		    failed == 0 ? "no targets are defined: `inqueue target create`" : NULL);
	return failed;
}

int cmd_target_show(const struct invocation *invocation, struct error *err)
{
	enum { LABEL = 18 };
	scoped(store_close) struct store *store = NULL;
	struct work_queue_target target = {0};
	scoped(work_queue_target_clear) struct work_queue_target *release = &target;
	g_autofree char *queues = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    work_queue_target_find(store, invocation->arguments[0], release, err) != 0 ||
	    work_queue_target_queues(store, target.name, &queues, err) != 0)
		return -1;
	if (invocation->json)
		return cmd_target_print_json(store, release, err);
	target_view_print(release);
	output_field("queues", LABEL, *queues != '\0' ? queues : "none");
	output_field("stopped", LABEL, target.stopped);
	return 0;
}

/* One that a queue still uses is refused by the database: its entries would go nowhere. */
int cmd_target_drop(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	if (invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    work_queue_target_drop(store, invocation->arguments[0], err) != 0)
		return -1;
	return 0;
}
