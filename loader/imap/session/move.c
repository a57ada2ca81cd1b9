/*
 * Moves messages: one command for a set, then the proof. What is refused is divided, newest
 * messages first, so that old ones that are refused for ever do not keep the others.
 */
#include "loader/imap/session/move_internal.h"

#include "queue/base/scoped.h"

#include <stdlib.h>
#include <string.h>

/* Commands that the server refuses in the life of a move; each costs two looks besides. */
enum { MOVE_REFUSALS_MAX = 256 };

/* One try with a set. What the server refuses is appended to `refused`, and *why says how. */
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

/* --- sets -------------------------------------------------------------- */

/* Messages, and where their copies are; as long as each other. */
struct move_set {
	uint32_t *uids;
	size_t count;
	struct imapc_copy copy;
};

static void move_set_init(struct move_set *set, size_t count_max, uint32_t uid_validity)
{
	*set = (struct move_set){
	    .uids = g_new(uint32_t, count_max + 1),
	    .copy = {.uid_validity = uid_validity, .uids = g_new0(uint32_t, count_max + 1)}};
}

static void move_set_clear(struct move_set *set)
{
	g_free(set->uids);
	g_free(set->copy.uids);
}
SCOPED_DEFINE(struct move_set *, move_set_clear)

static void move_set_add(struct move_set *set, uint32_t uid, uint32_t new_uid)
{
	set->uids[set->count] = uid;
	set->copy.uids[set->count++] = new_uid;
}

static int tell_set(struct move *move, enum move_fate fate, const struct move_set *set,
		    struct error *err)
{
	if (set->count == 0)
		return 0;
	return move->tell(fate, set->uids, set->count, &set->copy, move->context, err);
}

static int compare_uids(const void *one, const void *other)
{
	const uint32_t *a = one;
	const uint32_t *b = other;

	return *a < *b ? -1 : *a > *b;
}

/* Parts a set by what is still in the selected folder. */
static int part_by_presence(struct move *move, const uint32_t *uids, size_t count,
			    const struct imapc_copy *copy, struct move_set *present,
			    struct move_set *gone, struct error *err)
{
	g_autofree uint32_t *found = NULL;
	size_t found_count;

	if (imapc_search_present(move->session, uids, count, &found, &found_count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		bool there = found_count > 0 &&
			     bsearch(&uids[i], found, found_count, sizeof *found, compare_uids);

		move_set_add(there ? present : gone, uids[i], copy ? copy->uids[i] : 0);
	}
	return 0;
}

/* Of a refusal that says nothing of the folders or the account: another message may be taken. */
static bool may_be_about_one(const struct error *why)
{
	return why->kind == ERROR_PROTOCOL || strstr(why->text, "[CANNOT]") ||
	       strstr(why->text, "[UNAVAILABLE]");
}

/* --- originals --------------------------------------------------------- */

/* A refusal that is about the folder, or that no division mends, is a problem of all of them. */
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
	struct move_set present;
	struct move_set gone;
	int failed = imapc_expunge(move->session, uids, count, why);

	if (failed < 0 && !imapc_is_alive(move->session))
		return take_unremoved(move, uids, count, refused, why, err);
	move_set_init(&present, count, 0);
	move_set_init(&gone, count, 0);

	scoped(move_set_clear) struct move_set *release_present = &present;
	scoped(move_set_clear) struct move_set *release_gone = &gone;

	if (part_by_presence(move, uids, count, NULL, release_present, release_gone, err) < 0 ||
	    (gone.count > 0 &&
	     move->tell(MOVE_MOVED, gone.uids, gone.count, NULL, move->context, err) < 0))
		return -1;
	if (present.count == 0)
		return 0;
	if (failed < 0)
		return take_unremoved(move, present.uids, present.count, refused, why, err);
	error_set(why, ERROR_PROTOCOL, "UID EXPUNGE has no effect");
	move_note(move, MOVE_UNDELETED, present.uids, present.count, why);
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

/* --- the proof --------------------------------------------------------- */

/* They were copied, so they are not copied again. A server that can MOVE and leaves them where they
 * were is not told to remove them as well: what it makes of that is not known. */
static int take_copied(struct move *move, const struct move_set *set, bool moves, struct error *err)
{
	if (set->count == 0)
		return 0;
	if (tell_set(move, MOVE_COPIED, set, err) < 0)
		return -1;
	if (!moves)
		return move_originals(move, set->uids, set->count, err);
	move_note(move, MOVE_NOT_MOVED, set->uids, set->count, NULL);
	return 0;
}

/* Gone without having arrived. Where COPYUID tells of some, another client has taken the others. */
static void count_missing(struct move *move, const struct move_set *gone, size_t copied,
			  const struct move_arrivals *arrivals)
{
	size_t told = 0;
	size_t untrue = 0;
	size_t arrived = arrivals->count - MIN(copied, (size_t)arrivals->count);

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

/* In the selected folder new messages have UIDs that none of its messages had before; a target that
 * numbers as it does, and whose new messages are seen here, is this folder. */
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

struct move_answer {
	bool moves;
	bool refused;
	GArray *refused_uids;
};

/* Of what is still there, some may have been copied. */
static int settle_present(struct move *move, const struct move_answer *answer,
			  struct move_set *present, const struct move_arrivals *arrivals,
			  size_t *ret_copied, struct error *err)
{
	struct move_set seen;
	struct move_set rest;
	g_autofree bool *copied = g_new0(bool, present->count + 1);

	if (move_find_copies(move, arrivals, present->uids, present->count,
			     !answer->moves && !answer->refused, &present->copy, copied, err) < 0)
		return -1;
	move_set_init(&seen, present->count, present->copy.uid_validity);
	move_set_init(&rest, present->count, 0);

	scoped(move_set_clear) struct move_set *release_seen = &seen;
	scoped(move_set_clear) struct move_set *release_rest = &rest;

	for (size_t i = 0; i < present->count; i++)
		move_set_add(copied[i] ? release_seen : release_rest, present->uids[i],
			     present->copy.uids[i]);
	*ret_copied = seen.count;
	if (answer->refused)
		g_array_append_vals(answer->refused_uids, rest.uids, (guint)rest.count);
	else
		move_note(move, answer->moves ? MOVE_STAYED : MOVE_NOT_COPIED, rest.uids,
			  rest.count, NULL);
	return take_copied(move, release_seen, answer->moves, err);
}

static bool is_told(const struct imapc_copy *copy, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (copy->uids[i] == 0)
			return false;
	}
	return copy->uid_validity != 0;
}

/* What became of a set after the server has answered. */
static int settle(struct move *move, const struct move_answer *answer, const uint32_t *uids,
		  size_t count, const struct imapc_copy *copy, struct error *err)
{
	struct move_set present;
	struct move_set gone;
	struct move_arrivals arrivals;
	size_t copied = 0;

	move_set_init(&present, count, copy->uid_validity);
	move_set_init(&gone, count, copy->uid_validity);

	scoped(move_set_clear) struct move_set *release_present = &present;
	scoped(move_set_clear) struct move_set *release_gone = &gone;

	if (!answer->moves && is_told(copy, count)) {
		for (size_t i = 0; i < count; i++)
			move_set_add(release_present, uids[i], copy->uids[i]);
	} else if (part_by_presence(move, uids, count, copy, release_present, release_gone, err) <
		   0) {
		return -1;
	}
	if (tell_set(move, MOVE_MOVED, release_gone, err) < 0 ||
	    move_count_arrivals(move, &arrivals, err) < 0 ||
	    settle_present(move, answer, release_present, &arrivals, &copied, err) < 0)
		return -1;
	if (answer->moves && !answer->refused)
		count_missing(move, release_gone, copied, &arrivals);
	return find_returns(move, uids, count, copy, err);
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
		*err = *why;
		error_put_before(err, "%s from folder '%s' to folder '%s'", moves ? "move" : "copy",
				 move->source_name, move->name);
		return move_explain(move, moves ? "te" : "r", err);
	}
	return settle(move, &answer, uids, count, release, err);
}

static int try_to_move(struct move *move, const uint32_t *uids, size_t count, GArray *refused,
		       struct error *why, struct error *err)
{
	struct move_set present;
	struct move_set gone;

	if (move_expect_arrivals(move, err) < 0)
		return -1;
	/* Nothing will tell which of them it has found. */
	if (!imapc_has_capability(move->session, "MOVE") ||
	    imapc_has_capability(move->session, "UIDPLUS"))
		return transfer_set(move, uids, count, refused, why, err);
	move_set_init(&present, count, 0);
	move_set_init(&gone, count, 0);

	scoped(move_set_clear) struct move_set *release_present = &present;
	scoped(move_set_clear) struct move_set *release_gone = &gone;

	if (part_by_presence(move, uids, count, NULL, release_present, release_gone, err) < 0 ||
	    tell_set(move, MOVE_MOVED, release_gone, err) < 0)
		return -1;
	if (present.count == 0)
		return 0;
	return transfer_set(move, present.uids, present.count, refused, why, err);
}

/* --- dividing ---------------------------------------------------------- */

static size_t count_refused(const struct move *move, enum move_problem_kind kind)
{
	return move->problems[kind].count + move->problems[MOVE_UNTRIED].count;
}

/* A set that is refused although none of its messages is was too large. */
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
	/* Others have moved, or may: no definition has to be changed for this one. */
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
