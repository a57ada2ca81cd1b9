/*
 * Brings the server up to date with the ledger: what is committed is marked \Seen and moved, or
 * stays where its delivery acknowledges it. The ledger learns of each step before the next one is
 * taken, so that a run that ends in between is finished by the next (load_finish.c).
 */
#include "loader/load/load_internal.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"

#include <string.h>

enum mailbox_folder load_target_folder(enum pickup_target target)
{
	return target == PICKUP_DROPBOX ? MAILBOX_DROPBOX : MAILBOX_BADMAIL;
}

/* --- the ledger -------------------------------------------------------- */

/* A set of messages that the server has moved. */
struct load_moved {
	uint32_t *uids;
	size_t count;
	struct pickup_copies copies;
	uint32_t *copy_uids; /* NULL: `copies` tells nothing */
};

static void load_moved_free(void *pointer)
{
	struct load_moved *moved = pointer;
	g_free(moved->uids);
	g_free(moved->copy_uids);
	g_free(moved);
}

GPtrArray *load_moved_list_new(void)
{
	return g_ptr_array_new_with_free_func(load_moved_free);
}

void load_moved_hand_over(GPtrArray *from, GPtrArray *to)
{
	while (from->len > 0)
		g_ptr_array_add(to, g_ptr_array_steal_index(from, 0));
}

int load_mark(struct load *load, const uint32_t *uids, size_t count, enum pickup_state state,
	      const struct pickup_copies *copies, struct error *err)
{
	load_hold(load);
	int failed = pickup_mark(load->store, &load->source, uids, count, state, copies,
				 clock_now_ms(), err);
	load_go_on(load);
	return failed == 0 ? 0 : -1;
}

/*
 * The same for messages that have left their folder, but when the next batch is stored, or the end
 * of the run is noted: a transaction of its own would be one more wait for the disk, and for the
 * storer. A run that ends before that leaves what a run leaves that ends right after the move.
 */
static int load_mark_moved(struct load *load, const uint32_t *uids, size_t count,
			   const struct pickup_copies *copies, struct error *err)
{
	if (load->moved == NULL)
		return load_mark(load, uids, count, PICKUP_MOVED, copies, err);
	struct load_moved *moved = g_new0(struct load_moved, 1);
	moved->uids = g_memdup2(uids, count * sizeof *uids);
	moved->count = count;
	if (copies != NULL) {
		moved->copy_uids = g_memdup2(copies->uids, count * sizeof *copies->uids);
		moved->copies = *copies;
		moved->copies.uids = moved->copy_uids;
	}
	g_ptr_array_add(load->moved, moved);
	load->result->moved += count;
	return 0;
}

int load_moved_store(struct load *load, const GPtrArray *list, struct error *err)
{
	for (guint i = 0; i < list->len; i++) {
		const struct load_moved *moved = g_ptr_array_index(list, i);
		if (pickup_mark(load->store, &load->source, moved->uids, moved->count, PICKUP_MOVED,
				moved->copy_uids != NULL ? &moved->copies : NULL, clock_now_ms(),
				err) != 0)
			return -1;
	}
	return 0;
}

/* --- marking as read --------------------------------------------------- */

static void load_note_unmarked(struct load *load, const struct error *why)
{
	struct mailbox *mailbox = load->mailbox;
	const char *name = mailbox->server->mailbox;
	g_autofree char *lacking = NULL;
	struct error ignored;
	if (why->kind == ERROR_CREDENTIALS)
		rights_find_lacking(mailbox->session, mailbox->folders[MAILBOX_SOURCE].wire, "s",
				    &lacking, &ignored);
	error_fill(&load->result->unmarked, why->kind,
		   "messages of '%s' are moved without being marked as read%s: %s", name,
		   lacking != NULL ? " (the right s is missing)" : "", why->text);
	const char *note = load->result->unmarked.text;
	/* A note that every run repeats is noise: said once, it stays in the queue's row. */
	const char *before = load->queue->last_message;
	if (load->options->noted != NULL && (before == NULL || strstr(before, note) == NULL))
		load->options->noted(note, load->options->context);
}

static int load_mark_seen(struct load *load, const uint32_t *uids, size_t count, struct error *err);

static int load_mark_halves(struct load *load, const uint32_t *uids, size_t count,
			    struct error *err)
{
	size_t half = count / 2;
	if (load_mark_seen(load, uids, half, err) != 0 ||
	    load_mark_seen(load, uids + half, count - half, err) != 0)
		return -1;
	if (load->result->unmarked.kind == ERROR_NONE)
		load->mark_max = count - half;
	return 0;
}

static int load_mark_part(struct load *load, const uint32_t *uids, size_t count, struct error *err)
{
	struct error why;
	if (load->result->unmarked.kind != ERROR_NONE ||
	    imapc_add_flags(load->mailbox->session, uids, count, "\\Seen", &why) == 0)
		return 0;
	if (!imapc_is_alive(load->mailbox->session)) {
		*err = why;
		return -1;
	}
	/* A server may refuse a long list of messages and take a shorter one. */
	if (why.kind == ERROR_PROTOCOL && count > 1)
		return load_mark_halves(load, uids, count, err);
	load_note_unmarked(load, &why);
	return 0;
}

/* Marks messages \Seen before they move: afterwards their UIDs may not be known. A refusal is noted
 * and the mail moves unread, which harms less than mail that stays. */
static int load_mark_seen(struct load *load, const uint32_t *uids, size_t count, struct error *err)
{
	size_t max = load->mark_max != 0 ? load->mark_max : count;
	for (size_t part; count > 0; count -= part, uids += part) {
		part = MIN(max, count);
		if (load_mark_part(load, uids, part, err) != 0)
			return -1;
	}
	return 0;
}

/* --- mail that waits for its delivery ---------------------------------- */

void load_acknowledge_begin(const struct load *load, bool found, bool answered,
			    struct pickup *pickup)
{
	/* A copy that the ledger knows of is not made again. */
	if (found && pickup->state == PICKUP_COPIED)
		return;
	const bool waits = load->mailbox->on_delivery && pickup->target == PICKUP_DROPBOX &&
			   !answered && (!found || pickup->state == PICKUP_AWAITING);
	pickup->on_delivery = load->mailbox->on_delivery && !answered;
	pickup->state = waits ? PICKUP_AWAITING : PICKUP_STORED;
}

/* True if messages of this target stay in the source when they are finished. */
static bool load_acknowledge_stays(const struct load *load, enum pickup_target target)
{
	return load->mailbox->stays && target == PICKUP_DROPBOX;
}

/* Here \Seen is the acknowledgement itself, so a refusal is an error. */
static int load_acknowledge_read(struct load *load, const uint32_t *uids, size_t count,
				 struct error *err)
{
	if (count == 0)
		return 0;
	if (imapc_add_flags(load->mailbox->session, uids, count, "\\Seen", err) != 0)
		return -1;
	return load_mark(load, uids, count, PICKUP_READ, NULL, err);
}

static int load_acknowledge_collect(const struct pickup *pickup, void *context)
{
	g_array_append_val((GArray *)context, pickup->uid);
	return 0;
}

int load_acknowledge_unread(struct load *load, struct error *err)
{
	struct imapc_session *session = load->mailbox->session;
	g_autoptr(GArray) uids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autofree uint32_t *seen = NULL;
	size_t seen_count;
	if (!load->mailbox->on_delivery)
		return 0;
	if (pickup_list_awaiting(load->store, &load->source, load_acknowledge_collect, uids, err) !=
	    0)
		return -1;
	if (imapc_search_seen(session, (const uint32_t *)(const void *)uids->data, uids->len, &seen,
			      &seen_count, err) != 0)
		return -1;
	if (seen_count == 0)
		return 0;
	/* Two folders that are one stop the run before it changes a message. */
	if (mailbox_find_targets(load->mailbox, err) != 0)
		return -1;
	return imapc_remove_flags(session, seen, seen_count, "\\Seen", err);
}

char *load_acknowledge_plan(const struct load *load)
{
	const struct mailbox *mailbox = load->mailbox;
	const char *dropbox = mailbox->server->dropbox;
	if (!mailbox->on_delivery)
		return g_strdup_printf("move to '%s'", dropbox);
	if (mailbox->stays)
		return g_strdup("leave it unread until it is delivered");
	return g_strdup_printf("leave it unread until it is delivered, then move to '%s'", dropbox);
}

/* --- moving ------------------------------------------------------------ */

/* Writes each fate down before the move goes on. A copy is noted at once: without that note a later
 * run would make a second one. */
static int load_move_tell(enum move_fate fate, const uint32_t *uids, size_t count,
			  const struct imapc_copy *copy, void *context, struct error *err)
{
	const struct load_mover *mover = context;
	struct load *load = mover->load;
	struct pickup_copies known;
	const struct pickup_copies *copies = NULL;
	if (copy != NULL) {
		known = (struct pickup_copies){load->mailbox->numbers[mover->folder],
					       copy->uid_validity, copy->uids};
		copies = &known;
	}
	if (fate == MOVE_COPIED)
		return load_mark(load, uids, count, PICKUP_COPIED, copies, err);
	load->settled += count;
	if (fate == MOVE_LEFT)
		return load_mark(load, uids, count, PICKUP_LEFT, copies, err);
	return load_mark_moved(load, uids, count, copies, err);
}

/* One move for each target lives as long as the run: it remembers what the server has refused. */
static struct move *load_mover(struct load *load, enum pickup_target target)
{
	struct load_mover *mover = &load->movers[target];
	if (mover->move != NULL)
		return mover->move;
	mover->load = load;
	mover->folder = load_target_folder(target);
	mover->move =
	    move_new(load->mailbox->session, load->mailbox->folders[mover->folder].wire,
		     mailbox_folder_name(load->mailbox, mover->folder), load_move_tell, mover);
	return mover->move;
}

/* The storer's thread may be using the database. */
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
		if (load->movers[i].move != NULL && move_verdict(load->movers[i].move, err) != 0)
			return -1;
	}
	return 0;
}

void load_move_close(struct load *load)
{
	for (enum pickup_target i = PICKUP_DROPBOX; i <= PICKUP_BADMAIL; i++)
		move_free(load->movers[i].move);
}
