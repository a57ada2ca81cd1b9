/* Fits tables, rows and fields to the terminal: texts are cut with "…" or wrapped at words before
 * libsmartcols lays a table out, because it cuts without a sign. Elsewhere nothing is cut. */
#include "loader/cli/frame/output.h"

#include "queue/base/scoped.h"

#include <glib.h>
#include <libsmartcols.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- places of a terminal ---- */

enum { OUTPUT_WIDTH = 80, OUTPUT_COLUMN_MIN = 10, OUTPUT_NAME_MIN = 16 };

/* INT_MAX where nothing is to be cut. */
static int output_terminal_width(void)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO))
		return INT_MAX;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return OUTPUT_WIDTH;
	return size.ws_col;
}

/* East Asian characters take two places of a terminal, combining ones none. */
static int output_char_places(gunichar c)
{
	if (g_unichar_iszerowidth(c))
		return 0;
	return g_unichar_iswide(c) ? 2 : 1;
}

int output_text_places(const char *text)
{
	int places = 0;
	for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
		places += output_char_places(g_utf8_get_char(at));
	return places;
}

/* At most `width` places, with "…" for what is cut. Caller frees. */
static char *output_cut(const char *text, int width)
{
	int places = 0;
	const char *cut = text; /* where "…" goes if the text does not fit */
	for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
		places += output_char_places(g_utf8_get_char(at));
		if (places <= width - 1)
			cut = g_utf8_next_char(at);
		if (places > width)
			return g_strdup_printf("%.*s…", (int)(cut - text), text);
	}
	return g_strdup(text);
}

/* The end of what fits into `width` places: behind a word if there is one, else inside of it. Takes
 * one character at least. */
static const char *output_line_end(const char *text, int width)
{
	int places = 0;
	const char *word = NULL;
	for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
		places += output_char_places(g_utf8_get_char(at));
		if (*at == ' ' && at > text)
			word = at;
		if (places > width)
			return word != NULL ? word : at > text ? at : g_utf8_next_char(at);
	}
	return text + strlen(text);
}

/* Lines of at most `width` places, with line breaks and `indent` blanks between them. Caller frees.
 */
static char *output_wrap(const char *text, int width, int indent)
{
	GString *lines = g_string_new(NULL);
	while (*text != '\0') {
		const char *end = output_line_end(text, width);
		if (lines->len > 0)
			g_string_append_printf(lines, "\n%*s", indent, "");
		g_string_append_len(lines, text, end - text);
		text = end + strspn(end, " ");
	}
	return g_string_free(lines, FALSE);
}

/* Takes places from the widest column that gives way, one by one, until the sum is at most `room`,
 * or no column has more than its least width. */
static void output_narrow(int *widths, const int *least, size_t count, int room)
{
	int sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += widths[i];
	for (; sum > room; sum--) {
		size_t widest = count;
		for (size_t i = 0; i < count; i++) {
			if (widths[i] > least[i] && (widest == count || widths[i] > widths[widest]))
				widest = i;
		}
		if (widest == count)
			return;
		widths[widest]--;
	}
}

/* ---- tables ---- */

struct output_row {
	char **cells;
	GPtrArray *notes; /* texts; NULL for none */
};

struct output_table {
	struct output_column *columns;
	bool *hidden;
	size_t column_count;
	GArray *rows; /* struct output_row */
};

static void output_row_clear(void *data)
{
	struct output_row *row = data;
	g_strfreev(row->cells);
	if (row->notes != NULL)
		g_ptr_array_unref(row->notes);
}

struct output_table *output_table_new(const struct output_column *columns, size_t count)
{
	struct output_table *table = g_new0(struct output_table, 1);
	table->columns = g_memdup2(columns, count * sizeof *columns);
	table->hidden = g_new0(bool, count);
	table->column_count = count;
	table->rows = g_array_new(FALSE, FALSE, sizeof(struct output_row));
	g_array_set_clear_func(table->rows, output_row_clear);
	return table;
}

void output_table_add(struct output_table *table, const char *const *cells)
{
	struct output_row row = {.cells = g_new0(char *, table->column_count + 1)};
	for (size_t i = 0; i < table->column_count; i++)
		row.cells[i] = visible_line(cells[i]);
	g_array_append_val(table->rows, row);
}

void output_table_hide(struct output_table *table, size_t column)
{
	table->hidden[column] = true;
}

void output_table_note(struct output_table *table, const char *text)
{
	struct output_row *row =
	    &g_array_index(table->rows, struct output_row, table->rows->len - 1);
	g_autofree char *note = visible_line(text);
	if (row->notes == NULL)
		row->notes = g_ptr_array_new_with_free_func(g_free);
	if (!g_ptr_array_find_with_equal_func(row->notes, note, g_str_equal, NULL))
		g_ptr_array_add(row->notes, steal(&note));
}

/* The widest cell of each column; 0 for a column that is left out. */
static void output_table_measure(const struct output_table *table, int *widths)
{
	for (size_t i = 0; i < table->column_count; i++) {
		int cells = 0;
		for (guint r = 0; r < table->rows->len; r++)
			cells = MAX(cells,
				    output_text_places(
					g_array_index(table->rows, struct output_row, r).cells[i]));
		widths[i] = table->hidden[i] || (cells == 0 && table->columns[i].optional)
				? 0
				: MAX(cells, output_text_places(table->columns[i].name));
	}
}

/* The least width of a column: in the first round, texts give way down to what still tells something; in
 * the second one they and names give way further; in the third one half a time is left. Numbers stay. */
static int output_table_least(enum output_align align, int round, int width)
{
	switch (align) {
	case OUTPUT_CUT:
	case OUTPUT_WRAP:
		return MIN(width, round == 0 ? (int)OUTPUT_COLUMN_MIN : (int)OUTPUT_COLUMN_MIN / 2);
	case OUTPUT_NAME:
		return MIN(width, round == 0   ? (int)OUTPUT_NAME_MIN
				  : round == 1 ? (int)OUTPUT_COLUMN_MIN
					       : (int)OUTPUT_COLUMN_MIN / 2);
	case OUTPUT_LEFT:
		return round < 2 ? width : MIN(width, (int)OUTPUT_COLUMN_MIN / 2);
	default:
		return width;
	}
}

static void output_table_fit(const struct output_table *table, int *widths)
{
	g_autofree int *least = g_new(int, table->column_count);
	int room = output_terminal_width();
	if (room == INT_MAX)
		return;
	room++;
	for (size_t i = 0; i < table->column_count; i++)
		room -= widths[i] > 0 ? 1 : 0;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < table->column_count; i++)
			least[i] = output_table_least(table->columns[i].align, round, widths[i]);
		output_narrow(widths, least, table->column_count, room);
	}
}

/* One cell as it is shown. Caller frees. */
static char *output_table_cell(const struct output_table *table, size_t column, const char *text,
			       int width)
{
	return table->columns[column].align == OUTPUT_WRAP ? output_wrap(text, width, 0)
							   : output_cut(text, width);
}

/* The columns that are shown, in a table that is never cut again. Caller frees. */
static struct libscols_table *output_table_layout(const struct output_table *table,
						  const int *widths)
{
	scols_init_debug(0);
	struct libscols_table *layout = scols_new_table();
	g_assert(layout != NULL);
	scols_table_set_termforce(layout, SCOLS_TERMFORCE_NEVER);
	/* Cells are visible already; the library would take the escapes for something to escape. */
	scols_table_enable_noencoding(layout, 1);
	for (size_t i = 0; i < table->column_count; i++) {
		if (widths[i] == 0)
			continue;
		const bool wraps = table->columns[i].align == OUTPUT_WRAP;
		struct libscols_column *column =
		    scols_table_new_column(layout, table->columns[i].name, 0,
					   table->columns[i].align == OUTPUT_RIGHT ? SCOLS_FL_RIGHT
					   : wraps				   ? SCOLS_FL_WRAP
										   : 0);
		g_assert(column != NULL);
		if (wraps) {
			scols_column_set_safechars(column, "\n");
			scols_column_set_wrapfunc(column, scols_wrapnl_chunksize,
						  scols_wrapnl_nextchunk, NULL);
		}
	}
	return layout;
}

/* Returns how many lines the row takes. */
static size_t output_table_add_line(const struct output_table *table, const int *widths,
				    const struct output_row *row, struct libscols_table *layout)
{
	struct libscols_line *line = scols_table_new_line(layout, NULL);
	size_t lines = 1;
	size_t shown = 0;
	g_assert(line != NULL);
	for (size_t i = 0; i < table->column_count; i++) {
		if (widths[i] == 0)
			continue;
		char *text = output_table_cell(table, i, row->cells[i], widths[i]);
		g_auto(GStrv) parts = g_strsplit(text, "\n", -1);
		lines = MAX(lines, g_strv_length(parts));
		scols_line_refer_data(line, shown++, text);
	}
	return lines;
}

/* A note stands below its row, a little to the right, and is never cut. */
static void output_table_print_note(void *data, void *context)
{
	enum { INDENT = 2 };
	const char *note = data;
	(void)context;
	const int width = output_terminal_width();
	g_autofree char *lines =
	    output_wrap(note, width == INT_MAX ? INT_MAX : MAX(width - INDENT, 1), INDENT);
	printf("%*s%s\n", INDENT, "", lines);
}

/* libsmartcols lays all rows out, and the notes go between its lines. */
void output_table_print(struct output_table *table)
{
	g_autofree int *widths = g_new(int, table->column_count);
	g_autofree size_t *lines = g_new(size_t, table->rows->len + 1);
	output_table_measure(table, widths);
	output_table_fit(table, widths);
	struct libscols_table *layout = output_table_layout(table, widths);
	for (guint r = 0; r < table->rows->len; r++)
		lines[r] = output_table_add_line(
		    table, widths, &g_array_index(table->rows, struct output_row, r), layout);
	char *text = NULL;
	scols_print_table_to_string(layout, &text);
	const char *at = text != NULL ? text : "";
	for (guint r = 0; r < table->rows->len; r++) {
		GPtrArray *notes = g_array_index(table->rows, struct output_row, r).notes;
		/* The heading goes with the first row. */
		for (size_t left = lines[r] + (r == 0); left > 0 && *at != '\0'; left--) {
			const size_t size = strcspn(at, "\n");
			printf("%.*s\n", (int)size, at);
			at += size + (at[size] == '\n');
		}
		if (notes != NULL)
			g_ptr_array_foreach(notes, output_table_print_note, NULL);
	}
	free(text);
	scols_unref_table(layout);
	output_table_free(table);
}

void output_table_print_or(struct output_table *table, const char *none)
{
	const bool empty = table->rows->len == 0;
	output_table_print(table);
	if (empty && none != NULL)
		output_say_to_person(none);
}

void output_table_free(struct output_table *table)
{
	g_array_unref(table->rows);
	g_free(table->columns);
	g_free(table->hidden);
	g_free(table);
}

/* ---- rows as they come ---- */

/* The last column has at least this many places before the others keep theirs. */
enum { OUTPUT_ROWS_LAST = 16, OUTPUT_ROWS_LAST_MIN = 10 };

static void output_rows_fit(const struct output_rows_column *columns, size_t count, int terminal,
			    int *widths)
{
	g_autofree int *least = g_new(int, count);
	for (size_t i = 0; i < count; i++) {
		widths[i] = i + 1 == count	    ? OUTPUT_ROWS_LAST
			    : columns[i].width == 0 ? output_time_width()
						    : columns[i].width;
		least[i] =
		    columns[i].gives_way ? MIN(widths[i], (int)OUTPUT_COLUMN_MIN) : widths[i];
	}
	least[count - 1] = OUTPUT_ROWS_LAST_MIN;
	if (terminal == INT_MAX)
		return;
	output_narrow(widths, least, count, terminal - (int)(count - 1));
}

/* The last column takes what the terminal has left. */
void output_rows_print(const struct output_rows_column *columns, size_t count,
		       const char *const *cells)
{
	const int terminal = output_terminal_width();
	g_autofree int *widths = g_new(int, count);
	int used = 0;
	output_rows_fit(columns, count, terminal, widths);
	for (size_t i = 0; i < count; i++) {
		const bool last = i + 1 == count;
		if (last && terminal != INT_MAX)
			widths[i] = MAX(terminal - used, (int)OUTPUT_ROWS_LAST_MIN);
		g_autofree char *line = visible_line(cells[i]);
		g_autofree char *text =
		    terminal == INT_MAX ? g_strdup(line) : output_cut(line, widths[i]);
		const int blanks = last ? 0 : MAX(widths[i] - output_text_places(text), 0);
		if (columns[i].right)
			printf("%*s%s", blanks, "", text);
		else
			printf("%s%*s", text, blanks, "");
		if (!last)
			putchar(' ');
		used += widths[i] + 1;
	}
	putchar('\n');
}

void output_rows_head(const struct output_rows_column *columns, size_t count)
{
	g_autofree const char **names = g_new(const char *, count);
	for (size_t i = 0; i < count; i++)
		names[i] = columns[i].name;
	output_rows_print(columns, count, names);
}

/* ---- a label and a text ---- */

void output_field(const char *label, int width, const char *text)
{
	const int terminal = output_terminal_width();
	if (text == NULL)
		return;
	g_autofree char *line = visible_line(text);
	g_autofree char *lines = terminal == INT_MAX
				     ? g_strdup(line)
				     : output_wrap(line, MAX(terminal - width - 1, 1), width + 1);
	printf("%-*s %s\n", width, label, lines);
}
