/*
 * output.h - tables for people, JSON for programs.
 *
 * A table is filled row by row and printed once; on a terminal it fits the width, elsewhere nothing
 * is cut. Texts are copied. JSON goes out one document per line.
 */
#ifndef LOADER_CLI_FRAME_OUTPUT_H
#define LOADER_CLI_FRAME_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_align {
	OUTPUT_LEFT,
	OUTPUT_RIGHT,
	OUTPUT_CUT /* left, gives way when space is short */
};

struct output_column {
	const char *name;
	enum output_align align;
};

struct output_table;

struct output_table *output_table_new(const struct output_column *columns, size_t count);

/* As many texts as columns; NULL is an empty cell. Line breaks become blanks. */
void output_table_add(struct output_table *table, const char *const *cells);

/* Prints nothing but the heading where there is no row. Releases the table. */
void output_table_print(struct output_table *table);

/* Releases a table that is not printed. */
void output_table_free(struct output_table *table);

/* Prints one line and releases the document. */
void output_json_print(json_t *document);

/* RFC 3339 text, or null for 0. */
json_t *output_json_time_ms(int64_t time_ms);

/* A string, or null for NULL. */
json_t *output_json_text(const char *text);

#endif
