/*
 * Moves messages: one command for a set, then the proof (move_proof.c). A set that is refused is
 * divided, newest messages first, so that old ones that are refused for ever do not keep the
 * others. A server without MOVE gets COPY, and once the copies are seen, \Deleted and UID EXPUNGE.
 */
#include "loader/imap/session/move_internal.h"

#include "queue/base/scoped.h"

#include <string.h>

/* Commands that the server refuses in the life of a move; each costs two looks besides. */
enum { MOVE_REFUSALS_MAX = 256 };

/* One try with a set. Messages that the server refuses are appended to `refused`, and *why says
 * how. */
typedef int (*move_attempt)(struct move *move, const uint32_t *uids, size_t count, GArray *refused,
			    struct error *why, struct error *err);

static int move_part(struct move *move, move_attempt attempt, enum move_problem_kind kind,
		     const uint32_t *uids, size_t count, struct error *err);

struct move *move_new(struct imapc_session *session, const char *wire, const char *name,
		      move_tell tell, void *context)
{
	struct move *move = g_new0(struct move, 1);

	move->session = session;
	move->wire = wire;
	move->name = name;
	move->tell = tell;
	move->context = context;
	move->source_name = g_strdup(session->open_name);
	move->source_uid_next = session->open_uid_next;
	move->together_max = SIZE_MAX;
	move->returns = g_array_new(FALSE, FALSE, sizeof(struct move_return));
	for (size_t i = 0; i < MOVE_PROBLEM_KINDS; i++)
		move->problems[i].uids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	return move;
}

void move_free(struct move *move)
{
	if (!move)
		return;
	for (size_t i = 0; i < MOVE_PROBLEM_KINDS; i++)
		g_array_unref(move->problems[i].uids);
	g_array_unref(move->returns);
	g_free(move->source_name);
	g_free(move);
}

const struct move_return *move_returns(const struct move *move, size_t *ret_count)
{
	*ret_count = move->returns->len;
	return (const struct move_return *)(const void *)move->returns->data;
}

/* True if the refusal blames neither the folders nor the account ("[NOPERM]", "[OVERQUOTA]"): the
 * server may take another message. */
static bool may_be_about_one(const struct error *why)
{
	return why->kind == ERROR_PROTOCOL || strstr(why->text, "[CANNOT]") ||
	       strstr(why->text, "[UNAVAILABLE]");
}

/* --- originals --------------------------------------------------------- */

/* A refusal that blames the folder is a problem of all of them, as no division mends it. Their
 * copies have arrived, so nothing is lost. */
static int take_unremoved(struct move *move, const uint32_t *uids, size_t count, GArray *refused,
			  struct error *why, struct error *err)
{
	if (!imapc_is_alive(move->session)) {
		*err = *why;
		return -1;
	}
	if (may_be_about_one(why)) {
		g_array_append_vals(refused, uids, (guint)count);
		return 0;
	}
	move_explain(move, "te", why);
	move_note(move, MOVE_UNDELETED, uids, count, why);
	return 0;
}

static int expunge(struct move *move, const uint32_t *uids, size_t count, GArray *refused,
		   struct error *why, struct error *err)
{
	scoped(move_set_free) struct move_set *present = move_set_new(count, 0);
	scoped(move_set_free) struct move_set *gone = move_set_new(count, 0);
	int failed = imapc_expunge(move->session, uids, count, why);

	if (failed < 0 && !imapc_is_alive(move->session))
		return take_unremoved(move, uids, count, refused, why, err);
	if (move_part_by_presence(move, uids, count, NULL, present, gone, err) < 0 ||
	    (gone->count > 0 &&
	     move->tell(MOVE_MOVED, gone->uids, gone->count, NULL, move->context, err) < 0))
		return -1;
	if (present->count == 0)
		return 0;
	if (failed < 0)
		return take_unremoved(move, present->uids, present->count, refused, why, err);
	error_set(why, ERROR_PROTOCOL, "UID EXPUNGE has no effect");
	move_note(move, MOVE_UNDELETED, present->uids, present->count, why);
	return 0;
}

static int try_to_remove(struct move *move, const uint32_t *uids, size_t count, GArray *refused,
			 struct error *why, struct error *err)
{
	if (imapc_add_flags(move->session, uids, count, "\\Deleted", why) < 0)
		return take_unremoved(move, uids, count, refused, why, err);
	if (!imapc_has_capability(move->session, "UIDPLUS"))
		return move->tell(MOVE_LEFT, uids, count, NULL, move->context, err);
	return expunge(move, uids, count, refused, why, err);
}

/* --- moving ------------------------------------------------------------ */

static int transfer_set(struct move *move, const uint32_t *uids, size_t count, GArray *refused,
			struct error *why, struct error *err)
{
	struct imapc_copy copy = {0};
	scoped(imapc_copy_free) struct imapc_copy *release = &copy;
	bool moves = imapc_has_capability(move->session, "MOVE");
	int failed = moves ? imapc_move(move->session, uids, count, move->wire, release, why)
			   : imapc_copy(move->session, uids, count, move->wire, release, why);
	const struct move_answer answer = {
	    .moves = moves, .refused = failed < 0, .refused_uids = refused};

	if (failed < 0 && (!may_be_about_one(why) || !imapc_is_alive(move->session))) {
		/* The next set would be refused in the same way. */
		*err = *why;
		error_put_before(err, "%s from folder '%s' to folder '%s'", moves ? "move" : "copy",
				 move->source_name, move->name);
		return move_explain(move, moves ? "te" : "r", err);
	}
	return move_settle(move, &answer, uids, count, release, err);
}

static int try_to_move(struct move *move, const uint32_t *uids, size_t count, GArray *refused,
		       struct error *why, struct error *err)
{
	if (move_expect_arrivals(move, err) < 0)
		return -1;
	if (!imapc_has_capability(move->session, "MOVE") ||
	    imapc_has_capability(move->session, "UIDPLUS"))
		return transfer_set(move, uids, count, refused, why, err);

	/* MOVE without COPYUID does not tell which messages it has found, so we look before. */
	scoped(move_set_free) struct move_set *present = move_set_new(count, 0);
	scoped(move_set_free) struct move_set *gone = move_set_new(count, 0);

	if (move_part_by_presence(move, uids, count, NULL, present, gone, err) < 0 ||
	    move_tell_set(move, MOVE_MOVED, gone, err) < 0)
		return -1;
	if (present->count == 0)
		return 0;
	return transfer_set(move, present->uids, present->count, refused, why, err);
}

/* --- dividing ---------------------------------------------------------- */

static size_t count_refused(const struct move *move, enum move_problem_kind kind)
{
	return move->problems[kind].count + move->problems[MOVE_UNTRIED].count;
}

/* A set that is refused although none of its messages is refused alone was too large: later sets
 * are no larger than its half. */
static int move_halves(struct move *move, move_attempt attempt, enum move_problem_kind kind,
		       const uint32_t *uids, size_t count, struct error *err)
{
	size_t half = count / 2;
	size_t before = count_refused(move, kind);

	if (move_part(move, attempt, kind, uids + half, count - half, err) < 0 ||
	    move_part(move, attempt, kind, uids, half, err) < 0)
		return -1;
	if (count_refused(move, kind) == before)
		move->together_max = MIN(move->together_max, count - half);
	return 0;
}

static int move_in_turn(struct move *move, move_attempt attempt, enum move_problem_kind kind,
			const uint32_t *uids, size_t count, struct error *err)
{
	for (size_t part; count > 0; count -= part, uids += part) {
		part = MIN(count, move->together_max);
		if (move_part(move, attempt, kind, uids, part, err) < 0)
			return -1;
	}
	return 0;
}

static int move_part(struct move *move, move_attempt attempt, enum move_problem_kind kind,
		     const uint32_t *uids, size_t count, struct error *err)
{
	g_autoptr(GArray) refused = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	struct error why = {.kind = ERROR_NONE};

	if (count > move->together_max)
		return move_in_turn(move, attempt, kind, uids, count, err);
	/* A server that refuses everything would be asked about each message. */
	if (move->refusals >= MOVE_REFUSALS_MAX) {
		move_note(move, MOVE_UNTRIED, uids, count, NULL);
		return 0;
	}
	if (attempt(move, uids, count, refused, &why, err) < 0)
		return -1;
	if (refused->len == 0)
		return 0;
	move->refusals++;

	const uint32_t *rest = (const uint32_t *)(const void *)refused->data;

	/* Another client may have taken some of them, and the rest is not refused any more. */
	if (refused->len < count)
		return move_part(move, attempt, kind, rest, refused->len, err);
	if (count > 1)
		return move_halves(move, attempt, kind, rest, count, err);
	/* Other messages move under the same definition, so CONFIGURATION would mislead. */
	if (why.kind == ERROR_CONFIGURATION)
		why.kind = ERROR_PROTOCOL;
	move_note(move, kind, rest, 1, &why);
	return 0;
}

/* --- what others call -------------------------------------------------- */

int move_originals(struct move *move, const uint32_t *uids, size_t count, struct error *err)
{
	return count > 0 ? move_part(move, try_to_remove, MOVE_UNDELETED, uids, count, err) : 0;
}

int move_messages(struct move *move, const uint32_t *uids, size_t count, struct error *err)
{
	const char *source = move->session->open_wire;

	g_array_set_size(move->returns, 0);
	if (!source)
		return error_set(err, ERROR_SOFTWARE, "no folder is open to move messages from");
	if (imapc_is_same_folder(move->session, source, move->wire))
		return error_set(err, ERROR_CONFIGURATION,
				 "'%s' and '%s' are one folder: messages are not moved into their "
				 "own folder",
				 move->source_name, move->name);
	return count > 0 ? move_part(move, try_to_move, MOVE_REFUSED, uids, count, err) : 0;
}
