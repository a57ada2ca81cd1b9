#include "loader/base/clock.h"

#include <stdio.h>
#include <time.h>

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
