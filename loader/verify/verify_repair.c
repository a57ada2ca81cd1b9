/*
 * Finishes what a verification has found: puts rows right, moves messages out of the wrong folder,
 * and has a run of load do the rest. Nothing is deleted, and an original goes only when its copy is
 * seen.
 */
#include "loader/verify/verify_internal.h"

#include "loader/base/clock.h"
#include "loader/load/load.h"
#include "queue/base/scoped.h"

/* The run of load that follows finishes what the ledger calls unfinished, and loads what the ledger
 * does not know: so a row without an entry is forgotten. */
int verify_repair_row(struct verify *verify, const struct pickup_with_entry *row,
		      enum verify_problem problem, bool copy_is_there, struct error *err)
{
	struct pickup pickup = row->pickup;
	if (!verify_repairs(verify))
		return 0;
	verify->run_needed = true;
	verify->result->repaired++;
	int failed;
	if (problem == VERIFY_NO_ENTRY) {
		failed = pickup_forget(verify->store, &row->source, pickup.uid, err);
	} else {
		/* An original goes only while its copy is seen to be there. */
		pickup.state = copy_is_there ? PICKUP_COPIED : PICKUP_STORED;
		failed = pickup_redirect(verify->store, &row->source, &pickup, clock_now_ms(), err);
	}
	return failed;
}

static int verify_redirect(struct verify *verify, const struct verify_move *move,
			   struct mailbox_place place, struct error *err)
{
	const struct pickup_source source = {.queue_id = verify->queue->id,
					     .source = move->source,
					     .uid_validity = move->row_uid_validity};
	struct pickup pickup = move->pickup;
	pickup.state = PICKUP_MOVED;
	pickup.target = move->to == MAILBOX_BADMAIL ? PICKUP_BADMAIL : PICKUP_DROPBOX;
	pickup.target_folder = place.folder;
	pickup.target_uid_validity = place.uid_validity;
	pickup.target_uid = place.uid;
	return pickup_redirect(verify->store, &source, &pickup, clock_now_ms(), err);
}

/* The row learns where its message lies. */
static int verify_do_note(struct verify *verify, const struct verify_move *move, struct error *err)
{
	const struct mailbox_place place = {.folder = verify->mailbox->numbers[move->to],
					    .uid_validity = verify->folders[move->to].uid_validity,
					    .uid = move->uid};
	if (verify_redirect(verify, move, place, err) != 0)
		return -1;
	verify->result->repaired++;
	return 0;
}

static int verify_do_move(struct verify *verify, const struct verify_move *move, struct error *err)
{
	struct mailbox_place place;
	if (mailbox_move(verify->mailbox, verify->store, verify->queue->id, move->uid, move->to,
			 &place, err) != 0 ||
	    verify_redirect(verify, move, place, err) != 0)
		return -1;
	verify->result->repaired += !move->adopted;
	return 0;
}

/* Folder by folder: each is selected once. */
static int verify_do_moves(struct verify *verify, enum mailbox_folder from, struct error *err)
{
	bool selected = false;
	struct imapc_mailbox ignored;
	for (guint i = 0; i < verify->moves->len; i++) {
		const struct verify_move *move =
		    &g_array_index(verify->moves, struct verify_move, i);
		if (move->from != from)
			continue;
		/* The message is where it belongs; only its row does not know. */
		if (move->to == from) {
			if (verify_do_note(verify, move, err) != 0)
				return -1;
			continue;
		}
		if (!selected &&
		    imapc_select(verify->mailbox->session, verify->mailbox->folders[from].wire,
				 mailbox_folder_name(verify->mailbox, from), false, &ignored,
				 err) != 0)
			return -1;
		selected = true;
		if (verify_do_move(verify, move, err) != 0)
			return -1;
	}
	return 0;
}

static void verify_ignore_progress(const struct load_progress *progress, void *context)
{
	(void)progress;
	(void)context;
}

static int verify_count_open(const struct pickup_with_entry *row, void *context)
{
	uint64_t *open = context;
	*open += row->pickup.state == PICKUP_STORED || row->pickup.state == PICKUP_COPIED;
	return 0;
}

/* A problem that was left to the run of load is settled when its row is not open any more. */
static int verify_count_settled(struct verify *verify, struct error *err)
{
	uint64_t open = 0;
	if (verify->left_to_load == 0)
		return 0;
	if (pickup_walk(verify->store, verify->queue->id, verify_count_open, &open, err) != 0)
		return -1;
	verify->result->repaired += verify->left_to_load - MIN(verify->left_to_load, open);
	return 0;
}

/* Rows that learn where their message lies name its folder. */
static int verify_note_folders(struct verify *verify, struct error *err)
{
	return verify->moves->len > 0
		   ? first_use_note(verify->store, verify->queue->id, verify->mailbox, err)
		   : 0;
}

int verify_repair(struct verify *verify, struct error *err)
{
	/* The run works on the open mailbox, under the lock that is held already. */
	const struct load_options options = {.database = verify->options->database,
					     .progress = verify_ignore_progress};
	struct load_result ignored;
	if (verify_note_folders(verify, err) != 0 ||
	    verify_do_moves(verify, MAILBOX_DROPBOX, err) != 0 ||
	    verify_do_moves(verify, MAILBOX_BADMAIL, err) != 0)
		return -1;
	if (!verify->run_needed)
		return 0;
	if (load_mailbox(verify->store, verify->queue, verify->mailbox, &options, &ignored, err) !=
	    0)
		return -1;
	return verify_count_settled(verify, err);
}
