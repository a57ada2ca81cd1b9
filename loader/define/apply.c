/* Makes queues be as a file says: reads a group for each queue, and creates, alters or leaves
 * alone, all in one transaction. It tells what became of each queue after the commit. */
#include "loader/define/definition.h"

#include "queue/base/scoped.h"

#include <string.h>

static const char group_prefix[] = "queue ";

struct apply_row {
	char *name;
	enum apply_outcome outcome;
};

static void apply_row_clear(void *row)
{
	g_free(((struct apply_row *)row)->name);
}

/* Goes by the same table of fields as `queue create`, so that a file can say all that a command
 * line can. */
static int apply_read_group(GKeyFile *file, const char *group, struct work_queue **ret_draft,
			    struct error *err)
{
	if (!g_str_has_prefix(group, group_prefix))
		return error_set(err, ERROR_CONFIGURATION,
				 "unknown group: a queue is written [queue NAME]");
	scoped(work_queue_free) struct work_queue *draft =
	    definition_new(group + strlen(group_prefix));
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);
	for (char **key = keys; *key != NULL; key++) {
		/* The raw value: connection strings hold ';' and '\' as they are. */
		g_autofree char *value = g_key_file_get_value(file, group, *key, NULL);
		if (definition_set(draft, *key, value, err) != 0)
			return -1;
	}
	if (definition_check(draft, err) != 0)
		return -1;
	*ret_draft = steal(&draft);
	return 0;
}

/* A definition that is the same is left alone: altering it would end the pauses of a running
 * `watch` and forget refused sign-ins. */
static int apply_queue(struct store *store, struct work_queue *draft, int64_t now_ms,
		       enum apply_outcome *ret_outcome, struct error *err)
{
	scoped(work_queue_free) struct work_queue *present = NULL;
	if (work_queue_find(store, draft->name, &present, err) != 0) {
		*ret_outcome = APPLY_CREATED;
		if (err->reason != REASON_MISSING ||
		    work_queue_put(store, draft, now_ms, &draft->id, err) != 0)
			return -1;
		return 0;
	}
	*ret_outcome = APPLY_UNCHANGED;
	if (definition_equals(present, draft))
		return 0;
	*ret_outcome = APPLY_ALTERED;
	draft->id = present->id;
	if (work_queue_alter(store, draft, now_ms, err) != 0)
		return -1;
	return 0;
}

/* The error names the group, so that the operator finds the line. */
static int apply_groups(struct store *store, GKeyFile *file, int64_t now_ms, GArray *outcomes,
			struct error *err)
{
	g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group != NULL; group++) {
		scoped(work_queue_free) struct work_queue *draft = NULL;
		struct apply_row row = {0};
		if (apply_read_group(file, *group, &draft, err) != 0 ||
		    apply_queue(store, draft, now_ms, &row.outcome, err) != 0)
			return error_prefix(err, "[%s]", *group);
		row.name = g_strdup(draft->name);
		g_array_append_val(outcomes, row);
	}
	return 0;
}

/* All groups or none. */
static int apply_in_transaction(struct store *store, GKeyFile *file, int64_t now_ms,
				GArray *outcomes, struct error *err)
{
	if (store_begin(store, err) != 0)
		return -1;
	if (apply_groups(store, file, now_ms, outcomes, err) != 0) {
		store_rollback(store);
		return -1;
	}
	if (store_commit(store, err) != 0)
		return -1;
	return 0;
}

/* Tells only after the commit: a fault in the last group takes back the first. */
int apply_file(struct store *store, const char *path, int64_t now_ms,
	       void (*tell)(const char *queue_name, enum apply_outcome outcome, void *context),
	       void *context, struct error *err)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) failure = NULL;
	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &failure))
		return error_set(err,
				 failure->domain == G_FILE_ERROR ? ERROR_IO : ERROR_CONFIGURATION,
				 "'%s': %s", path, failure->message);
	g_autoptr(GArray) outcomes = g_array_new(FALSE, FALSE, sizeof(struct apply_row));
	g_array_set_clear_func(outcomes, apply_row_clear);
	if (apply_in_transaction(store, file, now_ms, outcomes, err) != 0)
		return error_prefix(err, "'%s'", path);
	for (guint i = 0; i < outcomes->len; i++) {
		const struct apply_row *row = &g_array_index(outcomes, struct apply_row, i);
		tell(row->name, row->outcome, context);
	}
	return 0;
}
