/*
 * Changes messages of the selected folder: flags, UID EXPUNGE, UID MOVE and UID COPY, each with a
 * set of UIDs. After MOVE and COPY it takes from COPYUID where the messages are now. Whether what
 * the server says is true is for move.c to find out.
 */
#include "loader/imap/names/uid_set.h"
#include "loader/imap/session/session_internal.h"
#include "queue/base/scoped.h"

#include <libetpan/uidplus.h>
#include <stdlib.h>
#include <string.h>

/* The length of the line is what limits a set here; servers do one large set faster than many. */
#define NO_LIMIT SIZE_MAX

/* Flags come from our own code, but a stray parenthesis would end the list. */
static int store_flags(struct imapc_session *session, char sign, const uint32_t *uids, size_t count,
		       const char *flags, struct error *err)
{
	scoped(uid_set_free) struct uid_set *set = uid_set_new(uids, count);
	g_autoptr(GString) part = g_string_new(NULL);
	size_t part_count = 0;

	if (strpbrk(flags, "()\r\n"))
		return error_set(err, ERROR_SOFTWARE, "'%s' is no list of flags", flags);
	while (uid_set_next(set, NO_LIMIT, part, &part_count)) {
		imapc_expect(session, part_count, part_count * IMAPC_ANSWER_BYTES, 0);
		if (imapc_command(session, err, "UID STORE %s %cFLAGS.SILENT (%s)", part->str, sign,
				  flags) < 0)
			return error_prefix(err, "%s %s", sign == '+' ? "set" : "clear", flags);
	}
	return 0;
}

int imapc_add_flags(struct imapc_session *session, const uint32_t *uids, size_t count,
		    const char *flags, struct error *err)
{
	return store_flags(session, '+', uids, count, flags, err);
}

int imapc_remove_flags(struct imapc_session *session, const uint32_t *uids, size_t count,
		       const char *flags, struct error *err)
{
	return store_flags(session, '-', uids, count, flags, err);
}

int imapc_expunge(struct imapc_session *session, const uint32_t *uids, size_t count,
		  struct error *err)
{
	scoped(uid_set_free) struct uid_set *set = uid_set_new(uids, count);
	g_autoptr(GString) part = g_string_new(NULL);
	size_t part_count = 0;

	while (uid_set_next(set, NO_LIMIT, part, &part_count)) {
		imapc_expect(session, part_count, part_count * IMAPC_ANSWER_BYTES, 0);
		if (imapc_command(session, err, "UID EXPUNGE %s", part->str) < 0)
			return error_prefix(err, "remove messages");
	}
	return 0;
}

/* --- COPYUID ----------------------------------------------------------- */

/* Walks the UIDs of a set as the server wrote it; a range counts upwards whichever end comes first.
 */
struct set_walk {
	clistiter *at;
	uint64_t next;
};

static struct set_walk walk_begin(const struct mailimap_set *set)
{
	return (struct set_walk){.at = clist_begin(set->set_list)};
}

/* In 64 bits `next` has room for the number behind 4,294,967,295. */
static uint32_t walk_next(struct set_walk *walk)
{
	const struct mailimap_set_item *item = clist_content(walk->at);
	uint32_t first = MIN(item->set_first, item->set_last);
	uint32_t last = MAX(item->set_first, item->set_last);
	uint32_t uid = walk->next != 0 ? (uint32_t)walk->next : first;

	walk->next = (uint64_t)uid + 1;
	if (uid == last) {
		walk->at = clist_next(walk->at);
		walk->next = 0;
	}
	return uid;
}

static uint64_t count_uids(const struct mailimap_set *set)
{
	uint64_t count = 0;

	for (clistiter *at = clist_begin(set->set_list); at; at = clist_next(at)) {
		const struct mailimap_set_item *item = clist_content(at);

		count += (uint64_t)MAX(item->set_first, item->set_last) -
			 MIN(item->set_first, item->set_last) + 1;
	}
	return count;
}

/* COPYUID pairs two sets, item by item. Sets of different sizes, or larger than what was asked for,
 * are ignored: a hostile server may send 1:4294967295. */
static void take_pairs(const struct mailimap_uidplus_resp_code_copy *code,
		       const struct uid_set *set, struct imapc_copy *copy)
{
	struct set_walk from = walk_begin(code->uid_source_set);
	struct set_walk to = walk_begin(code->uid_dest_set);
	const struct uid_row *end = set->rows + set->count;

	uint64_t count = count_uids(code->uid_source_set);

	if (count != count_uids(code->uid_dest_set) || count > set->count)
		return;
	/* The sets match: the pairs are taken. */
	copy->uid_validity = code->uid_uidvalidity;
	while (from.at) {
		uint32_t source = walk_next(&from);
		uint32_t target = walk_next(&to);

		for (const struct uid_row *row = uid_set_find(set, source);
		     row && row < end && row->uid == source; row++)
			copy->uids[row->index] = target;
	}
}

/* MOVE reports in an untagged OK, on some servers in the tagged one; libetpan keeps both in one
 * list. */
static void take_copy_codes(const struct imapc_session *session, const struct uid_set *set,
			    struct imapc_copy *copy)
{
	clist *list = session->imap->imap_response_info->rsp_extension_list;

	for (clistiter *at = clist_begin(list); at; at = clist_next(at)) {
		const struct mailimap_extension_data *data = clist_content(at);

		if (data->ext_extension == &mailimap_extension_uidplus &&
		    data->ext_type == MAILIMAP_UIDPLUS_RESP_CODE_COPY && data->ext_data)
			take_pairs(data->ext_data, set, copy);
	}
}

/* --- move and copy ----------------------------------------------------- */

void imapc_copy_free(struct imapc_copy *copy)
{
	if (!copy)
		return;
	g_free(copy->uids);
	copy->uids = NULL;
}

static int transfer(struct imapc_session *session, const char *verb, const uint32_t *uids,
		    size_t count, const char *wire, struct imapc_copy *copy, struct error *err)
{
	scoped(uid_set_free) struct uid_set *set = uid_set_new(uids, count);
	g_autofree char *quoted = imapc_quote(wire);
	g_autoptr(GString) part = g_string_new(NULL);
	size_t part_count = 0;

	while (uid_set_next(set, NO_LIMIT, part, &part_count)) {
		imapc_expect(session, part_count, part_count * IMAPC_ANSWER_BYTES, 0);
		if (imapc_command(session, err, "UID %s %s %s", verb, part->str, quoted) < 0)
			return -1;
		/* Each command tells of its own part. */
		take_copy_codes(session, set, copy);
	}
	return 0;
}

int imapc_move(struct imapc_session *session, const uint32_t *uids, size_t count, const char *wire,
	       struct imapc_copy *ret_copy, struct error *err)
{
	*ret_copy = (struct imapc_copy){.uids = g_new0(uint32_t, count)};
	return transfer(session, "MOVE", uids, count, wire, ret_copy, err);
}

int imapc_copy(struct imapc_session *session, const uint32_t *uids, size_t count, const char *wire,
	       struct imapc_copy *ret_copy, struct error *err)
{
	*ret_copy = (struct imapc_copy){.uids = g_new0(uint32_t, count)};
	return transfer(session, "COPY", uids, count, wire, ret_copy, err);
}
