/* Makes queues be as a file says: reads a group for each queue, and creates, alters or leaves
 * alone, all in one transaction. It tells what became of each queue after the commit. */
#include "loader/define/definition.h"

#include "queue/base/scoped.h"

#include <string.h>

static const char group_prefix[] = "queue ";

struct apply_row {
	char *name;
	enum apply_outcome outcome;
	GPtrArray *before; /* the values of definition_list(); NULL where there was no such queue */
	GPtrArray *after;
};

static void apply_row_clear(void *data)
{
	struct apply_row *row = data;
	g_free(row->name);
	g_clear_pointer(&row->before, g_ptr_array_unref);
	g_clear_pointer(&row->after, g_ptr_array_unref);
}

static void apply_collect(const char *field, const char *value, void *context)
{
	(void)field;
	g_ptr_array_add(context, g_strdup(value));
}

static GPtrArray *apply_values(const struct work_queue *queue)
{
	GPtrArray *values = g_ptr_array_new_with_free_func(g_free);
	definition_list(queue, apply_collect, values);
	return values;
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

/* By what an operator defines, all of which definition_list() lists: not by when the queue ran last, nor by
 * whether its target was stopped. */
static bool apply_changes(const char *present_name, const struct apply_row *row)
{
	if (strcmp(present_name, row->name) != 0)
		return true;
	for (guint i = 0; i < row->after->len; i++) {
		if (g_strcmp0(g_ptr_array_index(row->before, i),
			      g_ptr_array_index(row->after, i)) != 0)
			return true;
	}
	return false;
}

/* What the file would make of the queue, beside what is there. A database that is not there has no
 * queue. */
static int apply_compare(struct store *store, struct work_queue *draft, struct apply_row *row,
			 struct error *err)
{
	scoped(work_queue_free) struct work_queue *present = NULL;
	row->name = g_strdup(draft->name);
	row->after = apply_values(draft);
	row->outcome = APPLY_CREATED;
	if (store == NULL)
		return work_queue_check_name(draft->name, err) == 0 ? 0 : -1;
	if (work_queue_find(store, draft->name, &present, err) != 0) {
		if (err->reason != REASON_MISSING || work_queue_check_name(draft->name, err) != 0)
			return -1;
		return 0;
	}
	draft->id = present->id;
	row->before = apply_values(present);
	row->outcome = apply_changes(present->name, row) ? APPLY_ALTERED : APPLY_UNCHANGED;
	return 0;
}

/* A definition that is the same is left alone: altering it would end the pauses of a running
 * `watch` and forget refused sign-ins. */
static int apply_queue(struct store *store, struct work_queue *draft, int64_t now_ms,
		       enum apply_outcome outcome, struct error *err)
{
	if (outcome == APPLY_CREATED && work_queue_put(store, draft, now_ms, &draft->id, err) != 0)
		return -1;
	if (outcome == APPLY_ALTERED && work_queue_alter(store, draft, now_ms, err) != 0)
		return -1;
	return 0;
}

enum apply_mode { APPLY_PREVIEW, APPLY_CHANGE };

/* The error names the group, so that the operator finds the line. */
static int apply_groups(struct store *store, GKeyFile *file, int64_t now_ms, enum apply_mode mode,
			GArray *rows, struct error *err)
{
	g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group != NULL; group++) {
		scoped(work_queue_free) struct work_queue *draft = NULL;
		struct apply_row row = {0};
		if (apply_read_group(file, *group, &draft, err) != 0)
			return error_prefix(err, "[%s]", *group);
		const int failed = apply_compare(store, draft, &row, err);
		g_array_append_val(rows, row);
		if (failed != 0 || (mode == APPLY_CHANGE &&
				    apply_queue(store, draft, now_ms, row.outcome, err) != 0))
			return error_prefix(err, "[%s]", *group);
	}
	return 0;
}

/* All groups or none. */
static int apply_in_transaction(struct store *store, GKeyFile *file, int64_t now_ms, GArray *rows,
				struct error *err)
{
	if (store_begin(store, err) != 0)
		return -1;
	if (apply_groups(store, file, now_ms, APPLY_CHANGE, rows, err) != 0) {
		store_rollback(store);
		return -1;
	}
	if (store_commit(store, err) != 0)
		return -1;
	return 0;
}

/* An editor may have put a byte order mark first; GKeyFile itself takes CRLF. */
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

struct apply_difference {
	const struct apply_report *report;
	const struct apply_row *row;
	guint next;
};

static void apply_tell_field(const char *field, const char *value, void *context)
{
	struct apply_difference *difference = context;
	const guint at = difference->next++;
	const char *before = g_ptr_array_index(difference->row->before, at);
	const char *after = g_ptr_array_index(difference->row->after, at);
	(void)value;
	if (g_strcmp0(before, after) != 0)
		difference->report->differs(difference->row->name, field, before, after,
					    difference->report->context);
}

/* Any definition serves to go through the fields. */
static void apply_tell_differences(const struct apply_report *report, const struct apply_row *row)
{
	struct apply_difference difference = {.report = report, .row = row};
	scoped(work_queue_free) struct work_queue *any = definition_new(row->name);
	definition_list(any, apply_tell_field, &difference);
}

static void apply_tell(const struct apply_report *report, const GArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		const struct apply_row *row = &g_array_index(rows, struct apply_row, i);
		report->tell(row->name, row->outcome, report->context);
		if (report->differs != NULL && row->outcome == APPLY_ALTERED)
			apply_tell_differences(report, row);
	}
}

static int apply_run(struct store *store, const char *path, int64_t now_ms, enum apply_mode mode,
		     const struct apply_report *report, struct error *err)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	if (apply_read_file(path, file, err) != 0)
		return -1;
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(struct apply_row));
	g_array_set_clear_func(rows, apply_row_clear);
	const int failed = mode == APPLY_CHANGE
			       ? apply_in_transaction(store, file, now_ms, rows, err)
			       : apply_groups(store, file, now_ms, mode, rows, err);
	if (failed != 0)
		return error_prefix(err, "'%s'", path);
	apply_tell(report, rows);
	return 0;
}

/* Tells only after the commit: a fault in the last group takes back the first. */
int apply_file(struct store *store, const char *path, int64_t now_ms,
	       const struct apply_report *report, struct error *err)
{
	return apply_run(store, path, now_ms, APPLY_CHANGE, report, err);
}

int apply_preview(struct store *store, const char *path, const struct apply_report *report,
		  struct error *err)
{
	return apply_run(store, path, 0, APPLY_PREVIEW, report, err);
}
