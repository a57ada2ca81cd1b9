/*
 * Finishes what an earlier run has committed and not moved, by the ledger's rows `stored` and
 * `copied`. A message may have left the mailbox meanwhile; a copy of it may be in the target
 * without a row that says so. Both are looked for first, so that nothing is moved or copied twice.
 */
#include "loader/load/load_internal.h"

#include "loader/source/search.h"
#include "queue/base/scoped.h"

#include <stdlib.h>
#include <string.h>

SCOPED_DEFINE(GArray *, g_array_unref)

static int load_collect_row(const struct pickup *pickup, void *context)
{
	g_array_append_val((GArray *)context, *pickup);
	return 0;
}

/* Rows whose message has left the source by itself are finished; the others stay in `rows`. */
static int load_settle_gone(struct load *load, GArray *rows, struct error *err)
{
	g_autofree uint32_t *uids = g_new(uint32_t, rows->len);
	g_autofree uint32_t *gone = g_new(uint32_t, rows->len);
	g_autofree uint32_t *present = NULL;
	size_t gone_count = 0;
	size_t present_count = 0;
	for (guint i = 0; i < rows->len; i++)
		uids[i] = load_pickup_at(rows, i)->uid;
	if (imapc_search_present(load->mailbox->session, uids, rows->len, &present, &present_count,
				 err) != 0)
		return -1;
	guint kept = 0;
	for (guint i = 0; i < rows->len; i++) {
		if (kept < present_count && present[kept] == uids[i])
			*load_pickup_at(rows, kept++) = *load_pickup_at(rows, i);
		else
			gone[gone_count++] = uids[i];
	}
	g_array_set_size(rows, kept);
	load->settled += gone_count;
	return load_mark(load, gone, gone_count, PICKUP_MOVED, NULL, err);
}

/* Counts the messages that have certain bytes. */
struct load_comparison {
	const unsigned char *raw_sha256;
	uint64_t equal;
};

static int load_compare(const struct body_facts *facts, void *context)
{
	struct load_comparison *comparison = context;
	if (memcmp(facts->sha256, comparison->raw_sha256, BODY_DIGEST_SIZE) == 0)
		comparison->equal++;
	return 0;
}

/* How many messages of the selected folder have the bytes of this row. */
static int load_count_equal(struct load *load, const struct pickup *row, uint64_t *ret_equal,
			    struct error *err)
{
	struct pickup_with_entry with_entry = {.pickup = *row};
	char *source = NULL;
	/* Its digest may be that of its header alone, which the entry tells. Only bad mail can be
	 * too large, so no other entry is looked up, which takes a while. */
	if (row->target == PICKUP_BADMAIL &&
	    pickup_find_entry(load->store, row->entry_id, &with_entry, &source, err) != 0 &&
	    err->reason != REASON_MISSING)
		return -1;
	free(source);
	struct load_comparison comparison = {.raw_sha256 = row->raw_sha256};
	if (search_digest_like(load->mailbox->session, &with_entry, load_compare, &comparison,
			       err) != 0)
		return -1;
	*ret_equal = comparison.equal;
	return 0;
}

/* Messages with the same bytes may be in the target for good reasons. If there are more than the
 * ledger has put there, one of them is this row's copy. */
static int load_find_copy(struct load *load, struct pickup *row, struct error *err)
{
	uint64_t equal;
	uint64_t known;
	if (load_count_equal(load, row, &equal, err) != 0)
		return -1;
	g_autofree char *account = first_use_account(load->mailbox);
	g_autofree char *folder = first_use_folder(load->mailbox, load_target_folder(row->target));
	if (pickup_count_delivered(load->store, load->queue->id, account, folder, row, &known,
				   err) != 0)
		return -1;
	if (equal <= known)
		return 0;
	row->state = PICKUP_COPIED;
	return load_mark(load, &row->uid, 1, PICKUP_COPIED, NULL, err);
}

static bool load_has_rows(const GArray *rows, enum pickup_target target)
{
	for (guint i = 0; i < rows->len; i++) {
		const struct pickup *row = load_pickup_at(rows, i);
		if (row->state == PICKUP_STORED && row->target == target)
			return true;
	}
	return false;
}

/* True if something has come to the target that the ledger does not know. Otherwise no copy can be
 * there, and a message that the server refuses to move is not looked for in every run. */
static int load_may_hold_copies(struct load *load, enum pickup_target target, bool *ret_may,
				struct error *err)
{
	struct mailbox *mailbox = load->mailbox;
	enum mailbox_folder folder = load_target_folder(target);
	struct imapc_status status;
	uint32_t last;
	if (imapc_status(mailbox->session, mailbox->folders[folder].wire,
			 mailbox_folder_name(mailbox, folder), &status, err) != 0)
		return -1;
	g_autofree char *name = first_use_folder(mailbox, folder);
	if (pickup_folder_last_uid(load->store, load->queue->id, name, target, status.uid_validity,
				   &last, err) != 0)
		return -1;
	*ret_may = status.uid_next == 0 || last == 0 || status.uid_next - 1 > last;
	return 0;
}

static int load_find_copies_in(struct load *load, GArray *rows, enum pickup_target target,
			       bool *looked, struct error *err)
{
	struct mailbox *mailbox = load->mailbox;
	enum mailbox_folder folder = load_target_folder(target);
	struct imapc_mailbox selected;
	bool may;
	if (load_may_hold_copies(load, target, &may, err) != 0)
		return -1;
	if (!may)
		return 0;
	*looked = true;
	if (imapc_select(mailbox->session, mailbox->folders[folder].wire,
			 mailbox_folder_name(mailbox, folder), true, &selected, err) != 0)
		return -1;
	for (guint i = 0; i < rows->len; i++) {
		struct pickup *row = load_pickup_at(rows, i);
		if (row->state == PICKUP_STORED && row->target == target &&
		    load_find_copy(load, row, err) != 0)
			return -1;
	}
	return 0;
}

/*
 * A run that ended between the server's COPY and our note of it has left a copy that the ledger
 * does not know; copying again would make two. A MOVE is no better where the server copies and then
 * hangs up. Leaves the source selected.
 */
static int load_find_copies(struct load *load, GArray *rows, struct error *err)
{
	bool looked = false;
	for (enum pickup_target target = PICKUP_DROPBOX; target <= PICKUP_BADMAIL; target++) {
		if (load_has_rows(rows, target) &&
		    load->mailbox->folders[load_target_folder(target)].exists &&
		    load_find_copies_in(load, rows, target, &looked, err) != 0)
			return -1;
	}
	return looked ? load_select_again(load, err) : 0;
}

static int load_finish_rows(struct load *load, struct error *err)
{
	scoped(g_array_unref) GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct pickup));
	if (pickup_list(load->store, &load->source, 1, UINT32_MAX, true, load_collect_row, rows,
			err) != 0)
		return -1;
	if (rows->len == 0)
		return 0;
	if (mailbox_prepare_targets(load->mailbox, err) != 0 ||
	    load_settle_gone(load, rows, err) != 0)
		return -1;
	if (load_find_copies(load, rows, err) != 0 || load_move(load, rows, err) != 0)
		return -1;
	load->result->finished += load->settled;
	return 0;
}

int load_finish_earlier(struct load *load, struct error *err)
{
	return load_finish_rows(load, err) == 0 ? load_acknowledge_unread(load, err) : -1;
}
