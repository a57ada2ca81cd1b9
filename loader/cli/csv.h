/*
 * csv.h - rows of comma-separated values on standard output (RFC 4180: CR LF, quotes doubled).
 */
#ifndef LOADER_CLI_CSV_H
#define LOADER_CLI_CSV_H

#include <stddef.h>

/*
 * Prints a row. A cell that a spreadsheet would take for a formula (it begins with =, +, -, @, tab
 * or CR) gets an apostrophe in front, which spreadsheets hide: mail is written by strangers. Cells
 * that are numbers stay as they are. NULL is an empty cell.
 */
void csv_print_row(const char *const *cells, size_t count);

#endif
