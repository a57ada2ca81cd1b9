/* Tells what became of each target, queue and set of rules of a file, and field by field how it differs from what was
 * there. */
#include "loader/define/definition_internal.h"

#include "queue/base/scoped.h"

#include <string.h>

void apply_row_clear(void *data)
{
	struct apply_row *row = data;
	g_free(row->name);
	g_clear_pointer(&row->before, g_ptr_array_unref);
	g_clear_pointer(&row->after, g_ptr_array_unref);
	g_clear_pointer(&row->numbers, g_ptr_array_unref);
}

struct apply_difference {
	const struct apply_report *report;
	const struct apply_row *row;
	guint next;
};

static void apply_tell_field(const char *field, const char *value, void *context)
{
	struct apply_difference *difference = context;
	const struct apply_row *row = difference->row;
	const guint at = difference->next++;
	const char *before = g_ptr_array_index(row->before, at);
	const char *after = g_ptr_array_index(row->after, at);
	(void)value;
	if (g_strcmp0(before, after) != 0)
		difference->report->differs(row->kind, row->name, field, before, after,
					    difference->report->context);
}

/* The lists of values have no names in them: going through the fields of any definition gives the names in the
 * same order. */
static void apply_tell_differences(const struct apply_report *report, const struct apply_row *row)
{
	struct apply_difference difference = {.report = report, .row = row};
	scoped(work_queue_free) struct work_queue *any = definition_new(row->name);
	if (row->numbers != NULL) {
		for (guint i = 0; i < row->numbers->len; i++)
			report->differs(row->kind, row->name, g_ptr_array_index(row->numbers, i),
					g_ptr_array_index(row->before, i),
					g_ptr_array_index(row->after, i), report->context);
		return;
	}
	if (strcmp(row->kind, "target") == 0)
		definition_list_target(&any->target, apply_tell_field, &difference);
	else
		definition_list(any, apply_tell_field, &difference);
}

void apply_tell(const struct apply_report *report, const GArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		const struct apply_row *row = &g_array_index(rows, struct apply_row, i);
		report->tell(row->kind, row->name, row->outcome, report->context);
		if (report->differs != NULL && row->outcome == APPLY_ALTERED)
			apply_tell_differences(report, row);
	}
}
