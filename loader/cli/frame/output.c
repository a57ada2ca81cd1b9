/* Prints JSON, CSV, a bar, times and words, and asks. A person at a terminal is told how long ago it was,
 * on the clock on the wall; a program gets RFC 3339 UTC. Tables are in output_table.c. */
#include "loader/cli/frame/output.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- JSON ---- */

/* Takes the document over, so that callers can build it inside the call. */
void output_json_print(json_t *document)
{
	output_json_value(document);
	putchar('\n');
	json_decref(document);
}

void output_json_value(const json_t *value)
{
	g_autofree char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	visible_write(VISIBLE_JSON, text != NULL ? text : "null", stdout);
}

void output_json_piece(struct visible *visible, const char *bytes, size_t size)
{
	visible_put(visible, bytes, size, stdout);
}

/* The structs of queue/ have 0 where there is no time. */
json_t *output_json_time_ms(int64_t time_ms)
{
	char text[CLOCK_TEXT_SIZE];
	if (time_ms == 0)
		return json_null();
	clock_format_s(time_ms / 1000, text);
	return json_string(text);
}

/* JSON is UTF-8: the name of a file need not be. */
json_t *output_json_text(const char *text)
{
	g_autofree char *valid = text != NULL ? g_utf8_make_valid(text, -1) : NULL;
	return valid != NULL ? json_string(valid) : json_null();
}

/* ---- CSV ---- */

/* The signs that begin a formula, with the forms of them that a spreadsheet takes for the same. */
static bool output_csv_is_sign(gunichar c)
{
	static const gunichar signs[] = {'=',	 '+',	 '-',	 '@',	 0xff1d, 0xff0b,
					 0xff0d, 0xff20, 0xfe66, 0xfe62, 0xfe63, 0xfe6b};
	for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
		if (c == signs[i])
			return true;
	}
	return false;
}

/* A spreadsheet would run a cell that begins like this: some drop blanks before they look. */
static bool output_csv_is_formula(const char *bytes, size_t size)
{
	const char *end = bytes + size;
	if (size > 0 && strchr("\t\r\n", *bytes) != NULL)
		return *bytes != '\0';
	for (const char *at = bytes; at < end; at = g_utf8_next_char(at)) {
		const gunichar c = g_utf8_get_char_validated(at, end - at);
		if (c >= (gunichar)-2 || !g_unichar_isspace(c))
			return c < (gunichar)-2 && output_csv_is_sign(c);
	}
	return false;
}

/* Puts a cell in quotes only where it must be. */
void output_csv_cell(const char *text, bool guard)
{
	if (text == NULL)
		return;
	const size_t size = strlen(text);
	const bool quoted = strpbrk(text, ",\"\r\n") != NULL;
	struct visible visible = {.form = VISIBLE_TEXT};
	if (quoted)
		putchar('"');
	if (guard && output_csv_is_formula(text, size))
		putchar('\'');
	output_csv_piece(&visible, text, size);
	visible_put_end(&visible, stdout);
	if (quoted)
		putchar('"');
}

/* A text that comes in pieces may have something to quote in a later one. */
void output_csv_begin(const char *bytes, size_t size, bool guard)
{
	putchar('"');
	if (guard && output_csv_is_formula(bytes, size))
		putchar('\'');
}

/* A quote inside of a cell is doubled (RFC 4180); a piece needs to know nothing of the one
 * before. */
void output_csv_piece(struct visible *visible, const char *bytes, size_t size)
{
	g_autoptr(GString) shown = g_string_sized_new(size + 1);
	visible_append(visible, bytes, size, shown);
	g_string_replace(shown, "\"", "\"\"", 0);
	fwrite(shown->str, 1, shown->len, stdout);
}

void output_csv_end(struct visible *visible)
{
	visible_put_end(visible, stdout);
	putchar('"');
}

void output_csv_comma(void)
{
	putchar(',');
}

/* RFC 4180 ends each row with CR LF. */
void output_csv_end_row(void)
{
	fputs("\r\n", stdout);
}

/* ---- a bar ---- */

enum { PROGRESS_DELAY_MS = 2000, PROGRESS_INTERVAL_MS = 100, PROGRESS_WIDTH = 30 };

/* Draws nothing in the first two seconds: most work is over by then. */
void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t size_bytes)
{
	static const char full[] = "##############################";
	int64_t now_ms = clock_monotonic_ms();
	if (progress->started_ms == 0) {
		progress->started_ms = now_ms;
		progress->on_terminal = isatty(STDERR_FILENO);
	}
	if (!progress->on_terminal || (total == 0 && done == 0) ||
	    now_ms - progress->started_ms < PROGRESS_DELAY_MS ||
	    now_ms - progress->drawn_ms < PROGRESS_INTERVAL_MS)
		return;
	progress->drawn_ms = now_ms;
	g_autofree char *size = g_format_size(size_bytes);
	if (total == 0) {
		fprintf(stderr, "\r\033[K%s %" PRIu64 "  %s", progress->label, done, size);
		fflush(stderr);
		return;
	}
	int filled = (int)(MIN(done, total) * PROGRESS_WIDTH / total);
	fprintf(stderr, "\r\033[K%s [%.*s%*s] %" PRIu64 "/%" PRIu64 "  %s", progress->label, filled,
		full, PROGRESS_WIDTH - filled, "", done, total, size);
	fflush(stderr);
}

void progress_clear(struct progress *progress)
{
	if (progress->drawn_ms != 0)
		fputs("\r\033[K", stderr);
	progress->drawn_ms = 0;
}

/* ---- times ---- */

/* Set once, when the command line has been read. */
static bool output_utc;

void output_set_utc(bool utc)
{
	output_utc = utc;
}

static bool output_times_are_utc(void)
{
	return output_utc || !isatty(STDOUT_FILENO);
}

/* Seconds are left out: the columns are narrow, and --utc shows them. */
void output_time_s(int64_t time_s, char text[static CLOCK_TEXT_SIZE])
{
	const time_t seconds = (time_t)time_s;
	struct tm local;
	clock_format_s(time_s, text);
	if (output_times_are_utc() || localtime_r(&seconds, &local) == NULL)
		return;
	/* A year of more than four digits stands as clock_format_s() has written it. */
	if (local.tm_year >= -1900 && local.tm_year <= 9999 - 1900)
		strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%d %H:%M", &local);
}

int output_time_width(void)
{
	return (int)strlen(output_times_are_utc() ? "2026-01-31T12:00:00Z" : "2026-01-31 12:00");
}

/* One unit is enough; the next larger one begins at two of it, except for minutes and hours. */
static void output_age_words(int64_t age_ms, char text[static CLOCK_TEXT_SIZE])
{
	const int64_t s = MAX(age_ms, 0) / 1000;
	if (s < 60)
		g_snprintf(text, CLOCK_TEXT_SIZE, "%" PRId64 " s", s);
	else if (s < 3600)
		g_snprintf(text, CLOCK_TEXT_SIZE, "%" PRId64 " min", s / 60);
	else if (s < INT64_C(2) * 86400)
		g_snprintf(text, CLOCK_TEXT_SIZE, "%" PRId64 " h", s / 3600);
	else
		g_snprintf(text, CLOCK_TEXT_SIZE, "%" PRId64 " d", s / 86400);
}

void output_age_ms(int64_t time_ms, int64_t now_ms, char text[static CLOCK_TEXT_SIZE])
{
	if (time_ms == 0)
		g_strlcpy(text, "-", CLOCK_TEXT_SIZE);
	else if (output_times_are_utc())
		clock_format_s(time_ms / 1000, text);
	else
		output_age_words(now_ms - time_ms, text);
}

void output_ago_ms(int64_t time_ms, int64_t now_ms, char text[static CLOCK_TEXT_SIZE])
{
	output_age_ms(time_ms, now_ms, text);
	if (time_ms != 0 && !output_times_are_utc())
		g_strlcat(text, " ago", CLOCK_TEXT_SIZE);
}

/* ---- words ---- */

/* All of them go through the one function that makes visible what strangers have written. The caller
 * frees it. */
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

void output_say_to_person(const char *words)
{
	if (isatty(STDOUT_FILENO))
		output_say("%s", words);
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

/* Not made visible: a heading is ours, or a name that the database has checked. */
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
