/* Reads the two clocks, writes times and spans, parses spans, and makes pauses longer from try
 * to try. */
#include "loader/base/clock.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Times outside of these years come from mail with a made-up date; RFC 3339 has four digits. */
static const int64_t year_0_s = -62167219200;
static const int64_t year_9999_s = 253402300799;

static int64_t clock_read_ms(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
	return clock_read_ms(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
	return clock_read_ms(CLOCK_MONOTONIC);
}

/* Never negative, because poll() would take that for "no limit". */
int64_t clock_left_ms(int64_t deadline_ms)
{
	const int64_t now_ms = clock_monotonic_ms();
	return deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}

/* The text has room for years of four digits. */
void clock_format_s(int64_t time_s, char text[static CLOCK_TEXT_SIZE])
{
	if (time_s < year_0_s)
		time_s = year_0_s;
	if (time_s > year_9999_s)
		time_s = year_9999_s;
	time_t seconds = (time_t)time_s;
	struct tm utc;
	gmtime_r(&seconds, &utc);
	strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* ---- spans ---- */

static const struct duration_unit {
	const char *name;
	int64_t ms;
} units[] = {
    {"ms", 1},	     {"s", 1000},      {"m", 60000}, {"h", 3600000},
    {"d", 86400000}, {"w", 604800000}, {"", 1000}, /* a bare number */
};

/* A hundred years: any time to which such a span is added still fits into 64 bits. */
static const int64_t duration_max_ms = INT64_C(100) * 366 * 86400 * 1000;

/* A unit is found by its whole name, so that "1 s" and "1sx" are no spans. */
int duration_parse(const char *text, int64_t *ret_ms)
{
	/* g_ascii_strtoull() would take a sign and blanks. */
	if (!g_ascii_isdigit(*text))
		return -1;
	char *end;
	const guint64 number = g_ascii_strtoull(text, &end, 10);
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		if (g_ascii_strcasecmp(end, units[i].name) != 0)
			continue;
		if (number > (guint64)(duration_max_ms / units[i].ms))
			return -1;
		*ret_ms = (int64_t)number * units[i].ms;
		return 0;
	}
	return -1;
}

/* Two units say enough to a person: "2d 4h", not "2d 4h 12m 5s". */
void duration_format(int64_t ms, char text[static DURATION_TEXT_SIZE])
{
	const int64_t s = ms / 1000;
	if (ms < 1000)
		g_snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 "ms", ms);
	else if (s < 60)
		g_snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 ".%" PRId64 "s", s,
			   ms % 1000 / 100);
	else if (s < 3600)
		g_snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		g_snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 "h %" PRId64 "m", s / 3600,
			   s % 3600 / 60);
	else
		g_snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 "d %" PRId64 "h", s / 86400,
			   s % 86400 / 3600);
}

int time_parse(const char *text, int direction, int64_t now_ms, int64_t *ret_ms)
{
	int64_t span_ms;
	if (duration_parse(text, &span_ms) == 0) {
		*ret_ms = now_ms + direction * span_ms;
		return 0;
	}
	g_autofree char *full =
	    strlen(text) == 10 ? g_strdup_printf("%sT00:00:00Z", text) : g_strdup(text);
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(full, utc);
	if (time == NULL)
		return -1;
	*ret_ms = g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000;
	return 0;
}

/* ---- pauses ---- */

/* The count goes no further: all longer pauses are the longest by then. */
enum { BACKOFF_DOUBLINGS_MAX = 32 };

/* Spreads the pause evenly over a quarter less to a quarter more. */
int64_t backoff_jitter_ms(int64_t pause_ms, uint32_t random)
{
	int64_t spread_ms = pause_ms / 2;
	return pause_ms - spread_ms / 2 + (int64_t)((double)spread_ms * random / UINT32_MAX);
}

/* Doubles the first pause once for each failure so far. */
int64_t backoff_next_ms(struct backoff *backoff, uint32_t random)
{
	int64_t pause_ms = backoff->first_ms;
	for (uint32_t i = 0; i < backoff->failures && pause_ms < backoff->longest_ms; i++)
		pause_ms *= 2;
	if (pause_ms > backoff->longest_ms)
		pause_ms = backoff->longest_ms;
	if (backoff->failures < BACKOFF_DOUBLINGS_MAX)
		backoff->failures++;
	return backoff_jitter_ms(pause_ms, random);
}

void backoff_reset(struct backoff *backoff)
{
	backoff->failures = 0;
}
