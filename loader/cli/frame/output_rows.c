#include "loader/cli/frame/output_rows.h"

#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

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
