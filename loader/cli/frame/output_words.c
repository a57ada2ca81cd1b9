/* Prints lines and longer texts, and asks. Everything goes through the one function that makes
 * visible what strangers have written. */
#include "loader/cli/frame/output.h"

#include "queue/base/scoped.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The format and its arguments as one line. Caller frees. */
static char *output_format(const char *format, va_list arguments)
{
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	return visible_line(text);
}

void output_line(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *line = output_format(format, arguments);
	va_end(arguments);
	printf("%s\n", line);
}

void output_say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *line = output_format(format, arguments);
	va_end(arguments);
	fprintf(stderr, "inqueue: %s\n", line);
}

/* Anything but y, also the end of the input, is no. */
bool output_ask(const char *format, ...)
{
	char answer[16] = "";
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *question = output_format(format, arguments);
	va_end(arguments);
	fprintf(stderr, "%s? [y/N] ", question);
	return fgets(answer, sizeof answer, stdin) != NULL && g_ascii_tolower(answer[0]) == 'y';
}

/* Our own words. */
void output_heading(const char *text)
{
	printf("\n--- %s ---\n", text);
}

int output_pieces_put(struct output_pieces *pieces, const char *bytes, size_t size)
{
	pieces->visible.form = VISIBLE_TEXT;
	visible_put(&pieces->visible, bytes, size, stdout);
	if (size > 0)
		pieces->line_is_open = bytes[size - 1] != '\n';
	return ferror(stdout) ? -1 : 0;
}

void output_pieces_end(struct output_pieces *pieces)
{
	visible_put_end(&pieces->visible, stdout);
	if (pieces->line_is_open)
		putchar('\n');
}

void output_text(const char *text)
{
	struct output_pieces pieces = {0};
	if (text == NULL || *text == '\0')
		return;
	output_pieces_put(&pieces, text, strlen(text));
	output_pieces_end(&pieces);
}

/* What `show` and `parse` say of an entry is read by people and by grep alike: a field is a line. */
void output_entry_field(const char *label, const char *format, ...)
{
	enum { WIDTH = 14 };
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = output_format(format, arguments);
	va_end(arguments);
	if (*text != '\0')
		printf("%-*s %s\n", WIDTH, label, text);
}

/* The order of the two streams among each other is not known. */
void output_relay(const char *printed, const char *said)
{
	visible_write(VISIBLE_TEXT, printed, stdout);
	fflush(stdout);
	visible_write(VISIBLE_TEXT, said, stderr);
}
