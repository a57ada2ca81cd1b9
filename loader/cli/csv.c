#include "loader/cli/csv.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool csv_is_number(const char *cell)
{
	cell += *cell == '-';
	return *cell != '\0' && cell[strspn(cell, "0123456789")] == '\0';
}

static void csv_print_cell(const char *cell)
{
	const bool guarded =
	    *cell != '\0' && strchr("=+-@\t\r", *cell) != NULL && !csv_is_number(cell);
	const bool quoted = guarded || strpbrk(cell, ",\"\r\n") != NULL;
	if (quoted)
		putchar('"');
	if (guarded)
		putchar('\'');
	for (; *cell != '\0'; cell++) {
		if (*cell == '"')
			putchar('"');
		putchar(*cell);
	}
	if (quoted)
		putchar('"');
}

void csv_print_row(const char *const *cells, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			putchar(',');
		if (cells[i] != NULL)
			csv_print_cell(cells[i]);
	}
	fputs("\r\n", stdout);
}
