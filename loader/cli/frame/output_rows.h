/*
 * output_rows.h - a table whose rows appear as they come, however many there are.
 *
 * Columns have a width of their own, in places of a terminal; the last one takes what is left. On a
 * terminal longer texts are cut, elsewhere nothing is.
 */
#ifndef LOADER_CLI_FRAME_OUTPUT_ROWS_H
#define LOADER_CLI_FRAME_OUTPUT_ROWS_H

#include <stdbool.h>
#include <stddef.h>

struct output_rows_column {
	const char *name;
	int width;
	bool right;
};

/* Prints one row; a heading is a row of names. As many texts as columns, NULL is an empty one. */
void output_rows_print(const struct output_rows_column *columns, size_t count,
		       const char *const *cells);

/* The row of names. */
void output_rows_head(const struct output_rows_column *columns, size_t count);

#endif
