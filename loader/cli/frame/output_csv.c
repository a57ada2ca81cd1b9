#include "loader/cli/frame/output_csv.h"

#include <stdio.h>
#include <string.h>

static bool output_csv_is_formula(char first)
{
	return first != '\0' && strchr("=+-@\t\r", first) != NULL;
}

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

void output_csv_end_row(void)
{
	fputs("\r\n", stdout);
}
