/* Shows the same again and again in one place of a terminal. What is to be shown is printed into memory
 * first and written at once, over what stands there, so that nothing flickers. */
#include "loader/cli/frame/output.h"

#include "loader/base/clock.h"
#include "loader/base/service.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SCREEN_CLEAR	   "\033[2J"
#define SCREEN_HOME	   "\033[H"
#define SCREEN_CLEAR_LINE  "\033[K"
#define SCREEN_CLEAR_BELOW "\033[J"
#define SCREEN_HIDE_CURSOR "\033[?25l"
#define SCREEN_SHOW_CURSOR "\033[?25h"

/* What `print` says on standard error stands below what it prints: a line of its own anywhere on the
 * screen would be overwritten. Caller frees with free(). */
static int screen_capture(int (*print)(void *context, struct error *err), void *context,
			  char **ret_text, struct error *err)
{
	FILE *const terminal = stdout;
	FILE *const errors = stderr;
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);
	if (memory == NULL)
		return error_set(err, ERROR_IO, "memory for the screen: %s", g_strerror(errno));
	stdout = stderr = memory;
	const int failed = print(context, err);
	stdout = terminal;
	stderr = errors;
	fclose(memory);
	if (failed != 0)
		free(text);
	else
		*ret_text = text;
	return failed;
}

/* Lines that fit below each other; of more than that it says how many there are. */
static void screen_append(GString *screen, const char *text, const struct winsize *size)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	const int columns = size->ws_col > 0 ? size->ws_col : 80;
	int left = size->ws_row > 0 ? size->ws_row - 1 : 24;
	guint count = g_strv_length(lines);
	while (count > 0 && *lines[count - 1] == '\0')
		count--;
	for (guint i = 0; i < count; i++) {
		const int rows = MAX(output_text_places(lines[i]) + columns - 1, columns) / columns;
		if (rows > left || (rows == left && i + 1 < count)) {
			g_string_append_printf(screen, "… %u more lines" SCREEN_CLEAR_LINE "\n",
					       count - i);
			return;
		}
		g_string_append_printf(screen, "%s" SCREEN_CLEAR_LINE "\n", lines[i]);
		left -= rows;
	}
}

static int screen_write(const GString *screen, struct error *err)
{
	fwrite(screen->str, 1, screen->len, stdout);
	if (fflush(stdout) == 0)
		return 0;
	return error_set(err, ERROR_IO, "standard output: %s", g_strerror(errno));
}

static int screen_paint(const char *before, const char *head,
			int (*print)(void *context, struct error *err), void *context,
			struct error *err)
{
	char *text;
	struct winsize size = {0};
	char now[CLOCK_TEXT_SIZE];
	g_autoptr(GString) screen = g_string_new(before);
	if (screen_capture(print, context, &text, err) != 0)
		return -1;
	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	output_time_s(clock_now_ms() / 1000, now);
	g_autofree char *all = g_strdup_printf("%s  %s\n\n%s", now, head, text);
	free(text);
	screen_append(screen, all, &size);
	g_string_append(screen, SCREEN_CLEAR_BELOW);
	return screen_write(screen, err);
}

int output_screen_run(int64_t every_ms, int (*print)(void *context, struct error *err),
		      void *context, struct error *err)
{
	char every[DURATION_TEXT_SIZE];
	const char *before = SCREEN_HIDE_CURSOR SCREEN_CLEAR SCREEN_HOME;
	struct pollfd stop = {.fd = stop_descriptor(), .events = POLLIN};
	duration_format(every_ms, every);
	g_autofree char *head = g_strdup_printf("every %s, until Ctrl-C", every);
	int failed = 0;
	while (failed == 0 && !stop_requested()) {
		failed = screen_paint(before, head, print, context, err);
		before = SCREEN_HOME;
		if (failed == 0)
			(void)poll(&stop, 1, (int)MIN(every_ms, (int64_t)INT32_MAX));
	}
	fputs(SCREEN_SHOW_CURSOR, stdout);
	return failed;
}
