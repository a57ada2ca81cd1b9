/*
 * Brings the server up to date with the ledger: what is committed is marked \Seen and moved, and
 * the ledger learns of each step before the next one.
 */
#include "loader/load/load_internal.h"

#include "loader/imap/session/rights.h"
#include "loader/load/load_acknowledge.h"
#include "loader/load/load_return.h"
#include "loader/source/first_use.h"
#include "queue/base/scoped.h"

#include <string.h>

enum mailbox_folder load_target_folder(enum pickup_target target)
{
	return target == PICKUP_DROPBOX ? MAILBOX_DROPBOX : MAILBOX_BADMAIL;
}

/* --- \\Seen ------------------------------------------------------------- */

static void load_note_unmarked(struct load *load, const struct error *why)
{
	struct mailbox *mailbox = load->mailbox;
	const char *name = mailbox->server->mailbox;
	g_autofree char *lacking = NULL;
	struct error ignored;
	if (why->kind == ERROR_CREDENTIALS)
		rights_find_lacking(mailbox->session, mailbox->folders[MAILBOX_SOURCE].wire, "s",
				    &lacking, &ignored);
	load->unmarked =
	    g_strdup_printf("messages of '%s' are moved without being marked as "
			    "read%s: %s",
			    name, lacking != NULL ? " (the right s is missing)" : "", why->text);
	/* Said by one run after the other it would be noise: the queue's row has it. */
	const char *before = load->queue->last_message;
	if (load->options->noted != NULL &&
	    (before == NULL || strstr(before, load->unmarked) == NULL))
		load->options->noted(load->unmarked, load->options->context);
}

static int load_mark_halves(struct load *load, const uint32_t *uids, size_t count,
			    struct error *err)
{
	size_t half = count / 2;
	if (load_mark_seen(load, uids, half, err) != 0 ||
	    load_mark_seen(load, uids + half, count - half, err) != 0)
		return -1;
	if (load->unmarked == NULL)
		load->mark_max = count - half;
	return 0;
}

static int load_mark_part(struct load *load, const uint32_t *uids, size_t count, struct error *err)
{
	struct error why;
	if (load->unmarked != NULL ||
	    imapc_add_flags(load->mailbox->session, uids, count, "\\Seen", &why) == 0)
		return 0;
	if (!imapc_is_alive(load->mailbox->session)) {
		*err = why;
		return -1;
	}
	/* A server may refuse what is many. */
	if (why.kind == ERROR_PROTOCOL && count > 1)
		return load_mark_halves(load, uids, count, err);
	load_note_unmarked(load, &why);
	return 0;
}

int load_mark_seen(struct load *load, const uint32_t *uids, size_t count, struct error *err)
{
	size_t max = load->mark_max != 0 ? load->mark_max : count;
	for (size_t part; count > 0; count -= part, uids += part) {
		part = MIN(max, count);
		if (load_mark_part(load, uids, part, err) != 0)
			return -1;
	}
	return 0;
}

/* --- moving ------------------------------------------------------------ */

static int load_move_tell(enum move_fate fate, const uint32_t *uids, size_t count,
			  const struct imapc_copy *copy, void *context, struct error *err)
{
	struct load *load = context;
	if (fate == MOVE_COPIED)
		return load_mark(load, uids, count, PICKUP_COPIED, copy, err);
	load->settled += count;
	if (fate == MOVE_LEFT)
		return load_mark(load, uids, count, PICKUP_LEFT, copy, err);
	return load_mark_moved(load, uids, count, copy, err);
}

static struct move *load_mover(struct load *load, enum pickup_target target)
{
	enum mailbox_folder folder = load_target_folder(target);
	if (load->moves[target] == NULL)
		load->moves[target] =
		    move_new(load->mailbox->session, load->mailbox->folders[folder].wire,
			     mailbox_folder_name(load->mailbox, folder), load_move_tell, load);
	return load->moves[target];
}

static int load_note_first_use(struct load *load, struct error *err)
{
	load_hold(load);
	int failed = first_use_note(load->store, load->queue->id, load->mailbox, err);
	load_go_on(load);
	return failed;
}

static int load_move_stored(struct load *load, const GArray *rows, const uint32_t *uids,
			    size_t count, enum pickup_target target, struct error *err)
{
	struct move *move;
	if (count == 0)
		return 0;
	if (load_acknowledge_stays(load, target)) {
		load->settled += count;
		return load_acknowledge_read(load, uids, count, err);
	}
	if (mailbox_create_folder(load->mailbox, load_target_folder(target), err) != 0 ||
	    load_note_first_use(load, err) != 0 || load_mark_seen(load, uids, count, err) != 0)
		return -1;
	move = load_mover(load, target);
	if (move_messages(move, uids, count, err) != 0)
		return -1;
	return load_take_returns(load, rows, move, err);
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
		if (load_move_stored(load, rows, stored, count, target, err) != 0)
			return -1;
		g_autofree uint32_t *copied = load_pick_uids(rows, PICKUP_COPIED, target, &count);
		if (count > 0 && move_originals(load_mover(load, target), copied, count, err) != 0)
			return -1;
	}
	return 0;
}

int load_move_verdict(const struct load *load, struct error *err)
{
	for (enum pickup_target i = PICKUP_DROPBOX; i <= PICKUP_BADMAIL; i++) {
		if (load->moves[i] != NULL && move_verdict(load->moves[i], err) != 0)
			return -1;
	}
	return 0;
}

void load_move_close(struct load *load)
{
	for (enum pickup_target i = PICKUP_DROPBOX; i <= PICKUP_BADMAIL; i++)
		move_free(load->moves[i]);
	g_free(load->unmarked);
}
