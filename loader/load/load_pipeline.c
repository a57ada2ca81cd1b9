/*
 * Keeps several batches of a run going: while one is stored by the storer's thread, the next comes
 * from the server; what is stored gathers in `unmoved` and moves in large sets while there is
 * enough to store. All of IMAP happens on this thread, all of SQLite on the other, unless
 * load_hold() stops that one.
 */
#include "loader/load/load_internal.h"

#include "loader/base/clock.h"
#include "loader/source/search.h"
#include "queue/queue_health.h"
#include "queue/work_queue.h"

#include <glib.h>
#include <inttypes.h>

/*
 * How many messages move at once. A server rewrites its index for every move: with 100,000 messages
 * in the folder Dovecot takes 19 s for sets of 1,000 and 4.8 s for one set, in a run of 26 s. But a
 * command has a deadline (timeout=), and a move that misses it has to be proved by the next run. So
 * sets begin at 1,000, grow fourfold while one takes less than 1/30 of that time, and shrink when
 * one takes more than 1/10: of 60 s, 2 s and 6 s.
 */
enum { LOAD_MOVE_MIN = 1000, LOAD_MOVE_MAX = 16000, LOAD_MOVE_QUICK = 30, LOAD_MOVE_SLOW = 10 };

/* --- storing ----------------------------------------------------------- */

static void load_tell_stored(const struct load *load, const GArray *rows)
{
	if (load->options->stored == NULL)
		return;
	for (guint i = 0; i < rows->len; i++) {
		const struct pickup *row = load_pickup_at(rows, i);
		const struct load_stored stored = {.uid = row->uid,
						   .entry_id = row->entry_id,
						   .size_bytes = row->raw_size,
						   .bad = row->target == PICKUP_BADMAIL};
		load->options->stored(&stored, load->options->context);
	}
}

/* Takes what became of a batch. */
static int load_collect(struct load *load, const struct load_batch *batch, struct error *err)
{
	load_take_position(load, batch, NULL, 0);
	if (batch->failed != 0) {
		load_moved_hand_over(batch->moved, load->moved);
		*err = batch->err;
		return -1;
	}
	g_ptr_array_set_size(batch->moved, 0);
	load->result->loaded += batch->stored.loaded;
	load->result->bad += batch->stored.bad;
	load->result->skipped += batch->stored.skipped;
	load->result->refused += batch->stored.refused;
	load->result->finished += batch->stored.finished;
	load->result->size_bytes += batch->stored.size_bytes;
	load->result->not_collected -= (int64_t)batch->rows->len;
	g_array_append_vals(load->unmoved, batch->rows->data, batch->rows->len);
	load_tell_stored(load, batch->rows);
	return 0;
}

/* --- moving ------------------------------------------------------------ */

/* How many to move at once from now on, after a move took so long. */
static size_t load_move_next_max(const struct load *load, int64_t duration_ms)
{
	int64_t timeout_ms = (int64_t)load->mailbox->server->timeout_s * 1000;
	if (!imapc_has_capability(load->mailbox->session, "MOVE"))
		return LOAD_MOVE_MIN; /* finding lost copies again costs a search for each */
	if (duration_ms < timeout_ms / LOAD_MOVE_QUICK)
		return MIN(4 * load->move_max, (size_t)LOAD_MOVE_MAX);
	if (duration_ms > timeout_ms / LOAD_MOVE_SLOW)
		return MAX(load->move_max / 2, (size_t)LOAD_MOVE_MIN);
	return load->move_max;
}

/* After a failure this run moves nothing more: the connection may be lost, or the folder full. The
 * next run finds the rows in the ledger. */
static int load_move_set(struct load *load, struct error *err)
{
	int64_t began_ms = clock_monotonic_ms();
	guint count = (guint)MIN((size_t)load->unmoved->len, load->move_max);
	g_autoptr(GArray) set = g_array_new(FALSE, FALSE, sizeof(struct pickup));
	g_array_append_vals(set, load->unmoved->data, count);
	g_array_remove_range(load->unmoved, 0, count);
	if (load_move(load, set, err) != 0) {
		g_array_set_size(load->unmoved, 0);
		return -1;
	}
	load->move_max = load_move_next_max(load, clock_monotonic_ms() - began_ms);
	return 0;
}

static int load_move_unmoved(struct load *load, struct error *err)
{
	while (load->unmoved->len > 0) {
		if (load_move_set(load, err) != 0)
			return -1;
	}
	return 0;
}

/* What the run has done becomes a row of its own. */
static int load_note_action(struct load *load, const char *message, struct error *err)
{
	const struct load_result *result = load->result;
	const struct run run = {.queue_id = load->queue->id,
				.began_ms = result->began_ms,
				.ended_ms = clock_now_ms(),
				.loaded = result->loaded,
				.moved = result->finished + result->moved,
				.bad = result->bad};
	if (run_note(load->store, &run, err) != 0 ||
	    work_queue_note_action(load->store, load->queue->id, message, result->not_collected,
				   run.ended_ms, err) != 0)
		return -1;
	return 0;
}

/* Tells the ledger what has moved, in one transaction; the storer must be idle. `message` is for
 * the queue's row after a run that went well, or NULL. */
static int load_settle(struct load *load, const char *message, struct error *err)
{
	if (load->moved->len == 0 && message == NULL)
		return 0;
	if (store_begin(load->store, err) != 0)
		return -1;
	int failed = load_moved_store(load, load->moved, err);
	if (failed == 0 && message != NULL && load_note_action(load, message, err) != 0)
		failed = -1;
	if (failed == 0 && store_commit(load->store, err) != 0)
		failed = -1;
	if (failed != 0)
		store_rollback(load->store);
	else
		g_ptr_array_set_size(load->moved, 0);
	return failed;
}

/* Towards the end of the mailbox sets are smaller: while the last one moves, there is nothing left
 * to store beside it. */
static bool load_has_set(const struct load *load)
{
	return load->unmoved->len >= CLAMP(load->left, (size_t)LOAD_MOVE_MIN, load->move_max);
}

/* --- the pipeline ------------------------------------------------------ */

static bool load_is_large(const struct load *load, const struct imapc_size *sizes, size_t count)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += sizes[i].size_bytes;
	return bytes > load_memory_max(load);
}

static int load_open(struct load *load, struct load_batch *batch, struct error *err)
{
	if (batch->items != NULL)
		return 0;
	return load_batch_open(load, batch >= &load->batches[LOAD_BATCH_LARGE], batch, err);
}

/* Waits until the batch is through, and moves stored messages meanwhile. */
static int load_get_back(struct load *load, const struct load_batch *batch, struct error *err)
{
	while (load_storer_has(load, batch)) {
		if (load_has_set(load)) {
			if (load_move_set(load, err) != 0)
				return -1;
		} else if (load_collect(load, load_storer_take(load, true), err) != 0) {
			return -1;
		}
	}
	return 0;
}

/* The next batch that is free, opened. Suspects take the large ones, on disk, as their size may not
 * be known. */
static int load_next_batch(struct load *load, bool large, struct load_batch **ret_batch,
			   struct error *err)
{
	unsigned *turn = large ? &load->large_turn : &load->turn;
	struct load_batch *batch = &load->batches[(large ? LOAD_BATCH_LARGE : 0) + *turn];
	*turn = (*turn + 1) % (large ? LOAD_BATCHES - LOAD_BATCH_LARGE : LOAD_BATCH_LARGE);
	if (load_get_back(load, batch, err) != 0 || load_open(load, batch, err) != 0)
		return -1;
	*ret_batch = batch;
	return 0;
}

static int load_move_if_enough(struct load *load, struct error *err)
{
	return load_has_set(load) ? load_move_set(load, err) : 0;
}

/* Empty batches are dropped; batches that are through are collected on the way. */
static int load_put(struct load *load, struct load_batch *batch, struct error *err)
{
	if (batch->items->len > 0) {
		load_moved_hand_over(load->moved, batch->moved);
		if (load_storer_put(load, batch, err) != 0)
			return -1;
	}
	while ((batch = load_storer_take(load, false)) != NULL) {
		if (load_collect(load, batch, err) != 0)
			return -1;
	}
	return load_move_if_enough(load, err);
}

int load_push(struct load *load, const struct imapc_size *sizes, size_t count, struct error *err)
{
	struct load_batch *batch;
	bool large = load->suspecting || load_is_large(load, sizes, count);
	load->left -= MIN(load->left, count);
	if (load_next_batch(load, large, &batch, err) != 0)
		return -1;
	load_take_position(load, batch, sizes, count);
	int failed = load_batch_bring(load, batch, sizes, count, err);
	load_take_position(load, batch, NULL, 0);
	return failed == 0 ? load_put(load, batch, err) : -1;
}

int load_drain(struct load *load, struct error *err)
{
	struct load_batch *batch;
	while ((batch = load_storer_take(load, true)) != NULL) {
		if (load_collect(load, batch, err) != 0 || load_move_if_enough(load, err) != 0)
			return -1;
	}
	return load_move_unmoved(load, err);
}

char *load_format_items(uint64_t items, uint64_t bad, uint64_t skipped, uint64_t refused)
{
	GString *text = g_string_new(NULL);
	g_string_append_printf(text, "%" PRIu64 " item%s", items, items == 1 ? "" : "s");
	if (bad > 0 && items == bad)
		g_string_append(text, ", bad");
	else if (bad > 0)
		g_string_append_printf(text, ", %" PRIu64 " of them bad", bad);
	if (skipped > 0)
		g_string_append_printf(text, "; %" PRIu64 " skipped by rules", skipped);
	if (refused > 0)
		g_string_append_printf(text, "; %" PRIu64 " refused", refused);
	return g_string_free(text, FALSE);
}

int load_note(struct load *load, struct error *err)
{
	const struct load_result *result = load->result;
	const bool marked = result->unmarked.kind == ERROR_NONE;
	g_autofree char *items =
	    load_format_items(load->options->items_before + result->loaded + result->bad,
			      result->bad, result->skipped, result->refused);
	g_autofree char *message = g_strdup_printf(
	    "OK; %s.%s%s", items, marked ? "" : " Note: ", marked ? "" : result->unmarked.text);
	g_autofree char *unfound =
	    search_describe_unfound(load->mailbox->server->mailbox, load->unfound);
	g_autofree char *warning = g_strdup_printf("%s %s.", message, unfound);
	return load_settle(load, load->unfound > 0 ? warning : message, err);
}

int load_give_up(struct load *load, const struct imapc_size *size, const char *reason,
		 struct error *err)
{
	struct load_batch *batch;
	if (load_next_batch(load, true, &batch, err) != 0)
		return -1;
	struct load_item item = {.uid = size->uid,
				 .announced_size_bytes = size->size_bytes,
				 .internal_date_s = clock_now_ms() / 1000,
				 .not_fetched = true,
				 .suspect = true};
	g_autofree char *refused = g_strdup_printf(
	    "could not be fetched in %d tries: %s; the message is in the bad-mail folder",
	    LOAD_MAX_TRIES, reason);
	g_string_chunk_clear(batch->reasons);
	item.refused = g_string_chunk_insert(batch->reasons, refused);
	g_array_set_size(batch->items, 0);
	g_array_append_val(batch->items, item);
	parser_begin(batch->parser);
	if (load_put(load, batch, err) != 0)
		return -1;
	return load_drain(load, err);
}

void load_open_pipeline(struct load *load)
{
	load->unmoved = g_array_new(FALSE, FALSE, sizeof(struct pickup));
	load->moved = load_moved_list_new();
	load->move_max = LOAD_MOVE_MIN;
	load_storer_open(load);
}

void load_close_pipeline(struct load *load, bool failed)
{
	struct error ignored;
	const struct load_batch *batch;
	/* Batches that were stored before the failure, or in spite of it, count. */
	while ((batch = load_storer_take(load, true)) != NULL)
		load_collect(load, batch, &ignored);
	load_storer_close(load);
	if (failed && imapc_is_alive(load->mailbox->session))
		load_move_unmoved(load, &ignored);
	load_settle(load, NULL, &ignored);
	for (size_t i = 0; i < LOAD_BATCHES; i++)
		load_batch_close(&load->batches[i]);
	g_array_unref(load->unmoved);
	g_ptr_array_unref(load->moved);
}
