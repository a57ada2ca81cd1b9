#include "loader/cli/frame/output.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>

struct output_table {
	struct libscols_table *table;
	size_t column_count;
};

struct output_table *output_table_new(const struct output_column *columns, size_t count)
{
	static const int flags[] = {
	    [OUTPUT_LEFT] = 0, [OUTPUT_RIGHT] = SCOLS_FL_RIGHT, [OUTPUT_CUT] = SCOLS_FL_TRUNC};
	struct output_table *table = g_new0(struct output_table, 1);
	scols_init_debug(0);
	table->table = scols_new_table();
	table->column_count = count;
	g_assert(table->table != NULL);
	for (size_t i = 0; i < count; i++)
		scols_table_new_column(table->table, columns[i].name, 0, flags[columns[i].align]);
	return table;
}

void output_table_add(struct output_table *table, const char *const *cells)
{
	struct libscols_line *line = scols_table_new_line(table->table, NULL);
	g_assert(line != NULL);
	for (size_t i = 0; i < table->column_count; i++) {
		char *text = g_strdup(cells[i] != NULL ? cells[i] : "");
		g_strdelimit(text, "\n\t", ' ');
		scols_line_refer_data(line, i, text);
	}
}

void output_table_print(struct output_table *table)
{
	scols_print_table(table->table);
	output_table_free(table);
}

void output_table_free(struct output_table *table)
{
	scols_unref_table(table->table);
	g_free(table);
}

void output_json_print(json_t *document)
{
	json_dumpf(document, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(document);
}

json_t *output_json_time_ms(int64_t time_ms)
{
	char text[CLOCK_TEXT_SIZE];
	if (time_ms == 0)
		return json_null();
	clock_format_s(time_ms / 1000, text);
	return json_string(text);
}

json_t *output_json_text(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}
