/*
 * output_csv.h - cells of CSV on standard output (RFC 4180: comma, CRLF, quotes doubled).
 *
 * With `guard` a cell that a spreadsheet would take for a formula (it begins with = + - @, a tab or
 * a carriage return) gets an apostrophe in front. That changes data, so programs do without.
 */
#ifndef LOADER_CLI_FRAME_OUTPUT_CSV_H
#define LOADER_CLI_FRAME_OUTPUT_CSV_H

#include <stdbool.h>
#include <stddef.h>

/* A whole cell; NULL is an empty one. Quoted only where it must be. */
void output_csv_cell(const char *text, bool guard);

/* A cell in pieces: always quoted; `first` is its first byte, '\0' if it has none. */
void output_csv_begin(char first, bool guard);
void output_csv_piece(const char *bytes, size_t size);
void output_csv_end(void);

void output_csv_comma(void);
void output_csv_end_row(void);

#endif
