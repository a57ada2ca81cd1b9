/*
 * Finds the messages of the selected mailbox that fit a filter: the server searches for words, flags and
 * days, and since it knows days only, in its own time zone, a day more is asked for on each side of a
 * time of receipt and the messages' own times decide.
 */
#include "loader/mailbox/mail_internal.h"

#include "loader/imap/names/search_criteria.h"
#include "loader/source/search.h"
#include "queue/base/scoped.h"

#include <string.h>

enum { MAIL_FILTER_DAY_S = 24 * 60 * 60, MAIL_FILTER_ROWS = 1000 };

/* Those of cfimapfilter, and their opposites. */
static const char *const mail_flags[] = {"ANSWERED",  "DELETED", "DRAFT",     "FLAGGED",
					 "SEEN",      "RECENT",	 "NEW",	      "UNANSWERED",
					 "UNDELETED", "UNDRAFT", "UNFLAGGED", "UNSEEN"};

bool mail_filter_is_given(const struct mail_filter *filter)
{
	return filter->subject != NULL || filter->from != NULL || filter->to != NULL ||
	       filter->text != NULL || filter->flag != NULL || filter->since_ms != 0 ||
	       filter->until_ms != 0 || filter->sent_since_ms != 0 || filter->sent_until_ms != 0;
}

static void mail_filter_add_text(GString *criteria, const char *key, const char *text)
{
	if (text == NULL)
		return;
	g_autofree char *quoted = search_criteria_quote(text);
	g_string_append_printf(criteria, "%s %s ", key, quoted);
}

static void mail_filter_add_day(GString *criteria, const char *key, int64_t time_ms, int64_t more_s)
{
	if (time_ms == 0)
		return;
	g_autofree char *day = search_format_day_s(time_ms / 1000 + more_s);
	g_string_append_printf(criteria, "%s %s ", key, day);
}

static int mail_filter_add_flags(GString *criteria, const char *text, struct error *err)
{
	g_auto(GStrv) words = g_strsplit(text != NULL ? text : "", ",", -1);
	for (char **word = words; *word != NULL; word++) {
		const char *known = NULL;
		for (size_t i = 0; i < G_N_ELEMENTS(mail_flags); i++) {
			if (g_ascii_strcasecmp(g_strstrip(*word), mail_flags[i]) == 0)
				known = mail_flags[i];
		}
		if (known == NULL)
			return error_set(
			    err, ERROR_USAGE,
			    "--flag takes seen, answered, flagged, deleted, draft, the "
			    "same with un in front, new or recent, or several: "
			    "unseen,flagged");
		g_string_append_printf(criteria, "%s ", known);
	}
	return 0;
}

/* BEFORE goes two days on, since the day itself must be in it and a zone may lie a day behind. Sent times are days
 * in the mail's own zone (RFC 3501, 6.4.4), and need no more. */
int mail_filter_format(const struct mail_filter *filter, char **ret_criteria, struct error *err)
{
	const char *const texts[] = {filter->subject, filter->from, filter->to, filter->text};
	static const char *const options[] = {"subject", "from", "to", "text"};
	static const char *const keys[] = {"SUBJECT", "FROM", "TO", "TEXT"};
	g_autoptr(GString) criteria = g_string_new(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (texts[i] != NULL && *texts[i] == '\0')
			return error_set(err, ERROR_USAGE, "--%s takes a text that is looked for",
					 options[i]);
		mail_filter_add_text(criteria, keys[i], texts[i]);
	}
	if (mail_filter_add_flags(criteria, filter->flag, err) != 0)
		return -1;
	mail_filter_add_day(criteria, "SINCE", filter->since_ms, -MAIL_FILTER_DAY_S);
	mail_filter_add_day(criteria, "BEFORE", filter->until_ms, 2 * (int64_t)MAIL_FILTER_DAY_S);
	mail_filter_add_day(criteria, "SENTSINCE", filter->sent_since_ms, 0);
	mail_filter_add_day(criteria, "SENTBEFORE", filter->sent_until_ms, 0);
	g_string_truncate(criteria, criteria->len - 1);
	if (search_criteria_check(criteria->str, err) != 0) {
		err->kind = ERROR_USAGE;
		return -1;
	}
	*ret_criteria = g_string_free(g_steal_pointer(&criteria), FALSE);
	return 0;
}

struct mail_filter_times {
	const struct mail_filter *filter;
	GArray *kept; /* UIDs */
};

static int mail_filter_take_row(void *context, const struct imapc_row *row, struct error *err)
{
	const struct mail_filter_times *times = context;
	(void)err;
	if (row == NULL)
		return 0;
	const int64_t received_ms = row->internal_date_s * 1000;
	if ((times->filter->since_ms == 0 || received_ms >= times->filter->since_ms) &&
	    (times->filter->until_ms == 0 || received_ms < times->filter->until_ms))
		g_array_append_val(times->kept, row->uid);
	return 0;
}

/* Only messages received in the time that was asked for stay. */
static int mail_filter_by_time(struct imapc_session *session, const struct mail_filter *filter,
			       struct mail_selection *selection, struct error *err)
{
	g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	struct mail_filter_times times = {.filter = filter, .kept = kept};
	const struct imapc_row_sink sink = {.end = mail_filter_take_row, .context = &times};
	if (filter->since_ms == 0 && filter->until_ms == 0)
		return 0;
	for (size_t done = 0, length; done < selection->count; done += length) {
		length = MIN(selection->count - done, (size_t)MAIL_FILTER_ROWS);
		if (imapc_fetch_rows(session, selection->uids + done, length, false, &sink, err) !=
		    0)
			return -1;
	}
	mail_selection_clear(selection);
	mail_selection_take(kept, selection);
	return 0;
}

/* Rows are counted among the messages that fit. */
static void mail_filter_window(const struct mail_request *request, struct mail_selection *selection)
{
	const uint64_t first =
	    MIN(request->start_row > 0 ? request->start_row - 1 : 0, (uint64_t)selection->count);
	selection->count -= (size_t)first;
	if (first > 0 && selection->count > 0)
		memmove(selection->uids, selection->uids + first,
			selection->count * sizeof *selection->uids);
	if (request->max_rows != 0)
		selection->count = (size_t)MIN(request->max_rows, (uint64_t)selection->count);
}

int mail_filter_resolve(struct imapc_session *session, const struct mail_request *request,
			struct mail_selection *selection, struct error *err)
{
	g_autofree char *criteria = NULL;
	if (mail_filter_format(&request->filter, &criteria, err) != 0 ||
	    imapc_search(session, criteria, &selection->uids, &selection->count, err) != 0 ||
	    mail_filter_by_time(session, &request->filter, selection, err) != 0)
		return -1;
	mail_filter_window(request, selection);
	return 0;
}
