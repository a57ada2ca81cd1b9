/*
 * output.h - what commands print: tables for people, JSON and CSV for programs, a bar while it takes
 * long.
 *
 * Tables: a table is filled row by row and printed once; on a terminal it fits the width, elsewhere
 *         nothing is cut. Texts are copied. A note is a line of its own below its row.
 * Fields: a label and a text in a line; on a terminal a long text goes on below itself.
 * Times:  local ones and ages on a terminal, RFC 3339 UTC elsewhere and where output_set_utc() says so.
 * Rows:   a table whose rows appear as they come, however many there are. Columns have a width of
 *         their own, in places of a terminal; the last one takes what is left. On a terminal longer
 *         texts are cut, elsewhere nothing is.
 * JSON:   one document per line.
 * Text:   what strangers have written is made visible (visible.h) in all of these: nothing else of the
 *         program writes to standard output or standard error.
 * CSV:    cells on standard output (RFC 4180: comma, CRLF, quotes doubled). With `guard` a cell that
 *         a spreadsheet would take for a formula gets an apostrophe in front: it begins with = + -
 *         @, or their full-width or small forms, behind any blanks; or with a tab, a carriage
 *         return or a newline. That changes data, so programs do without.
 * Bar:    on standard error, for work that takes longer than two seconds; only on a terminal.
 */
#ifndef LOADER_CLI_FRAME_OUTPUT_H
#define LOADER_CLI_FRAME_OUTPUT_H

#include "loader/base/clock.h"
#include "loader/base/visible.h"
#include "queue/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_align {
	OUTPUT_LEFT,
	OUTPUT_RIGHT,
	OUTPUT_CUT,  /* left, is cut when space is short */
	OUTPUT_NAME, /* the same, but after all others: a short one stays whole */
	OUTPUT_WRAP  /* left, goes on in the next line when space is short */
};

struct output_column {
	const char *name;
	enum output_align align;
	bool optional; /* left out where all its cells are empty */
};

struct output_table;

/* Never NULL. The columns are borrowed for the call. */
struct output_table *output_table_new(const struct output_column *columns, size_t count);

/* As many texts as columns; NULL is an empty cell. Line breaks become blanks. */
void output_table_add(struct output_table *table, const char *const *cells);

/* Leaves a column out, whatever stands in it. */
void output_table_hide(struct output_table *table, size_t column);

/* A text below the row that was added last; it may be longer than a line. A row may have several, and
 * shows the same one once. */
void output_table_note(struct output_table *table, const char *text);

/* Prints nothing but the heading where there is no row. Releases the table. */
void output_table_print(struct output_table *table);

/* The same; where there is no row, a person at a terminal is told `none` on standard error;
 * NULL says nothing. */
void output_table_print_or(struct output_table *table, const char *none);

/* Releases a table that is not printed. */
void output_table_free(struct output_table *table);

/* ---- words ---- */

/* A line on standard output; the newline is none of the format's. */
void output_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line on standard error, "inqueue: …". */
void output_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, for a person at a terminal who would see nothing otherwise; a script's output stays as it is. */
void output_say_to_person(const char *words);

/* Asks on standard error, "…? [y/N] ", and reads a line of standard input: is it a yes? */
bool output_ask(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What a child process has printed by functions of this header, on standard output and standard
 * error. */
void output_relay(const char *printed, const char *said);

/* A line that stands between longer texts, "--- message body ---". */
void output_heading(const char *text);

/* A text of several lines on standard output; it ends with a newline in any case. NULL prints
 * nothing. */
void output_text(const char *text);

/* The same in pieces, which may end inside of a character. Begins as {0}. */
struct output_pieces {
	struct visible visible;
	bool line_is_open;
};
/* -1 with errno where it cannot be written. */
int output_pieces_put(struct output_pieces *pieces, const char *bytes, size_t size);
void output_pieces_end(struct output_pieces *pieces);

/* ---- a label and a text ---- */

/* The label takes `width` places and one more. A NULL text prints nothing. */
void output_field(const char *label, int width, const char *text);

/* The same for the fields of an entry; on a terminal a long text is not wrapped. Neither does an empty
 * one print anything. */
void output_entry_field(const char *label, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- times ---- */

/* Times are UTC on a terminal, too. */
void output_set_utc(bool utc);

/* "2026-01-31 13:00" local, or RFC 3339 UTC. */
void output_time_s(int64_t time_s, char text[static CLOCK_TEXT_SIZE]);

/* How many places that takes. */
int output_time_width(void);

/* "3 h": how long ago a time is; where times are UTC, that time. "-" for 0. */
void output_age_ms(int64_t time_ms, int64_t now_ms, char text[static CLOCK_TEXT_SIZE]);

/* The same, "2 min ago". */
void output_ago_ms(int64_t time_ms, int64_t now_ms, char text[static CLOCK_TEXT_SIZE]);

/* ---- JSON ---- */

/* Prints one line and releases the document. */
void output_json_print(json_t *document);

/* Prints a value alone. It is borrowed; NULL is null. */
void output_json_value(const json_t *value);

/* A piece of UTF-8 text as the inside of a JSON string; prints no quotes. `visible` has the form
 * VISIBLE_JSON_STRING. */
void output_json_piece(struct visible *visible, const char *bytes, size_t size);

/* RFC 3339 text, or null for 0. */
json_t *output_json_time_ms(int64_t time_ms);

/* A string, or null for NULL. */
json_t *output_json_text(const char *text);

/* ---- rows as they come ---- */

struct output_rows_column {
	const char *name;
	int width; /* 0: as wide as a time */
	bool right;
	bool gives_way; /* is made narrower where the columns do not fit the terminal */
};

/* Prints one row; a heading is a row of names. As many texts as columns, NULL is an empty one. */
void output_rows_print(const struct output_rows_column *columns, size_t count,
		       const char *const *cells);

/* The row of names. */
void output_rows_head(const struct output_rows_column *columns, size_t count);

/* ---- CSV ---- */

/* A whole cell; NULL is an empty one. Quoted only where it must be. */
void output_csv_cell(const char *text, bool guard);

/* A cell in pieces: always quoted; its first bytes decide whether it is guarded. `visible` has the form
 * VISIBLE_TEXT. */
void output_csv_begin(const char *bytes, size_t size, bool guard);
void output_csv_piece(struct visible *visible, const char *bytes, size_t size);
void output_csv_end(struct visible *visible);

/* Stands between two cells. */
void output_csv_comma(void);
/* CR LF. */
void output_csv_end_row(void);

/* ---- the same again and again ---- */

/*
 * Shows what `print` prints in one place of the terminal, every so often, until TERM or INT, which is no
 * error; an error of `print` ends it.
 */
int output_screen_run(int64_t every_ms, int (*print)(void *context, struct error *err),
		      void *context, struct error *err);

/* How many places of a terminal a text takes. */
int output_text_places(const char *text);

/* ---- a bar ---- */

struct progress {
	const char *label;
	int64_t started_ms; /* monotonic; 0 before the first call */
	bool on_terminal;   /* standard error is one; else nothing is drawn */
	int64_t drawn_ms;   /* when the bar was drawn last, monotonic; 0 = it is not shown */
};

/* Draws the bar when it is time; ten times a second at most. `total` 0: nobody knows, and there are
 * numbers alone. */
void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t size_bytes);

/* Takes the bar away. */
void progress_clear(struct progress *progress);

#endif
