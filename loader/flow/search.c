#include "loader/flow/search.h"

#include "loader/base/clock.h"

#include <glib.h>
#include <inttypes.h>
#include <stdlib.h>

enum { SEARCH_DAY_S = 24 * 60 * 60 };

/* The day of an RFC 3339 text as IMAP writes it: "31-Jan-2026". Caller frees. */
static char *search_format_day(const char *text)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	unsigned long month = strtoul(text + 5, NULL, 10);
	return g_strdup_printf("%lu-%s-%.4s", strtoul(text + 8, NULL, 10), months[month - 1], text);
}

static char *search_format_day_s(int64_t time_s)
{
	char text[CLOCK_TEXT_SIZE];
	clock_format_s(time_s, text);
	return search_format_day(text);
}

char *search_format(const struct connection_string *server)
{
	if (server->since == NULL)
		return g_strdup(server->search);
	g_autofree char *day = search_format_day(server->since);
	return g_strdup_printf("SINCE %s %s", day, server->search);
}

char *search_format_like(int64_t internal_date_s, uint64_t size_bytes)
{
	g_autofree char *first = search_format_day_s(internal_date_s - SEARCH_DAY_S);
	g_autofree char *last = search_format_day_s(internal_date_s + 2 * (int64_t)SEARCH_DAY_S);
	if (size_bytes == 0)
		return g_strdup_printf("SINCE %s BEFORE %s SMALLER 1", first, last);
	return g_strdup_printf("SINCE %s BEFORE %s LARGER %" PRIu64 " SMALLER %" PRIu64, first,
			       last, size_bytes - 1, size_bytes + 1);
}
