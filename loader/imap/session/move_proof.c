/*
 * The proof of a move, after the server has answered for a set: which messages are gone, which have
 * arrived, and what that means for each. Nothing of it believes the server's OK.
 */
#include "loader/imap/session/move_internal.h"

#include "loader/imap/names/uid_set.h"
#include "queue/base/scoped.h"

/* --- sets -------------------------------------------------------------- */

struct move_set *move_set_new(size_t count_max, uint32_t uid_validity)
{
	struct move_set *set = g_new0(struct move_set, 1);

	set->uids = g_new(uint32_t, count_max + 1);
	set->copy = (struct imapc_copy){.uid_validity = uid_validity,
					.uids = g_new0(uint32_t, count_max + 1)};
	return set;
}

void move_set_free(struct move_set *set)
{
	if (!set)
		return;
	g_free(set->uids);
	g_free(set->copy.uids);
	g_free(set);
}

static void move_set_add(struct move_set *set, uint32_t uid, uint32_t new_uid)
{
	set->uids[set->count] = uid;
	set->copy.uids[set->count++] = new_uid;
}

int move_tell_set(struct move *move, enum move_fate fate, const struct move_set *set,
		  struct error *err)
{
	if (set->count == 0)
		return 0;
	return move->tell(fate, set->uids, set->count, &set->copy, move->context, err);
}

int move_part_by_presence(struct move *move, const uint32_t *uids, size_t count,
			  const struct imapc_copy *copy, struct move_set *present,
			  struct move_set *gone, struct error *err)
{
	g_autofree uint32_t *found = NULL;
	size_t found_count;

	if (imapc_search_present(move->session, uids, count, &found, &found_count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		move_set_add(uid_is_among(found, found_count, uids[i]) ? present : gone, uids[i],
			     copy ? copy->uids[i] : 0);
	return 0;
}

/* --- the proof --------------------------------------------------------- */

/* They were copied, so they are not copied again. A server that can MOVE and left them where they
 * were is not told to remove them: nobody knows what it makes of that. */
static int take_copied(struct move *move, const struct move_set *set, bool moves, struct error *err)
{
	if (set->count == 0)
		return 0;
	if (move_tell_set(move, MOVE_COPIED, set, err) < 0)
		return -1;
	if (!moves)
		return move_originals(move, set->uids, set->count, err);
	move_note(move, MOVE_NOT_MOVED, set->uids, set->count, NULL);
	return 0;
}

/* Nobody has seen their copies: the originals stay, as on a server that can remove none. Where it
 * does not let us flag them either, the ledger still knows them. */
static int take_counted(struct move *move, const struct move_set *set, struct error *err)
{
	if (set->count == 0)
		return 0;
	if (imapc_add_flags(move->session, set->uids, set->count, "\\Deleted", err) < 0 &&
	    !imapc_is_alive(move->session))
		return -1;
	return move_tell_set(move, MOVE_LEFT, set, err);
}

/* Messages that left and have not arrived. Where COPYUID names only some of them, another client
 * has taken the others, which are not expected in the target. */
static void count_missing(struct move *move, const struct move_set *gone, size_t copied,
			  const struct move_arrivals *arrivals)
{
	size_t told = 0;
	size_t untrue = 0;
	size_t arrived = arrivals->count - MIN(copied, (size_t)arrivals->count);

	/* A number of messages alone proves nothing: other clients remove some. */
	if (!move->target_by_uid)
		return;
	for (size_t i = 0; i < gone->count; i++) {
		told += gone->copy.uids[i] != 0;
		untrue +=
		    gone->copy.uids[i] != 0 && !move_is_among(move, arrivals, gone->copy.uids[i]);
	}

	size_t expected = told > 0 ? told : gone->count;
	size_t missing = expected - MIN(expected, arrived);

	move_note_missing(move, gone->uids, gone->count, MAX(missing, untrue));
}

/* New messages of the selected folder have UIDs from its UIDNEXT on. If the target has the same
 * UIDVALIDITY and the copies are seen here under their new UIDs, it is this folder. */
static int find_returns(struct move *move, const uint32_t *uids, size_t count,
			const struct imapc_copy *copy, struct error *err)
{
	g_autofree uint32_t *found = NULL;
	size_t found_count = 0;
	g_autoptr(GArray) new_uids = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	if (copy->uid_validity == 0 || copy->uid_validity != move->session->uid_validity ||
	    move->source_uid_next == 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (copy->uids[i] >= move->source_uid_next)
			g_array_append_val(new_uids, copy->uids[i]);
	}
	if (new_uids->len == 0)
		return 0;
	if (imapc_search_present(move->session, (const uint32_t *)(const void *)new_uids->data,
				 new_uids->len, &found, &found_count, err) < 0)
		return -1;
	for (size_t i = 0; i < count && found_count > 0; i++) {
		const struct move_return pair = {.uid = uids[i], .new_uid = copy->uids[i]};

		for (size_t j = 0; j < found_count; j++) {
			if (found[j] == pair.new_uid)
				g_array_append_val(move->returns, pair);
		}
	}
	return 0;
}

/* Of the messages that are still there, some may have been copied: those are not refused, whatever
 * the server says. */
static int settle_present(struct move *move, const struct move_answer *answer,
			  struct move_set *present, const struct move_arrivals *arrivals,
			  size_t *ret_copied, struct error *err)
{
	scoped(move_set_free) struct move_set *seen =
	    move_set_new(present->count, present->copy.uid_validity);
	scoped(move_set_free) struct move_set *rest = move_set_new(present->count, 0);
	scoped(move_set_free) struct move_set *counted = move_set_new(present->count, 0);
	struct move_set *const sets[] = {
	    [MOVE_COPY_NONE] = rest, [MOVE_COPY_SEEN] = seen, [MOVE_COPY_COUNTED] = counted};
	g_autofree enum move_copy_known *known = g_new0(enum move_copy_known, present->count + 1);

	if (move_find_copies(move, arrivals, present->uids, present->count,
			     !answer->moves && !answer->refused, &present->copy, known, err) < 0)
		return -1;
	/* Looking at the target may have told another UIDVALIDITY. */
	seen->copy.uid_validity = present->copy.uid_validity;
	for (size_t i = 0; i < present->count; i++)
		move_set_add(sets[known[i]], present->uids[i], present->copy.uids[i]);
	*ret_copied = seen->count;
	if (answer->refused)
		g_array_append_vals(answer->refused_uids, rest->uids, (guint)rest->count);
	else
		move_note(move, answer->moves ? MOVE_STAYED : MOVE_NOT_COPIED, rest->uids,
			  rest->count, NULL);
	return take_counted(move, counted, err) < 0 ? -1
						    : take_copied(move, seen, answer->moves, err);
}

static bool is_told(const struct imapc_copy *copy, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (copy->uids[i] == 0)
			return false;
	}
	return copy->uid_validity != 0;
}

int move_settle(struct move *move, const struct move_answer *answer, const uint32_t *uids,
		size_t count, const struct imapc_copy *copy, struct error *err)
{
	scoped(move_set_free) struct move_set *present = move_set_new(count, copy->uid_validity);
	scoped(move_set_free) struct move_set *gone = move_set_new(count, copy->uid_validity);
	struct move_arrivals arrivals;
	size_t copied = 0;

	/* A COPY of which COPYUID tells every message has found them all: they are there. */
	if (!answer->moves && is_told(copy, count)) {
		for (size_t i = 0; i < count; i++)
			move_set_add(present, uids[i], copy->uids[i]);
	} else if (move_part_by_presence(move, uids, count, copy, present, gone, err) < 0) {
		return -1;
	}
	if (move_tell_set(move, MOVE_MOVED, gone, err) < 0 ||
	    move_count_arrivals(move, &arrivals, err) < 0 ||
	    settle_present(move, answer, present, &arrivals, &copied, err) < 0)
		return -1;
	if (answer->moves && !answer->refused)
		count_missing(move, gone, copied, &arrivals);
	return find_returns(move, uids, count, copy, err);
}
