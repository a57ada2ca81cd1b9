/* Prints tables by libsmartcols, rows that are cut to the terminal's width, CSV, and a bar. */
#include "loader/cli/frame/output.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- tables, JSON ---- */

struct output_table {
	struct libscols_table *table;
	size_t column_count;
};

/* Numbers stand right; long texts give way when a terminal is too narrow. */
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

/* Line breaks would tear the table apart. */
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

/* Takes the document over, so that callers can build it inside the call. */
void output_json_print(json_t *document)
{
	json_dumpf(document, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(document);
}

/* Escapes what JSON does not take inside a string. */
void output_json_piece(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c == '\n')
			fputs("\\n", stdout);
		else if (c == '\t')
			fputs("\\t", stdout);
		else if (c < ' ')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
}

/* The structs of queue/ have 0 where there is no time. */
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

/* Anything but y, also the end of the input, is no. */
bool output_is_yes(void)
{
	char answer[16] = "";
	return fgets(answer, sizeof answer, stdin) != NULL && g_ascii_tolower(answer[0]) == 'y';
}

/* ---- rows as they come ---- */

enum { OUTPUT_ROWS_WIDTH = 80, OUTPUT_ROWS_LAST_MIN = 10 };

/* INT_MAX where nothing is to be cut. */
static int output_rows_terminal_width(void)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO))
		return INT_MAX;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return OUTPUT_ROWS_WIDTH;
	return size.ws_col;
}

/* East Asian characters take two places of a terminal, combining ones none. */
static int output_rows_places(gunichar c)
{
	if (g_unichar_iszerowidth(c))
		return 0;
	return g_unichar_iswide(c) ? 2 : 1;
}

/* The text on one line, at most `width` places, with "…" for what is cut; writes its places. */
static char *output_rows_fit(const char *text, int width, int *ret_places)
{
	GString *fit = g_string_new(NULL);
	int places = 0;
	gsize cut_at = 0; /* where "…" goes if the text does not fit */
	int cut_places = 0;
	for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);
		if (c == '\n' || c == '\t')
			c = ' ';
		if (places <= width - 1) {
			cut_at = fit->len;
			cut_places = places;
		}
		places += output_rows_places(c);
		if (places > width) {
			g_string_truncate(fit, cut_at);
			g_string_append(fit, "…");
			places = cut_places + 1;
			break;
		}
		g_string_append_unichar(fit, c);
	}
	*ret_places = places;
	return g_string_free(fit, FALSE);
}

/* The last column takes what the terminal has left. */
void output_rows_print(const struct output_rows_column *columns, size_t count,
		       const char *const *cells)
{
	int terminal = output_rows_terminal_width();
	int used = 0;
	for (size_t i = 0; i < count; i++) {
		bool last = i + 1 == count;
		int width = columns[i].width;
		if (last)
			width = MAX(terminal - used, (int)OUTPUT_ROWS_LAST_MIN);
		int places;
		g_autofree char *text =
		    output_rows_fit(cells[i] != NULL ? cells[i] : "",
				    terminal == INT_MAX ? INT_MAX : width, &places);
		int blanks = last ? 0 : MAX(columns[i].width - places, 0);
		if (columns[i].right)
			printf("%*s%s", blanks, "", text);
		else
			printf("%s%*s", text, blanks, "");
		if (!last)
			putchar(' ');
		used += columns[i].width + 1;
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

/* ---- CSV ---- */

/* A spreadsheet would run a cell that begins like this. */
static bool output_csv_is_formula(char first)
{
	return first != '\0' && strchr("=+-@\t\r", first) != NULL;
}

/* Puts a cell in quotes only where it must be. */
void output_csv_cell(const char *text, bool guard)
{
	if (text == NULL)
		return;
	bool guarded = guard && output_csv_is_formula(*text);
	if (strpbrk(text, ",\"\r\n") == NULL) {
		if (guarded)
			putchar('\'');
		fputs(text, stdout);
		return;
	}
	output_csv_begin(*text, guard);
	output_csv_piece(text, strlen(text));
	output_csv_end();
}

/* For a text that comes in pieces: its first byte decides whether it is guarded. */
void output_csv_begin(char first, bool guard)
{
	putchar('"');
	if (guard && output_csv_is_formula(first))
		putchar('\'');
}

void output_csv_piece(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '"')
			putchar('"');
		putchar(bytes[i]);
	}
}

void output_csv_end(void)
{
	putchar('"');
}

void output_csv_comma(void)
{
	putchar(',');
}

/* RFC 4180 ends each row with CR LF. */
void output_csv_end_row(void)
{
	fputs("\r\n", stdout);
}

/* ---- a bar ---- */

enum { PROGRESS_DELAY_MS = 2000, PROGRESS_INTERVAL_MS = 100, PROGRESS_WIDTH = 30 };

/* Draws nothing in the first two seconds: most work is over by then. */
void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t size_bytes)
{
	static const char full[] = "##############################";
	int64_t now_ms = clock_monotonic_ms();
	if (progress->started_ms == 0) {
		progress->started_ms = now_ms;
		progress->on_terminal = isatty(STDERR_FILENO);
	}
	if (!progress->on_terminal || (total == 0 && done == 0) ||
	    now_ms - progress->started_ms < PROGRESS_DELAY_MS ||
	    now_ms - progress->drawn_ms < PROGRESS_INTERVAL_MS)
		return;
	progress->drawn_ms = now_ms;
	g_autofree char *size = g_format_size(size_bytes);
	if (total == 0) {
		fprintf(stderr, "\r\033[K%s %" PRIu64 "  %s", progress->label, done, size);
		fflush(stderr);
		return;
	}
	int filled = (int)(MIN(done, total) * PROGRESS_WIDTH / total);
	fprintf(stderr, "\r\033[K%s [%.*s%*s] %" PRIu64 "/%" PRIu64 "  %s", progress->label, filled,
		full, PROGRESS_WIDTH - filled, "", done, total, size);
	fflush(stderr);
}

void progress_clear(struct progress *progress)
{
	if (progress->drawn_ms != 0)
		fputs("\r\033[K", stderr);
	progress->drawn_ms = 0;
}
