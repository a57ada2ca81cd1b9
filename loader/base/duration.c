#include "loader/base/duration.h"

#include <glib.h>
#include <inttypes.h>

static const struct duration_unit {
	const char *name;
	int64_t ms;
} units[] = {
    {"ms", 1},	     {"s", 1000},      {"m", 60000}, {"h", 3600000},
    {"d", 86400000}, {"w", 604800000}, {"", 1000}, /* a bare number */
};

static const int64_t duration_max_ms = INT64_C(100) * 366 * 86400 * 1000;

int duration_parse(const char *text, int64_t *ret_ms)
{
	/* Not a sign, nor blanks. */
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
