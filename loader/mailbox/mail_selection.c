/*
 * Finds the messages that a request means: by UID, by number in the folder, or by a window of
 * numbers. The server resolves all of them to UIDs before anything is changed, since numbers shift
 * whenever a message goes.
 */
#include "loader/mailbox/mail_internal.h"

#include "loader/imap/names/uid_set.h"
#include "queue/base/scoped.h"

#include <stdlib.h>
#include <string.h>

/* A longer list is asked for in several searches: a command line has its limit. */
enum { CRITERIA_BYTES = 3500 };

void mail_selection_clear(struct mail_selection *selection)
{
	if (selection == NULL)
		return;
	free(selection->uids);
	g_strfreev(selection->unknown);
	*selection = (struct mail_selection){0};
}

bool mail_selection_is_given(const struct mail_request *request)
{
	return request->uid != NULL || request->message_number != NULL || request->start_row != 0 ||
	       request->max_rows != 0;
}

/* --- words ------------------------------------------------------------- */

static int mail_selection_parse_number(const char *text, bool star, uint32_t *ret_number)
{
	guint64 number;
	if (star && strcmp(text, "*") == 0) {
		*ret_number = UINT32_MAX;
		return 0;
	}
	if (!g_ascii_string_to_unsigned(text, 10, 1, UINT32_MAX, &number, NULL))
		return -1;
	*ret_number = (uint32_t)number;
	return 0;
}

static int mail_selection_parse_range(const char *text, struct mail_range *ret_range)
{
	g_auto(GStrv) ends = g_strsplit(text, ":", 3);
	guint count = g_strv_length(ends);
	if (count < 1 || count > 2)
		return -1;
	/* A lone "*" is refused: which message is the last changes. */
	bool range = count == 2;
	if (mail_selection_parse_number(g_strstrip(ends[0]), false, &ret_range->first) != 0 ||
	    mail_selection_parse_number(g_strstrip(ends[count - 1]), range, &ret_range->last) != 0)
		return -1;
	if (ret_range->first > ret_range->last) {
		uint32_t first = ret_range->last;
		ret_range->last = ret_range->first;
		ret_range->first = first;
	}
	return 0;
}

int mail_selection_parse(const char *text, const char *option, GArray **ret_ranges,
			 struct error *err)
{
	g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(struct mail_range));
	g_auto(GStrv) words = g_strsplit(text, ",", -1);
	for (char **word = words; *word != NULL; word++) {
		struct mail_range range;
		if (mail_selection_parse_range(*word, &range) != 0)
			return error_set(err, ERROR_USAGE,
					 "--%s: '%s' is neither a number nor a range such as 20:25",
					 option, *word);
		g_array_append_val(ranges, range);
	}
	if (ranges->len == 0)
		return error_set(err, ERROR_USAGE, "--%s names no message", option);
	*ret_ranges = steal(&ranges);
	return 0;
}

/* --- looking up -------------------------------------------------------- */

/* The results of several searches, ascending and each once: ranges may overlap. */
void mail_selection_take(GArray *found, struct mail_selection *selection)
{
	g_array_sort(found, uid_compare);
	selection->uids = g_new(uint32_t, found->len + 1);
	for (guint i = 0; i < found->len; i++) {
		uint32_t uid = g_array_index(found, uint32_t, i);
		if (selection->count == 0 || selection->uids[selection->count - 1] != uid)
			selection->uids[selection->count++] = uid;
	}
}

static int mail_selection_search(struct imapc_session *session, const char *criteria, GArray *found,
				 struct error *err)
{
	g_autofree uint32_t *uids = NULL;
	size_t count;
	if (imapc_search(session, criteria, &uids, &count, err) != 0)
		return -1;
	if (count > 0)
		g_array_append_vals(found, uids, (guint)count);
	return 0;
}

/* Searches for ranges, as many at a time as a line holds. `key` is "UID " or "". */
static int mail_selection_search_ranges(struct imapc_session *session, const char *key,
					const GArray *ranges, GArray *found, struct error *err)
{
	g_autoptr(GString) criteria = g_string_new(NULL);
	for (guint i = 0; i < ranges->len; i++) {
		const struct mail_range *range = &g_array_index(ranges, struct mail_range, i);
		g_string_append_printf(criteria, "%s%u:%u", criteria->len == 0 ? key : ",",
				       range->first, range->last);
		if (criteria->len < CRITERIA_BYTES && i + 1 < ranges->len)
			continue;
		if (mail_selection_search(session, criteria->str, found, err) != 0)
			return -1;
		g_string_truncate(criteria, 0);
	}
	return 0;
}

/* The index of the first UID that is not below `uid`. */
static size_t mail_selection_lower_bound(const struct mail_selection *selection, uint32_t uid)
{
	size_t low = 0;
	size_t high = selection->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (selection->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static char *mail_selection_describe(const char *what, const struct mail_range *range)
{
	if (range->first == range->last)
		return g_strdup_printf("%s %u", what, range->first);
	if (range->last == UINT32_MAX)
		return g_strdup_printf("%s %u:*", what, range->first);
	return g_strdup_printf("%s %u:%u", what, range->first, range->last);
}

/* A UID that is not there is told; of a range it is enough that one message lies in it. */
static int mail_selection_by_uid(struct imapc_session *session, const char *text,
				 struct mail_selection *selection, struct error *err)
{
	g_autoptr(GArray) ranges = NULL;
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func(g_free);
	if (mail_selection_parse(text, "uid", &ranges, err) != 0 ||
	    mail_selection_search_ranges(session, "UID ", ranges, found, err) != 0)
		return -1;
	mail_selection_take(found, selection);
	for (guint i = 0; i < ranges->len; i++) {
		const struct mail_range *range = &g_array_index(ranges, struct mail_range, i);
		size_t at = mail_selection_lower_bound(selection, range->first);
		if (at == selection->count || selection->uids[at] > range->last)
			g_ptr_array_add(unknown, mail_selection_describe("UID", range));
	}
	g_ptr_array_add(unknown, NULL);
	selection->unknown = (char **)g_ptr_array_free(steal(&unknown), FALSE);
	return 0;
}

/* Servers refuse a whole search for one number beyond the last message: such numbers are taken out
 * before and reported as unknown. */
static int mail_selection_by_number(struct imapc_session *session, uint32_t messages,
				    const char *text, struct mail_selection *selection,
				    struct error *err)
{
	g_autoptr(GArray) ranges = NULL;
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func(g_free);
	if (mail_selection_parse(text, "message-number", &ranges, err) != 0)
		return -1;
	for (guint i = 0; i < ranges->len;) {
		struct mail_range *range = &g_array_index(ranges, struct mail_range, i);
		if (range->first > messages) {
			g_ptr_array_add(unknown, mail_selection_describe("message number", range));
			g_array_remove_index(ranges, i);
			continue;
		}
		range->last = MIN(range->last, messages);
		i++;
	}
	if (mail_selection_search_ranges(session, "", ranges, found, err) != 0)
		return -1;
	mail_selection_take(found, selection);
	g_ptr_array_add(unknown, NULL);
	selection->unknown = (char **)g_ptr_array_free(steal(&unknown), FALSE);
	return 0;
}

static int mail_selection_by_window(struct imapc_session *session, uint32_t messages,
				    const struct mail_request *request,
				    struct mail_selection *selection, struct error *err)
{
	/* In 64 bits, as the sum may not fit into 32. */
	uint64_t first = MAX(request->start_row, 1);
	if (first > messages)
		return 0;
	uint64_t last = messages;
	if (request->max_rows != 0 && request->max_rows < last - first + 1)
		last = first + request->max_rows - 1;
	g_autofree char *criteria = g_strdup_printf("%u:%u", (unsigned)first, (unsigned)last);
	return imapc_search(session, criteria, &selection->uids, &selection->count, err);
}

int mail_selection_resolve(struct imapc_session *session, const struct imapc_mailbox *mailbox,
			   const struct mail_request *request, struct mail_selection *ret_selection,
			   struct error *err)
{
	struct mail_selection selection = {0};
	scoped(mail_selection_clear) struct mail_selection *release = &selection;
	int failed;
	if (request->uid != NULL)
		failed = mail_selection_by_uid(session, request->uid, release, err);
	else if (request->message_number != NULL)
		failed = mail_selection_by_number(session, mailbox->messages,
						  request->message_number, release, err);
	else if (mail_filter_is_given(&request->filter))
		failed = mail_filter_resolve(session, request, release, err);
	else
		failed =
		    mail_selection_by_window(session, mailbox->messages, request, release, err);
	if (failed != 0)
		return -1;
	*ret_selection = selection;
	selection = (struct mail_selection){0};
	return 0;
}

/* The one message that a name stands for, "UID 88"; 0 for a range or a number. */
static uint32_t mail_selection_only_uid(const char *name)
{
	guint64 uid = 0;
	if (g_str_has_prefix(name, "UID ") &&
	    g_ascii_string_to_unsigned(name + strlen("UID "), 10, 1, UINT32_MAX, &uid, NULL))
		return (uint32_t)uid;
	return 0;
}

/* Before anything is changed, so that a mistyped UID changes nothing unless --stop-on-error is no. */
int mail_selection_refuse_unknown(struct mail *mail, const struct mail_selection *selection,
				  struct error *err)
{
	for (char **name = selection->unknown; name != NULL && *name != NULL; name++) {
		error_set(err, ERROR_NO, "folder '%s' has no %s", mail->folder, *name);
		if (mail_pass_over(mail, mail_selection_only_uid(*name), err) != 0)
			return -1;
	}
	return 0;
}
