/* Writes times as whoever reads them needs them: a person at a terminal wants to know how long ago
 * it was, on the clock on the wall; a program wants RFC 3339 UTC. */
#include "loader/cli/frame/output.h"

#include "loader/base/clock.h"

#include <glib.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

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
