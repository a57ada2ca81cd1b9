/*
 * Finds out whether messages have arrived in the target: by its UIDNEXT, which counts them, by
 * COPYUID, which names them, and where these contradict each other or are not told, by their bytes.
 */
#include "loader/imap/session/move_internal.h"

#include "loader/imap/names/uid_set.h"
#include "loader/imap/session/session.h"
#include "queue/base/scoped.h"

#include <stdlib.h>
#include <string.h>

/* --- counting ---------------------------------------------------------- */

static int look_at_target(struct move *move, struct error *err)
{
	struct imapc_status status;

	if (imapc_status(move->session, move->wire, move->name, &status, err) < 0)
		return -1;
	move->target_known = true;
	move->target_by_uid = status.uid_next != 0;
	move->target_next = status.uid_next != 0 ? status.uid_next : status.messages;
	return 0;
}

int move_expect_arrivals(struct move *move, struct error *err)
{
	return move->target_known ? 0 : look_at_target(move, err);
}

int move_count_arrivals(struct move *move, struct move_arrivals *ret_arrivals, struct error *err)
{
	uint32_t before = move->target_next;

	if (look_at_target(move, err) < 0)
		return -1;
	*ret_arrivals = (struct move_arrivals){
	    .first = before, .count = move->target_next > before ? move->target_next - before : 0};
	return 0;
}

bool move_is_among(const struct move *move, const struct move_arrivals *arrivals, uint32_t uid)
{
	return !move->target_by_uid ||
	       (uid >= arrivals->first && uid - arrivals->first < arrivals->count);
}

/* --- by bytes ---------------------------------------------------------- */

static int compare_bodies(const void *one, const void *other)
{
	const struct body_facts *a = one;
	const struct body_facts *b = other;
	int order = memcmp(a->sha256, b->sha256, sizeof a->sha256);

	return order != 0 ? order : (a->uid > b->uid) - (a->uid < b->uid);
}

/* A body without bytes is no proof: it is the same in every message that has none. */
static int take_body(const struct body_facts *facts, void *context)
{
	if (facts->size_bytes > 0)
		g_array_append_vals((GArray *)context, facts, 1);
	return 0;
}

/* Divides what the server refuses to send: a message that it never sends keeps no other. */
static int take_bodies(struct move *move, const uint32_t *uids, size_t count, GArray *bodies,
		       struct error *err)
{
	guint before = bodies->len;
	size_t half = count / 2;

	if (body_digest(move->session, uids, count, 0, take_body, bodies, err) == 0)
		return 0;
	if (!imapc_is_alive(move->session))
		return -1;
	g_array_set_size(bodies, before);
	if (count == 1)
		return 0;
	if (take_bodies(move, uids, half, bodies, err) < 0)
		return -1;
	return take_bodies(move, uids + half, count - half, bodies, err);
}

static int digest_bodies(struct move *move, const uint32_t *uids, size_t count, GArray *bodies,
			 struct error *err)
{
	if (count > 0 && take_bodies(move, uids, count, bodies, err) < 0)
		return -1;
	g_array_sort(bodies, compare_bodies);
	return 0;
}

/* Selects the target, read-only. */
static int digest_arrivals(struct move *move, const struct move_arrivals *arrivals, GArray *bodies,
			   struct error *err)
{
	struct imapc_mailbox selected;
	g_autofree uint32_t *uids = NULL;
	size_t count = 0;
	g_autofree char *criteria =
	    g_strdup_printf("UID %u:%u", arrivals->first, arrivals->first + arrivals->count - 1);

	if (imapc_select(move->session, move->wire, move->name, true, &selected, err) < 0 ||
	    imapc_search(move->session, criteria, &uids, &count, err) < 0)
		return -1;
	return digest_bodies(move, uids, count, bodies, err);
}

static int select_source(struct move *move, const char *wire, const char *name,
			 uint32_t uid_validity, struct error *err)
{
	struct imapc_mailbox selected;

	if (imapc_select(move->session, wire, name, false, &selected, err) < 0)
		return -1;
	if (selected.uid_validity == uid_validity)
		return 0;
	return error_set(err, ERROR_TEMPORARY,
			 "UIDVALIDITY of folder '%s' changed meanwhile; the next run goes on",
			 name);
}

/* Both lists are sorted by digest. Each copy stands for one message: of two equal messages and one
 * copy, one has no copy. */
static void match_bodies(const GArray *ours, const GArray *there, const uint32_t *uids,
			 size_t count, struct imapc_copy *copy, enum move_copy_known *known)
{
	scoped(uid_set_free) struct uid_set *set = uid_set_new(uids, count);
	guint next = 0;

	for (guint i = 0; i < ours->len; i++) {
		const struct body_facts *body = &g_array_index(ours, struct body_facts, i);
		int order = 1;

		while (next < there->len && order > 0) {
			const struct body_facts *other =
			    &g_array_index(there, struct body_facts, next);

			order = memcmp(body->sha256, other->sha256, sizeof body->sha256);
			next += order >= 0;
		}
		if (order != 0)
			continue;

		const struct uid_row *row = uid_set_find(set, body->uid);

		if (!row)
			continue;
		known[row->index] = MOVE_COPY_SEEN;
		copy->uids[row->index] = g_array_index(there, struct body_facts, next - 1).uid;
	}
}

static bool has_body(const GArray *bodies, uint32_t uid)
{
	for (guint i = 0; i < bodies->len; i++) {
		if (g_array_index(bodies, struct body_facts, i).uid == uid)
			return true;
	}
	return false;
}

static void count_withheld(const GArray *ours, const uint32_t *uids, size_t count,
			   enum move_copy_known *known)
{
	for (size_t i = 0; i < count; i++) {
		if (known[i] == MOVE_COPY_NONE && !has_body(ours, uids[i]))
			known[i] = MOVE_COPY_COUNTED;
	}
}

static int find_by_bytes(struct move *move, const struct move_arrivals *arrivals,
			 const uint32_t *uids, size_t count, bool claimed, struct imapc_copy *copy,
			 enum move_copy_known *known, struct error *err)
{
	struct imapc_session *session = move->session;
	g_autoptr(GArray) ours = g_array_new(FALSE, FALSE, sizeof(struct body_facts));
	g_autoptr(GArray) there = g_array_new(FALSE, FALSE, sizeof(struct body_facts));
	g_autofree char *wire = g_strdup(session->open_wire);
	g_autofree char *name = g_strdup(session->open_name);
	uint32_t uid_validity = session->uid_validity;

	if (digest_bodies(move, uids, count, ours, err) < 0 ||
	    digest_arrivals(move, arrivals, there, err) < 0)
		return -1;
	copy->uid_validity = session->uid_validity;
	memset(copy->uids, 0, count * sizeof *copy->uids);
	match_bodies(ours, there, uids, count, copy, known);
	if (claimed && arrivals->count == count)
		count_withheld(ours, uids, count, known);
	return select_source(move, wire, name, uid_validity, err);
}

/* --- one answer -------------------------------------------------------- */

static bool copyuid_tells(const struct move *move, const struct move_arrivals *arrivals,
			  size_t count, const struct imapc_copy *copy)
{
	for (size_t i = 0; i < count; i++) {
		if (copy->uids[i] == 0 || !move_is_among(move, arrivals, copy->uids[i]))
			return false;
	}
	return copy->uid_validity != 0;
}

/* True if the number of arrivals proves enough. A server without UIDPLUS removes no originals, so a
 * wrong guess loses nothing; where there is no UIDNEXT either, nothing better is to be had. */
static bool number_tells(const struct move *move, const struct move_arrivals *arrivals,
			 size_t count)
{
	return arrivals->count == count &&
	       (!move->target_by_uid || !imapc_has_capability(move->session, "UIDPLUS"));
}

int move_find_copies(struct move *move, const struct move_arrivals *arrivals, const uint32_t *uids,
		     size_t count, bool claimed, struct imapc_copy *copy,
		     enum move_copy_known *ret_known, struct error *err)
{
	memset(ret_known, 0, count * sizeof *ret_known);
	if (count == 0 || arrivals->count == 0)
		return 0;
	if ((arrivals->count >= count && copyuid_tells(move, arrivals, count, copy)) ||
	    (claimed && number_tells(move, arrivals, count))) {
		for (size_t i = 0; i < count; i++)
			ret_known[i] = MOVE_COPY_SEEN;
		return 0;
	}
	if (!move->target_by_uid)
		return 0;
	return find_by_bytes(move, arrivals, uids, count, claimed, copy, ret_known, err);
}
