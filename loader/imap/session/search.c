/*
 * Searches for UIDs in the selected folder: in windows of sequence numbers, so that no answer is
 * long, or among known UIDs. Sequence numbers are used for looking only, and shift when other
 * clients remove messages: a window then begins lower, and what is found twice counts once.
 */
#include "loader/imap/names/search_criteria.h"
#include "loader/imap/names/uid_set.h"
#include "loader/imap/session/session_internal.h"
#include "queue/base/scoped.h"

#include <stdlib.h>
#include <string.h>

/* Sequence numbers in one SEARCH: an answer of some 100 kB at most. */
#define WINDOW_MESSAGES 10000

/* libetpan keeps what several SEARCH lines of one answer bring in one list. */
static void take_found(const struct imapc_session *session, GArray *found)
{
	clist *list = session->imap->imap_response_info->rsp_search_result;

	for (clistiter *at = list ? clist_begin(list) : NULL; at; at = clist_next(at)) {
		const uint32_t *uid = clist_content(at);

		if (*uid != 0)
			g_array_append_val(found, *uid);
	}
}

/* Ascending and without doubles; with `wanted`, only those. */
static void hand_out(GArray *found, const struct uid_set *wanted, uint32_t **ret_uids,
		     size_t *ret_count)
{
	g_autofree uint32_t *uids = g_new(uint32_t, found->len);
	size_t count = 0;

	g_array_sort(found, uid_compare);
	for (guint i = 0; i < found->len; i++) {
		uint32_t uid = g_array_index(found, uint32_t, i);

		if ((count == 0 || uids[count - 1] != uid) &&
		    (!wanted || uid_set_find(wanted, uid)))
			uids[count++] = uid;
	}
	*ret_uids = count > 0 ? g_steal_pointer(&uids) : NULL;
	*ret_count = count;
}

uint32_t imapc_count_messages(const struct imapc_session *session)
{
	const struct mailimap_selection_info *selection = session->imap->imap_selection_info;

	return selection ? selection->sel_exists : 0;
}

/* What a server says that knows no UTF-8; RFC 3501 has it say which charsets it knows. */
static int explain_charset(const struct imapc_session *session, struct error *err)
{
	if (!session->alive || !strstr(err->text, "BADCHARSET"))
		return -1;
	g_autofree char *words = g_strdup(err->text);
	return error_set(err, ERROR_CONFIGURATION,
			 "%s cannot search for letters beyond ASCII (%s): search for words without "
			 "them",
			 session->server->url, words);
}

/* One SEARCH: the range, then the keys. */
static int search_once(struct imapc_session *session, uint32_t first, uint32_t last,
		       const char *criteria, struct error *err)
{
	if (search_criteria_is_ascii(criteria))
		return imapc_command(session, err, "UID SEARCH %u:%u %s", first, last, criteria);

	g_auto(GStrv) parts = search_criteria_split(criteria);
	char *begin = g_strdup_printf("UID SEARCH CHARSET UTF-8 %u:%u %s", first, last, parts[0]);

	g_free(parts[0]);
	parts[0] = begin;
	return imapc_command_parts(session, parts, err) < 0 ? explain_charset(session, err) : 0;
}

static int search_windows(struct imapc_session *session, const char *criteria, GArray *found,
			  struct error *err)
{
	uint32_t first = 1;
	/* Twice what a quiet mailbox needs; a server that keeps changing its count ends here. */
	uint32_t rounds_left = 2 * (imapc_count_messages(session) / WINDOW_MESSAGES) + 100;

	for (;;) {
		uint32_t messages = imapc_count_messages(session);

		if (first > messages)
			return 0;
		/* A server that counts up with every answer would keep us here for ever. */
		if (rounds_left-- == 0)
			return error_set(err, ERROR_TEMPORARY,
					 "the mailbox changes faster than it can be searched");

		uint32_t last =
		    messages - first < WINDOW_MESSAGES ? messages : first + WINDOW_MESSAGES - 1;

		imapc_expect(session, 1, (last - first + 1) * IMAPC_NUMBER_BYTES, 0);
		if (search_once(session, first, last, criteria, err) < 0)
			return -1;
		take_found(session, found);

		/* Messages that others removed meanwhile have moved the rest down. */
		uint32_t left = imapc_count_messages(session);
		uint32_t removed = left < messages ? messages - left : 0;

		first = last + 1 > removed ? last + 1 - removed : 1;
	}
}

int imapc_search(struct imapc_session *session, const char *criteria, uint32_t **ret_uids,
		 size_t *ret_count, struct error *err)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	if (search_criteria_check(criteria, err) < 0 ||
	    search_windows(session, criteria, found, err) < 0)
		return error_prefix(err, "search for messages");
	hand_out(found, NULL, ret_uids, ret_count);
	return 0;
}

/* One window, for callers that ask about few messages. */
int imapc_search_last(struct imapc_session *session, uint32_t messages, const char *criteria,
		      uint32_t **ret_uids, size_t *ret_count, struct error *err)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	uint32_t last = imapc_count_messages(session);
	uint32_t first = last > messages ? last - messages + 1 : 1;

	if (last > 0) {
		imapc_expect(session, 1, (last - first + 1) * IMAPC_NUMBER_BYTES, 0);
		if (search_once(session, first, last, criteria, err) < 0)
			return error_prefix(err, "search for messages");
		take_found(session, found);
	}
	hand_out(found, NULL, ret_uids, ret_count);
	return 0;
}

/* Those of `uids` to which `keys` applies. */
static int search_among(struct imapc_session *session, const char *keys, const uint32_t *uids,
			size_t count, uint32_t **ret_uids, size_t *ret_count, struct error *err)
{
	scoped(uid_set_free) struct uid_set *set = uid_set_new(uids, count);
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autoptr(GString) part = g_string_new(NULL);
	size_t part_count = 0;

	while (uid_set_next(set, WINDOW_MESSAGES, part, &part_count)) {
		imapc_expect(session, 1, part_count * IMAPC_NUMBER_BYTES, 0);
		if (imapc_command(session, err, "UID SEARCH %sUID %s", keys, part->str) < 0)
			return -1;
		take_found(session, found);
	}
	hand_out(found, set, ret_uids, ret_count);
	return 0;
}

int imapc_search_present(struct imapc_session *session, const uint32_t *uids, size_t count,
			 uint32_t **ret_uids, size_t *ret_count, struct error *err)
{
	if (search_among(session, "", uids, count, ret_uids, ret_count, err) < 0)
		return error_prefix(err, "look for messages that are still there");
	return 0;
}

int imapc_search_seen(struct imapc_session *session, const uint32_t *uids, size_t count,
		      uint32_t **ret_uids, size_t *ret_count, struct error *err)
{
	if (search_among(session, "SEEN ", uids, count, ret_uids, ret_count, err) < 0)
		return error_prefix(err, "look for messages that are read");
	return 0;
}
