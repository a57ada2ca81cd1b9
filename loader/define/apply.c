/* Makes targets and queues be as a file says: reads a group for each, and creates, alters or leaves
 * alone, all in one transaction. It tells what became of each after the commit. */
#include "loader/define/definition.h"

#include "loader/define/definition_internal.h"
#include "queue/base/scoped.h"

#include <string.h>

static const char queue_prefix[] = "queue ";
static const char target_prefix[] = "target ";
static const char rules_prefix[] = "rules ";

/* What is read and what comes of it. */
struct apply {
	struct store *store; /* NULL: there is no database yet */
	bool change;	     /* else it is a preview */
	int64_t now_ms;
	GArray *targets; /* of the file */
	GArray *rows;
};

static void apply_target_clear(void *data)
{
	work_queue_target_clear(data);
}

/* Compares what an operator defines, all of which the lists name: not when a queue ran last, nor whether a target
 * was stopped. */
static bool apply_changes(const struct apply_row *row)
{
	for (guint i = 0; i < row->after->len; i++) {
		if (g_strcmp0(g_ptr_array_index(row->before, i),
			      g_ptr_array_index(row->after, i)) != 0)
			return true;
	}
	return false;
}

/* ---- targets ---- */

/* The raw value: connection strings hold ';' and '\' as they are. No name is resolved: this runs in a transaction,
 * and must not wait for a name server (`queue apply --check` does it before). */
static int apply_read_target(GKeyFile *file, const char *group, struct work_queue_target *draft,
			     struct error *err)
{
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);
	definition_target_new(group + strlen(target_prefix), draft);
	for (char **key = keys; *key != NULL; key++) {
		g_autofree char *value = g_key_file_get_value(file, group, *key, NULL);
		if (definition_target_set(draft, *key, value, err) != 0)
			return -1;
	}
	return definition_target_check(draft, err) == 0
		   ? definition_target_check_reach(NULL, draft, false, err)
		   : -1;
}

static int apply_compare_target(const struct apply *apply, const struct work_queue_target *draft,
				struct apply_row *row, struct error *err)
{
	struct work_queue_target present = {0};
	scoped(work_queue_target_clear) struct work_queue_target *release = &present;
	row->kind = "target";
	row->name = g_strdup(draft->name);
	row->after = definition_target_values(draft);
	row->outcome = APPLY_CREATED;
	if (apply->store == NULL)
		return 0;
	if (work_queue_target_find(apply->store, draft->name, release, err) != 0)
		return err->reason == REASON_MISSING ? 0 : -1;
	row->before = definition_target_values(release);
	row->outcome = apply_changes(row) ? APPLY_ALTERED : APPLY_UNCHANGED;
	return 0;
}

static int apply_target(const struct apply *apply, const struct work_queue_target *draft,
			enum apply_outcome outcome, struct error *err)
{
	if (!apply->change || outcome == APPLY_UNCHANGED)
		return 0;
	if (outcome == APPLY_CREATED)
		return work_queue_target_put(apply->store, draft, err) == 0 ? 0 : -1;
	return work_queue_target_alter(apply->store, draft->name, draft, apply->now_ms, err) == 0
		   ? 0
		   : -1;
}

/* The draft is in the list before it is judged, so that one release frees all of them, also after an error. */
static int apply_target_group(struct apply *apply, GKeyFile *file, const char *group,
			      struct error *err)
{
	struct work_queue_target draft = {0};
	struct apply_row row = {0};
	int failed = apply_read_target(file, group, &draft, err);
	g_array_append_val(apply->targets, draft);
	if (failed == 0) {
		failed = apply_compare_target(apply, &draft, &row, err);
		g_array_append_val(apply->rows, row);
	}
	return failed == 0 ? apply_target(apply, &draft, row.outcome, err) : -1;
}

/* A queue may name a target that stands in the same file: a preview finds it there, because it is not stored. */
static int apply_resolve(const struct apply *apply, struct work_queue *draft, struct error *err)
{
	for (guint i = 0; i < apply->targets->len; i++) {
		const struct work_queue_target *target =
		    &g_array_index(apply->targets, struct work_queue_target, i);
		if (g_strcmp0(target->name, draft->target.name) != 0)
			continue;
		g_free(draft->target.url);
		g_free(draft->target.format);
		draft->target.url = g_strdup(target->url);
		draft->target.format = g_strdup(target->format);
		return 0;
	}
	if (apply->store == NULL && draft->target.name != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "there is no target '%s', neither here nor in a database",
				 draft->target.name);
	return draft->target.name != NULL ? definition_resolve(apply->store, draft, err) : 0;
}

/* ---- queues ---- */

/* Goes by the same table of fields as `queue create`, so that a file can say all that a command
 * line can. */
static int apply_read_fields(GKeyFile *file, const char *group, struct work_queue *draft,
			     struct error *err)
{
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);
	for (char **key = keys; *key != NULL; key++) {
		g_autofree char *value = g_key_file_get_value(file, group, *key, NULL);
		if (definition_set(draft, *key, value, err) != 0)
			return -1;
	}
	return definition_target_check_reach(NULL, &draft->target, false, err);
}

static int apply_read_queue(const struct apply *apply, GKeyFile *file, const char *group,
			    struct work_queue **ret_draft, struct error *err)
{
	scoped(work_queue_free) struct work_queue *draft =
	    definition_new(group + strlen(queue_prefix));
	if (apply_read_fields(file, group, draft, err) != 0)
		return -1;
	if (apply_resolve(apply, draft, err) != 0 || definition_check(draft, err) != 0)
		return -1;
	*ret_draft = steal(&draft);
	return 0;
}

/* What the file would make of the queue, beside what is there. A database that is not there has no queue. A name
 * that is taken already was checked when it was. */
static int apply_compare(const struct apply *apply, struct work_queue *draft, struct apply_row *row,
			 struct error *err)
{
	scoped(work_queue_free) struct work_queue *present = NULL;
	row->kind = "queue";
	row->name = g_strdup(draft->name);
	row->after = definition_values(draft);
	row->outcome = APPLY_CREATED;
	if (apply->store == NULL)
		return work_queue_check_name(draft->name, err) == 0 ? 0 : -1;
	if (work_queue_find(apply->store, draft->name, &present, err) != 0) {
		if (err->reason != REASON_MISSING || work_queue_check_name(draft->name, err) != 0)
			return -1;
		return 0;
	}
	draft->id = present->id;
	row->before = definition_values(present);
	row->outcome = apply_changes(row) ? APPLY_ALTERED : APPLY_UNCHANGED;
	return 0;
}

/* A definition that is the same is left alone: altering it would end the pauses of a running
 * `watch` and forget refused sign-ins. */
static int apply_queue(const struct apply *apply, struct work_queue *draft,
		       enum apply_outcome outcome, struct error *err)
{
	if (!apply->change)
		return 0;
	if (outcome == APPLY_CREATED &&
	    work_queue_put(apply->store, draft, apply->now_ms, &draft->id, err) != 0)
		return -1;
	if (outcome == APPLY_ALTERED &&
	    work_queue_alter(apply->store, draft, apply->now_ms, err) != 0)
		return -1;
	return 0;
}

static int apply_queue_group(struct apply *apply, GKeyFile *file, const char *group,
			     struct error *err)
{
	scoped(work_queue_free) struct work_queue *draft = NULL;
	struct apply_row row = {0};
	if (apply_read_queue(apply, file, group, &draft, err) != 0)
		return -1;
	const int failed = apply_compare(apply, draft, &row, err);
	g_array_append_val(apply->rows, row);
	return failed == 0 ? apply_queue(apply, draft, row.outcome, err) : -1;
}

/* ---- rules ---- */

static void apply_rule_differs(const char *number, const char *before, const char *after,
			       void *context)
{
	const struct apply_row *row = context;
	g_ptr_array_add(row->numbers, g_strdup(number));
	g_ptr_array_add(row->before, g_strdup(before));
	g_ptr_array_add(row->after, g_strdup(after));
}

static int apply_rules_of(struct apply *apply, GKeyFile *file, const char *group, struct error *err)
{
	struct apply_row row = {.kind = "rules",
				.name = g_strdup(group + strlen(rules_prefix)),
				.before = g_ptr_array_new_with_free_func(g_free),
				.after = g_ptr_array_new_with_free_func(g_free),
				.numbers = g_ptr_array_new_with_free_func(g_free)};
	const struct apply_rules rules = {apply->store, apply->change, apply_rule_differs, &row};
	const int failed = apply_rules_group(&rules, file, group, row.name, &row.outcome, err);
	g_array_append_val(apply->rows, row);
	return failed == 0 ? 0 : -1;
}

/* ---- a file ---- */

/* The error names the group, so that the operator finds the line. Targets come first, because queues
 * name them. */
static int apply_groups(struct apply *apply, GKeyFile *file, struct error *err)
{
	g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group != NULL; group++) {
		if (g_str_has_prefix(*group, queue_prefix) ||
		    g_str_has_prefix(*group, rules_prefix))
			continue;
		if (!g_str_has_prefix(*group, target_prefix))
			return error_set(err, ERROR_CONFIGURATION,
					 "[%s]: unknown group: a queue is written [queue NAME], a "
					 "target [target NAME], a queue's rules [rules NAME]",
					 *group);
		if (apply_target_group(apply, file, *group, err) != 0)
			return error_prefix(err, "[%s]", *group);
	}
	for (char **group = groups; *group != NULL; group++) {
		if (g_str_has_prefix(*group, queue_prefix) &&
		    apply_queue_group(apply, file, *group, err) != 0)
			return error_prefix(err, "[%s]", *group);
	}
	for (char **group = groups; *group != NULL; group++) {
		if (g_str_has_prefix(*group, rules_prefix) &&
		    apply_rules_of(apply, file, *group, err) != 0)
			return error_prefix(err, "[%s]", *group);
	}
	/* Queues that the file does not name may use a target that it has changed. */
	return apply->change ? definition_check_users(apply->store, NULL, err) : 0;
}

/* All groups or none: an operator who has mistyped the last one does not have half a file in the database. */
static int apply_in_transaction(struct apply *apply, GKeyFile *file, struct error *err)
{
	if (store_begin(apply->store, err) != 0)
		return -1;
	if (apply_groups(apply, file, err) != 0) {
		store_rollback(apply->store);
		return -1;
	}
	if (store_commit(apply->store, err) != 0)
		return -1;
	return 0;
}

/* Editors of other systems put a byte order mark first, which GKeyFile would take for a fault in line 1. CRLF it
 * takes itself. */
static int apply_read_file(const char *path, GKeyFile *file, struct error *err)
{
	static const char mark[] = "\xef\xbb\xbf";
	g_autofree char *text = NULL;
	g_autoptr(GError) failure = NULL;
	gsize size;
	if (!g_file_get_contents(path, &text, &size, &failure))
		return error_set(err, ERROR_IO, "'%s': %s", path, failure->message);
	const gsize begin = g_str_has_prefix(text, mark) ? strlen(mark) : 0;
	if (!g_key_file_load_from_data(file, text + begin, size - begin, G_KEY_FILE_NONE, &failure))
		return error_set(err, ERROR_CONFIGURATION, "'%s': %s", path, failure->message);
	return 0;
}

static int apply_run(struct apply *apply, const char *path, const struct apply_report *report,
		     struct error *err)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	if (apply_read_file(path, file, err) != 0)
		return -1;
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(struct apply_row));
	g_autoptr(GArray) targets = g_array_new(FALSE, FALSE, sizeof(struct work_queue_target));
	g_array_set_clear_func(rows, apply_row_clear);
	g_array_set_clear_func(targets, apply_target_clear);
	apply->rows = rows;
	apply->targets = targets;
	const int failed =
	    apply->change ? apply_in_transaction(apply, file, err) : apply_groups(apply, file, err);
	if (failed != 0)
		return error_prefix(err, "'%s'", path);
	apply_tell(report, rows);
	return 0;
}

/* Only groups with a URL have a name to resolve; groups of other kinds are left to apply_groups(). */
static int apply_check_name(GKeyFile *file, const char *group, struct error *err)
{
	scoped(work_queue_free) struct work_queue *draft = definition_new(group);
	if (g_str_has_prefix(group, target_prefix)) {
		work_queue_target_clear(&draft->target);
		if (apply_read_target(file, group, &draft->target, err) != 0)
			return -1;
	} else if (g_str_has_prefix(group, queue_prefix)) {
		if (apply_read_fields(file, group, draft, err) != 0)
			return -1;
	}
	return definition_target_check_reach(NULL, &draft->target, true, err);
}

/* For `queue apply --check`, before the transaction: a name server that does not answer must not hold up everybody
 * who writes. */
int apply_check_names(const char *path, struct error *err)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	if (apply_read_file(path, file, err) != 0)
		return -1;
	g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group != NULL; group++) {
		if (apply_check_name(file, *group, err) != 0)
			return error_prefix(err, "'%s': [%s]", path, *group);
	}
	return 0;
}

/* Tells only after the commit: a fault in the last group takes back the first. */
int apply_file(struct store *store, const char *path, int64_t now_ms,
	       const struct apply_report *report, struct error *err)
{
	struct apply apply = {.store = store, .change = true, .now_ms = now_ms};
	return apply_run(&apply, path, report, err);
}

/* In no transaction: it writes nothing, and the database may not be there yet. */
int apply_preview(struct store *store, const char *path, const struct apply_report *report,
		  struct error *err)
{
	struct apply apply = {.store = store};
	return apply_run(&apply, path, report, err);
}
