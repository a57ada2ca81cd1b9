/*
 * Writes search keys: those of a run, from search= and since=, and those that find a message again
 * by its date and size. IMAP's keys know days only, in the server's time zone, so a day is added on
 * each side; bytes then tell which of the messages found is the one.
 */
#include "loader/source/search.h"

#include "loader/base/clock.h"

#include <glib.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SEARCH_DAY_S = 24 * 60 * 60 };

/* The default of search=, under which every message that is not flagged \Deleted must be found. */
#define SEARCH_ALL "UNDELETED"

/* The day of an RFC 3339 text as IMAP writes it: "31-Jan-2026". Caller frees. */
static char *search_format_day(const char *text)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	unsigned long month = strtoul(text + 5, NULL, 10);
	return g_strdup_printf("%lu-%s-%.4s", strtoul(text + 8, NULL, 10), months[month - 1], text);
}

char *search_format_day_s(int64_t time_s)
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

int search_count_unfound(struct imapc_session *session, const struct connection_string *server,
			 size_t found, uint32_t *ret_unfound, struct error *err)
{
	uint32_t messages = imapc_count_messages(session);
	g_autofree uint32_t *deleted = NULL;
	size_t count;
	/* Under other keys it is not known how many messages should be found. */
	*ret_unfound = 0;
	if (strcmp(server->search, SEARCH_ALL) != 0 || server->since != NULL || found >= messages)
		return 0;
	if (imapc_search(session, "DELETED", &deleted, &count, err) != 0)
		return -1;
	/* A message that came or went between the two searches would be taken for one not found. */
	if (imapc_count_messages(session) == messages && found + count < messages)
		*ret_unfound = messages - (uint32_t)(found + count);
	return 0;
}

char *search_describe_unfound(const char *folder, uint32_t unfound)
{
	return g_strdup_printf(unfound == 1
				   ? "%" PRIu32 " message of '%s' is not found by the search"
				   : "%" PRIu32 " messages of '%s' are not found by the search",
			       unfound, folder);
}

char *search_format_since(int64_t internal_date_s)
{
	g_autofree char *day = search_format_day_s(internal_date_s - SEARCH_DAY_S);
	return g_strdup_printf("SINCE %s", day);
}

static char *search_format_like(int64_t internal_date_s, uint64_t size_bytes)
{
	g_autofree char *first = search_format_day_s(internal_date_s - SEARCH_DAY_S);
	g_autofree char *last = search_format_day_s(internal_date_s + 2 * (int64_t)SEARCH_DAY_S);
	g_autofree char *days = internal_date_s != 0
				    ? g_strdup_printf("SINCE %s BEFORE %s ", first, last)
				    : g_strdup("");
	if (size_bytes == 0)
		return g_strdup_printf("%sSMALLER 1", days);
	return g_strdup_printf("%sLARGER %" PRIu64 " SMALLER %" PRIu64, days, size_bytes - 1,
			       size_bytes + 1);
}

int search_digest_like(struct imapc_session *session, const struct pickup_with_entry *row,
		       body_digest_take each, void *context, struct error *err)
{
	g_autofree char *criteria =
	    search_format_like(row->pickup.internal_date_s,
			       row->raw_incomplete ? row->whole_size : row->pickup.raw_size);
	g_autofree uint32_t *uids = NULL;
	size_t count;
	if (imapc_search(session, criteria, &uids, &count, err) != 0)
		return -1;
	return body_digest(session, uids, count, row->raw_incomplete ? BODY_DIGEST_HEADER_MAX : 0,
			   each, context, err);
}
