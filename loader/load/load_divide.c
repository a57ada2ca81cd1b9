/*
 * Divides a set of messages that the server does not answer for as a whole, until the ones at fault
 * are known, and makes a lost connection again. The pieces that are still to be asked about lie on
 * a stack, so that messages are asked for in their order.
 */
#include "loader/load/load_internal.h"

#include "loader/base/clock.h"
#include "loader/base/service.h"
#include "queue/pickup.h"

/* In a run. A server that hangs up more often than this is down, or wants to be left alone. */
enum { LOAD_RECONNECTS_MAX = 8 };

struct load_piece {
	size_t first;
	size_t count;
};

static void load_piece_push(GArray *pieces, size_t first, size_t count)
{
	struct load_piece piece = {first, count};
	if (count > 0)
		g_array_append_val(pieces, piece);
}

static struct load_piece load_piece_pop(GArray *pieces)
{
	struct load_piece piece = g_array_index(pieces, struct load_piece, pieces->len - 1);
	g_array_set_size(pieces, pieces->len - 1);
	return piece;
}

/* A server answers in order: when it hangs up in the middle, the next one is the likely reason. */
static void load_piece_divide(GArray *pieces, struct load_piece left, bool next_alone)
{
	size_t head = next_alone ? 1 : left.count / 2;
	load_piece_push(pieces, left.first + head, left.count - head);
	load_piece_push(pieces, left.first, head);
}

int load_select_again(struct load *load, struct error *err)
{
	struct mailbox *mailbox = load->mailbox;
	struct imapc_mailbox selected;
	if (imapc_select(mailbox->session, mailbox->folders[MAILBOX_SOURCE].wire,
			 mailbox->server->mailbox, load->options->dry_run, &selected, err) != 0)
		return -1;
	if (selected.uid_validity != load->source.uid_validity)
		return error_set(err, ERROR_TEMPORARY,
				 "UIDVALIDITY of mailbox '%s' changed during the run; the next run "
				 "goes on",
				 mailbox->server->mailbox);
	return 0;
}

int load_reconnect(struct load *load, struct error *err)
{
	if (load->reconnects++ == LOAD_RECONNECTS_MAX ||
	    mailbox_reconnect(load->mailbox, load->queue, load->options->database, err) != 0)
		return -1;
	return load_select_again(load, err);
}

/* True if the server is at fault: a refusal leaves the session alive, and a failure of this machine
 * (a full disk, a parser that cannot be started) would only come again. A server that asks for
 * patience is not asked again in this run, and no message is to blame. */
static bool load_may_ask_again(const struct load *load, const struct load_question *question,
			       const struct error *failure)
{
	if (failure->reason == REASON_PATIENCE)
		return false;
	if (imapc_is_alive(load->mailbox->session))
		return true;
	return failure->kind != ERROR_IO && failure->kind != ERROR_SOFTWARE &&
	       (question->is_final == NULL || !question->is_final(failure, question->context));
}

/* The connection died at these messages, and the run ends: the next one asks for each alone. Not
 * where the fault is on this side. A session that is alive again has failed for its UIDVALIDITY:
 * the numbers mean other messages. */
static void load_note_suspects(struct load *load, const struct imapc_size *sizes, size_t count,
			       const struct error *failure)
{
	if (load->options->dry_run || failure->kind == ERROR_IO ||
	    failure->kind == ERROR_SOFTWARE || failure->reason == REASON_PATIENCE ||
	    failure->reason == REASON_TOKEN_EXPIRED || imapc_is_alive(load->mailbox->session))
		return;
	g_autofree uint32_t *uids = g_new(uint32_t, count);
	/* The run's own failure is said, not one of noting it. */
	struct error ignored;
	for (size_t i = 0; i < count; i++)
		uids[i] = sizes[i].uid;
	load_hold(load);
	pickup_attempt_add(load->store, &load->source, uids, count, false, failure->text,
			   clock_now_ms(), &ignored);
	load_go_on(load);
}

/* `left` was asked about and is not answered; where nothing is left, only the connection may be
 * lost, and what has come is good if the folder is still numbered as it was. */
static int load_divide_left(struct load *load, struct imapc_size *sizes, struct load_piece left,
			    bool some_came, const struct load_question *question, GArray *pieces,
			    struct error *err)
{
	bool lost = !imapc_is_alive(load->mailbox->session);
	bool again = load_may_ask_again(load, question, err);
	const struct error failure = *err;
	if (again && failure.reason == REASON_TOKEN_EXPIRED) {
		load_piece_push(pieces, left.first, left.count);
	} else if (again && left.count == 1) {
		(*question->in_vain_run)++;
		question->in_vain(load, &sizes[left.first], err, question->context);
	} else if (again && left.count > 1) {
		load_piece_divide(pieces, left, lost && some_came);
	}
	if (!again || (lost && load_reconnect(load, err) != 0)) {
		load_note_suspects(load, sizes + left.first, left.count, err);
		return -1;
	}
	/* Connecting again may have overwritten it; an outage is explained by it. */
	*err = failure;
	return load_unsent_is_outage(load, question->in_vain_run) ? -1 : 0;
}

int load_divide(struct load *load, struct imapc_size *sizes, size_t count,
		const struct load_question *question, struct error *err)
{
	g_autoptr(GArray) pieces = g_array_new(FALSE, FALSE, sizeof(struct load_piece));
	load_piece_push(pieces, 0, count);
	while (pieces->len > 0 && !stop_requested()) {
		struct load_piece piece = load_piece_pop(pieces);
		struct imapc_size *part = sizes + piece.first;
		if (question->ask(load, part, piece.count, question->context, err) == 0)
			continue;
		struct load_piece left = piece;
		left.count = question->leave(part, piece.count, question->context);
		if (load_divide_left(load, sizes, left, left.count < piece.count, question, pieces,
				     err) != 0)
			return -1;
	}
	return 0;
}

/* --- sizes ------------------------------------------------------------- */

static int load_sizes_ask(struct load *load, struct imapc_size *sizes, size_t count, void *context,
			  struct error *err)
{
	if (imapc_fetch_sizes(load->mailbox->session, sizes, count, err) != 0)
		return -1;
	*(unsigned *)context = 0;
	return 0;
}

static size_t load_sizes_leave(struct imapc_size *sizes, size_t count, void *context)
{
	(void)sizes;
	(void)context;
	return count;
}

/* A message without a size is fetched all the same: only that tells what is wrong with it. */
static void load_sizes_in_vain(struct load *load, struct imapc_size *size,
			       const struct error *failure, void *context)
{
	(void)load;
	(void)failure;
	(void)context;
	size->size_bytes = UINT64_MAX;
}

int load_sizes(struct load *load, struct imapc_size *sizes, size_t count, struct error *err)
{
	unsigned in_vain = 0;
	const struct load_question question = {.ask = load_sizes_ask,
					       .leave = load_sizes_leave,
					       .in_vain = load_sizes_in_vain,
					       .context = &in_vain,
					       .in_vain_run = &in_vain};
	return load_divide(load, sizes, count, &question, err);
}
