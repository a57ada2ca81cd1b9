#include "loader/flow/load_internal.h"

#include "loader/base/scoped.h"
#include "loader/flow/load_acknowledge.h"

#include <string.h>

SCOPED_DEFINE(struct imapc_copy *, imapc_copy_free)

enum mailbox_folder load_target_folder(enum pickup_target target)
{
	return target == PICKUP_DROPBOX ? MAILBOX_DROPBOX : MAILBOX_BADMAIL;
}

static const char *load_target_wire(const struct load *load, enum pickup_target target)
{
	return load->mailbox->folders[load_target_folder(target)].wire;
}

static const char *load_target_name(const struct load *load, enum pickup_target target)
{
	return mailbox_folder_name(load->mailbox, load_target_folder(target));
}

/* An OK is only the server's word: a message has moved when it is gone from the source. */
static int load_check_gone(struct load *load, const uint32_t *uids, size_t count, const char *name,
			   struct error *err)
{
	g_autofree uint32_t *present = NULL;
	size_t present_count;
	if (imapc_search_present(load->mailbox->session, uids, count, &present, &present_count,
				 err) != 0)
		return -1;
	if (present_count == 0)
		return 0;
	return error_set(err, ERROR_PROTOCOL,
			 "the server said that UID %u was moved to '%s', but it is still in '%s'; "
			 "the next run will try again",
			 present[0], name, load->mailbox->server->mailbox);
}

static size_t load_copy_known(const struct imapc_copy *copy, size_t count)
{
	size_t known = 0;
	for (size_t i = 0; copy->uids != NULL && copy->uid_validity != 0 && i < count; i++)
		known += copy->uids[i] != 0;
	return known;
}

/* UIDNEXT of a target folder, which only grows, and grows with every message that arrives. */
static int load_target_uid_next(struct load *load, enum pickup_target target,
				uint32_t *ret_uid_next, struct error *err)
{
	struct imapc_status status;
	if (imapc_status(load->mailbox->session, load_target_wire(load, target),
			 load_target_name(load, target), &status, err) != 0)
		return -1;
	*ret_uid_next = status.uid_next;
	return 0;
}

static int load_expect_arrivals(struct load *load, enum pickup_target target, struct error *err)
{
	uint32_t *uid_next = &load->target_uid_next[target];
	return *uid_next != 0 ? 0 : load_target_uid_next(load, target, uid_next, err);
}

/* An OK is only the server's word: of `expected` messages so many have not arrived in the target.
 */
static int load_count_missing(struct load *load, enum pickup_target target, size_t expected,
			      size_t *ret_missing, struct error *err)
{
	uint32_t before = load->target_uid_next[target];
	uint32_t after;
	if (load_target_uid_next(load, target, &after, err) != 0)
		return -1;
	load->target_uid_next[target] = after;
	bool known = before != 0 && after != 0;
	*ret_missing = known && after < before + expected ? before + expected - after : 0;
	return 0;
}

static int load_move_at_once(struct load *load, const uint32_t *uids, size_t count,
			     enum pickup_target target, struct error *err)
{
	const char *name = load_target_name(load, target);
	struct imapc_copy copy = {0};
	scoped(imapc_copy_free) struct imapc_copy *release = &copy;
	if (load_expect_arrivals(load, target, err) != 0 ||
	    imapc_move(load->mailbox->session, uids, count, load_target_wire(load, target), name,
		       release, err) != 0 ||
	    load_check_gone(load, uids, count, name, err) != 0 ||
	    load_mark_moved(load, uids, count, &copy, err) != 0)
		return -1;
	size_t missing;
	if (load_count_missing(load, target, load_copy_known(&copy, count), &missing, err) != 0)
		return -1;
	load->missing[target] += missing;
	return 0;
}

/* The originals of copied messages go: expunged by UID, or left flagged where the server cannot do
 * that. */
static int load_remove_originals(struct load *load, const uint32_t *uids, size_t count,
				 struct error *err)
{
	struct imapc_session *session = load->mailbox->session;
	if (imapc_add_flags(session, uids, count, "\\Deleted", err) != 0)
		return -1;
	if (!imapc_has_capability(session, "UIDPLUS"))
		return load_mark(load, uids, count, PICKUP_LEFT, NULL, err);
	if (imapc_expunge(session, uids, count, err) != 0 ||
	    load_check_gone(load, uids, count, "\\Deleted", err) != 0)
		return -1;
	return load_mark(load, uids, count, PICKUP_MOVED, NULL, err);
}

/* How many copies there must be: as COPYUID says, else of all that are still here. */
static int load_count_copied(struct load *load, const uint32_t *uids, size_t count,
			     const struct imapc_copy *copy, size_t *ret_expected, struct error *err)
{
	g_autofree uint32_t *present = NULL;
	*ret_expected = load_copy_known(copy, count);
	if (*ret_expected == count)
		return 0;
	return imapc_search_present(load->mailbox->session, uids, count, &present, ret_expected,
				    err);
}

/* Nothing is removed here before the copies are seen to be there. */
static int load_move_by_copy(struct load *load, const uint32_t *uids, size_t count,
			     enum pickup_target target, struct error *err)
{
	struct imapc_copy copy = {0};
	scoped(imapc_copy_free) struct imapc_copy *release = &copy;
	size_t expected;
	size_t missing;
	if (load_expect_arrivals(load, target, err) != 0 ||
	    imapc_copy(load->mailbox->session, uids, count, load_target_wire(load, target),
		       load_target_name(load, target), release, err) != 0 ||
	    load_count_copied(load, uids, count, &copy, &expected, err) != 0 ||
	    load_count_missing(load, target, expected, &missing, err) != 0)
		return -1;
	if (missing > 0)
		return error_set(err, ERROR_PROTOCOL,
				 "the server said that messages were copied to '%s', but %zu of "
				 "%zu have not arrived; they stay in '%s'",
				 load_target_name(load, target), missing, expected,
				 load->mailbox->server->mailbox);
	if (load_mark(load, uids, count, PICKUP_COPIED, &copy, err) != 0)
		return -1;
	return load_remove_originals(load, uids, count, err);
}

static int load_move_all(struct load *load, const uint32_t *uids, size_t count,
			 enum pickup_target target, struct error *err)
{
	struct imapc_session *session = load->mailbox->session;
	if (mailbox_create_folder(load->mailbox, load_target_folder(target), err) != 0 ||
	    imapc_add_flags(session, uids, count, "\\Seen", err) != 0)
		return -1;
	if (imapc_has_capability(session, "MOVE"))
		return load_move_at_once(load, uids, count, target, err);
	return load_move_by_copy(load, uids, count, target, err);
}

/* The first `count` of `uids` become those that are still in the source; the ledger knows the
 * others. */
static int load_drop_taken(struct load *load, uint32_t *uids, size_t *count, struct error *err)
{
	g_autofree uint32_t *present = NULL;
	g_autofree uint32_t *taken = g_new(uint32_t, *count);
	size_t present_count;
	size_t taken_count = 0;
	if (imapc_search_present(load->mailbox->session, uids, *count, &present, &present_count,
				 err) != 0)
		return -1;
	for (size_t i = 0, next = 0; i < *count; i++) {
		if (next < present_count && present[next] == uids[i])
			next++;
		else
			taken[taken_count++] = uids[i];
	}
	if (load_mark(load, taken, taken_count, PICKUP_MOVED, NULL, err) != 0)
		return -1;
	if (present_count > 0)
		memcpy(uids, present, present_count * sizeof *uids);
	*count = present_count;
	return 0;
}

/* A server may refuse a whole set because another client has taken some of it away: then the rest
 * is tried once more. */
static int load_move_stored(struct load *load, uint32_t *uids, size_t count,
			    enum pickup_target target, struct error *err)
{
	struct error ignored;
	size_t left = count;
	if (load_acknowledge_stays(load, target))
		return load_acknowledge_read(load, uids, count, err);
	if (count == 0 || load_move_all(load, uids, count, target, err) == 0)
		return 0;
	if (err->kind != ERROR_PROTOCOL || !imapc_is_alive(load->mailbox->session) ||
	    load_drop_taken(load, uids, &left, &ignored) != 0 || left == count)
		return -1;
	return left == 0 ? 0 : load_move_all(load, uids, left, target, err);
}

/* The UIDs of the rows that are in this state, for this target. Caller frees. */
static uint32_t *load_pick_uids(const GArray *rows, enum pickup_state state,
				enum pickup_target target, size_t *ret_count)
{
	uint32_t *uids = g_new(uint32_t, rows->len);
	size_t count = 0;
	for (guint i = 0; i < rows->len; i++) {
		const struct pickup *row = load_pickup_at(rows, i);
		if (row->state == state && row->target == target)
			uids[count++] = row->uid;
	}
	*ret_count = count;
	return uids;
}

int load_move(struct load *load, const GArray *rows, struct error *err)
{
	for (enum pickup_target target = PICKUP_DROPBOX; target <= PICKUP_BADMAIL; target++) {
		size_t count;
		g_autofree uint32_t *stored = load_pick_uids(rows, PICKUP_STORED, target, &count);
		if (load_move_stored(load, stored, count, target, err) != 0)
			return -1;
		g_autofree uint32_t *copied = load_pick_uids(rows, PICKUP_COPIED, target, &count);
		if (count > 0 && load_remove_originals(load, copied, count, err) != 0)
			return -1;
	}
	return 0;
}
