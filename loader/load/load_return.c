/*
 * Notices mail that comes back, and stops the queue: at once after a move, where the server shows
 * the message under a new UID; otherwise by its bytes, when they have come for the sixth time.
 */
#include "loader/load/load_internal.h"

#include "loader/base/clock.h"
#include "loader/imap/session/session.h"
#include "queue/base/scoped.h"
#include "queue/queue_health.h"

#include <string.h>

struct load_returning {
	const GArray *rows;
	const struct move_return *returns;
	size_t count;
	GArray *back; /* struct pickup, with their new UIDs */
};

static const struct pickup *load_find_row(const GArray *rows, uint32_t uid)
{
	for (guint i = 0; i < rows->len; i++) {
		if (load_pickup_at(rows, i)->uid == uid)
			return load_pickup_at(rows, i);
	}
	return NULL;
}

/* The bytes decide: a new message of somebody else may have got the UID, where the target numbers
 * its messages in the same way. */
static int load_compare_return(const struct body_facts *facts, void *context)
{
	const struct load_returning *returning = context;
	for (size_t i = 0; i < returning->count; i++) {
		if (returning->returns[i].new_uid != facts->uid)
			continue;
		const struct pickup *row =
		    load_find_row(returning->rows, returning->returns[i].uid);
		if (row == NULL || memcmp(row->raw_sha256, facts->sha256, BODY_DIGEST_SIZE) != 0)
			continue;
		struct pickup back = *row;
		back.uid = facts->uid;
		back.state = PICKUP_STORED;
		back.target_folder = 0;
		back.target_uid_validity = 0;
		back.target_uid = 0;
		g_array_append_val(returning->back, back);
	}
	return 0;
}

static int load_put_returns(struct load *load, const GArray *back, struct error *err)
{
	int failed = 0;
	load_hold(load);
	for (guint i = 0; i < back->len && failed == 0; i++) {
		failed = pickup_put(load->store, &load->source, load_pickup_at(back, i),
				    clock_now_ms(), err);
		/* The ledger has it already by this UID. */
		if (failed != 0 && err->reason == REASON_EXISTS)
			failed = 0;
	}
	load_go_on(load);
	return failed == 0 ? 0 : -1;
}

int load_take_returns(struct load *load, const GArray *rows, const struct move *move,
		      struct error *err)
{
	g_autoptr(GArray) back = g_array_new(FALSE, FALSE, sizeof(struct pickup));
	struct load_returning returning = {.rows = rows, .back = back};
	returning.returns = move_returns(move, &returning.count);
	g_autofree uint32_t *uids = g_new(uint32_t, returning.count + 1);
	for (size_t i = 0; i < returning.count; i++)
		uids[i] = returning.returns[i].new_uid;
	if (body_digest(load->mailbox->session, uids, returning.count, 0, load_compare_return,
			&returning, err) != 0 ||
	    load_put_returns(load, back, err) != 0)
		return -1;
	if (back->len == 0)
		return 0;
	load->stops = true;
	return move_say_return(move, returning.returns, err);
}

int load_refuse_return(struct load *load, const struct load_item *item, struct error *err)
{
	uint64_t count;
	struct pickup like = {.uid = item->uid,
			      .raw_size = item->size_bytes,
			      .internal_date_s = item->internal_date_s};
	memcpy(like.raw_sha256, item->raw_sha256, sizeof like.raw_sha256);
	if (item->not_fetched)
		return 0;
	if (pickup_count_returns(load->store, &load->source, &like, &count, err) != 0)
		return -1;
	if (count < LOAD_RETURNS_MAX)
		return 0;
	load->stops = true;
	return error_set(err, ERROR_CONFIGURATION,
			 "the same message has come back to '%s' %d times after it was moved away: "
			 "two of the folders are one, or something puts it back",
			 load->mailbox->server->mailbox, LOAD_RETURNS_MAX);
}

void load_stop(struct load *load, struct error *err)
{
	struct error ignored;
	if (!load->stops)
		return;
	if (queue_health_stop(load->store, load->queue->id, err->text, clock_now_ms(), &ignored) !=
	    0)
		return;
	error_fill(err, err->kind,
		   "collecting is stopped: %s; correct the definition, then `inqueue queue resume "
		   "%s`",
		   err->text, load->queue->name);
}
