/*
 * Loads one message outside of a run, and so a bad entry again: finds its message in the bad-mail folder, by its UID or its bytes,
 * replaces the entry, and moves the message. Entry and row of the ledger change in one transaction;
 * the move comes after it, so that a reload that ends in between leaves a good entry whose message
 * still has to move.
 */
#include "loader/load/load.h"

#include "loader/base/clock.h"
#include "loader/load/load_internal.h"
#include "loader/parse/parser.h"
#include "loader/parse/spool.h"
#include "loader/source/search.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"
#include "queue/pickup_repair.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- one message, outside of a run ------------------------------------------ */

/*
 * Loads one message at a time with the parts of a run: load_fetch.c brings it into a batch of its
 * own, on disk, and load_store.c makes its entry. There is no second thread, and nothing is moved.
 */

struct load_single {
	struct load load;
	struct load_options options;
	struct load_result result; /* not used, but the parts of a run count into it */
	struct load_batch batch;
};

static void ignore_progress(const struct load_progress *progress, void *context)
{
	(void)progress;
	(void)context;
}

int load_single_open(struct store *store, const struct work_queue *queue, struct mailbox *mailbox,
		     const char *database, struct load_single **ret_single, struct error *err)
{
	scoped(load_single_close) struct load_single *single = g_new0(struct load_single, 1);
	single->options = (struct load_options){.database = database, .progress = ignore_progress};
	single->load = (struct load){.store = store,
				     .queue = queue,
				     .options = &single->options,
				     .mailbox = mailbox,
				     .result = &single->result};
	/* On disk, since the message may be of any size. */
	if (load_batch_open(&single->load, true, &single->batch, err) != 0)
		return -1;
	*ret_single = steal(&single);
	return 0;
}

void load_single_close(struct load_single *single)
{
	if (single == NULL)
		return;
	load_batch_close(&single->batch);
	g_free(single);
}

/* The server may answer for a message without sending it, or with a body of no bytes. */
static bool has_arrived(const struct load_batch *batch, const struct imapc_size *announced)
{
	return batch->items->len > 0 &&
	       (g_array_index(batch->items, struct load_item, 0).size_bytes > 0 ||
		announced->size_bytes == 0);
}

int load_single_fetch(struct load_single *single, const char *folder, uint32_t uid,
		      struct load_single_facts *ret_facts, struct error *err)
{
	struct load *load = &single->load;
	struct load_batch *batch = &single->batch;
	struct imapc_size size = {.uid = uid};
	if (load_batch_begin(batch, err) != 0)
		return -1;
	parser_begin(batch->parser);
	if (imapc_fetch_sizes(load->mailbox->session, &size, 1, err) != 0)
		return -1;
	if (size.size_bytes == UINT64_MAX)
		return error_set(err, ERROR_NO, "UID %u is not in '%s' any more", uid, folder);
	if (load_fetch(load, batch, &size, 1, err) != 0)
		return -1;
	if (!has_arrived(batch, &size))
		return error_set(err, ERROR_PROTOCOL, "the server did not send UID %u of '%s'", uid,
				 folder);
	if (load_batch_hash(batch, err) != 0 || parser_finish(batch->parser, err) != 0)
		return -1;
	const struct load_item *item = &g_array_index(batch->items, struct load_item, 0);
	*ret_facts = (struct load_single_facts){.uid = item->uid,
						.size_bytes = item->size_bytes,
						.internal_date_s = item->internal_date_s};
	memcpy(ret_facts->raw_sha256, item->raw_sha256, sizeof ret_facts->raw_sha256);
	return 0;
}

int load_single_make(struct load_single *single, int64_t internal_date_s, make_put put,
		     void *context, bool *ret_bad, struct error *err)
{
	struct load_item *item = &g_array_index(single->batch.items, struct load_item, 0);
	item->internal_date_s = internal_date_s;
	return load_make_entry(&single->load, &single->batch, item, put, context, ret_bad, err);
}

/* --- a bad entry, again ----------------------------------------------------- */

struct reload {
	struct store *store;
	struct mailbox *mailbox;
	const char *database;
	int64_t entry_id;
	struct pickup_with_entry row;
	char *source; /* its text */
	uint32_t uid; /* in the bad-mail folder */
	char *still;  /* why it still cannot be loaded; NULL where it can */
};

static int reload_take_equal(const struct body_facts *facts, void *context)
{
	struct reload *reload = context;
	if (memcmp(facts->sha256, reload->row.pickup.raw_sha256, BODY_DIGEST_SIZE) == 0)
		reload->uid = facts->uid;
	return 0;
}

/* True if the row tells the UID in the bad-mail folder: the server told it at the move, and the
 * definition has the same folder still, with its UIDVALIDITY. */
static bool reload_knows_uid(const struct reload *reload, uint32_t uid_validity)
{
	const struct pickup *pickup = &reload->row.pickup;
	return pickup->target_uid != 0 && pickup->target_uid_validity == uid_validity &&
	       (pickup->target_folder == 0 ||
		pickup->target_folder == reload->mailbox->numbers[MAILBOX_BADMAIL]);
}

static int reload_find(struct reload *reload, struct error *err)
{
	struct mailbox *mailbox = reload->mailbox;
	const struct pickup *pickup = &reload->row.pickup;
	g_autofree uint32_t *uids = NULL;
	size_t count = 0;
	struct imapc_mailbox selected;
	if (imapc_select(mailbox->session, mailbox->folders[MAILBOX_BADMAIL].wire,
			 mailbox->server->badmail, false, &selected, err) != 0)
		return -1;
	if (reload_knows_uid(reload, selected.uid_validity)) {
		if (imapc_search_present(mailbox->session, &pickup->target_uid, 1, &uids, &count,
					 err) != 0)
			return -1;
		reload->uid = count > 0 ? pickup->target_uid : 0;
	} else if (search_digest_like(mailbox->session, &reload->row, reload_take_equal, reload,
				      err) != 0) {
		return -1;
	}
	if (reload->uid != 0)
		return 0;
	return error_set(err, ERROR_NO, "its message is not in '%s' any more",
			 mailbox->server->badmail);
}

/* The entry is there already, so that no rule is tried on it, and no other entry can keep it away. */
static int reload_replace(const struct reload *reload, const struct entry *entry,
			  const struct entry_contents *contents, struct error *err)
{
	scoped(rules_free) struct rules *rules = NULL;
	g_autofree char *reference = NULL;
	struct entry with_reference = *entry;
	if (rules_open(reload->store, entry->queue_id, &rules, err) != 0 ||
	    rules_find_reference(rules, reload->store, entry, contents, &reference, err) != 0)
		return -1;
	with_reference.reference = reference;
	return entry_replace(reload->store, reload->row.pickup.entry_id, &with_reference, contents,
			     clock_now_ms(), err);
}

static int reload_put(const struct entry *entry, const struct entry_contents *contents,
		      void *context, struct error *err)
{
	struct reload *reload = context;
	struct store *store = reload->store;
	if (store_begin(store, err) != 0)
		return -1;
	if (reload_replace(reload, entry, contents, err) != 0 ||
	    pickup_redirect(store, &reload->row.source, &reload->row.pickup, clock_now_ms(), err) !=
		0) {
		store_rollback(store);
		return -1;
	}
	g_free(reload->still);
	reload->still = g_strdup(entry->error_text);
	return store_commit(store, err) != 0 ? -1 : 0;
}

static int reload_store(struct reload *reload, const struct work_queue *queue, struct error *err)
{
	bool bad;
	struct pickup *pickup = &reload->row.pickup;
	struct load_single_facts facts;
	scoped(load_single_close) struct load_single *single = NULL;
	if (load_single_open(reload->store, queue, reload->mailbox, reload->database, &single,
			     err) != 0 ||
	    load_single_fetch(single, reload->mailbox->server->badmail, reload->uid, &facts, err) !=
		0)
		return -1;
	memcpy(pickup->raw_sha256, facts.raw_sha256, sizeof pickup->raw_sha256);
	pickup->raw_size = facts.size_bytes;
	/* Its date is that of the first arrival, not of the move to the bad-mail folder. */
	if (load_single_make(single, pickup->internal_date_s, reload_put, reload, &bad, err) != 0)
		return -1;
	return bad ? error_set(err, ERROR_DATA, "still cannot be loaded: %s", reload->still) : 0;
}

static int reload_move(struct reload *reload, const struct work_queue *queue, struct error *err)
{
	struct mailbox_place place;
	struct pickup *pickup = &reload->row.pickup;
	/* Nothing goes to the dropbox before the target has answered. */
	if (reload->mailbox->stays || pickup->on_delivery)
		return 0;
	if (mailbox_move(reload->mailbox, reload->store, queue->id, reload->uid, MAILBOX_DROPBOX,
			 &place, err) != 0)
		return -1;
	pickup->state = PICKUP_MOVED;
	pickup->target = PICKUP_DROPBOX;
	pickup->target_folder = place.folder;
	pickup->target_uid_validity = place.uid_validity;
	pickup->target_uid = place.uid;
	return pickup_redirect(reload->store, &reload->row.source, pickup, clock_now_ms(), err);
}

static int reload_read_row(struct reload *reload, struct error *err)
{
	char *source = NULL;
	if (pickup_find_entry(reload->store, reload->entry_id, &reload->row, &source, err) != 0)
		return -1;
	free(reload->source);
	reload->source = source;
	return 0;
}

/* A message that is still in the mailbox is the next run's: two must not move it. */
static int reload_check(const struct reload *reload, struct error *err)
{
	const struct pickup_with_entry *row = &reload->row;
	if (row->pickup.target != PICKUP_BADMAIL ||
	    (row->pickup.on_delivery && row->entry_state != ENTRY_BAD))
		return error_set(err, ERROR_NO, "it is not bad but %s",
				 entry_state_format(row->entry_state));
	if (row->pickup.state == PICKUP_STORED || row->pickup.state == PICKUP_COPIED)
		return error_set(err, ERROR_TEMPORARY,
				 "its message has not been moved to the bad-mail folder yet: run "
				 "`inqueue load` first");
	return 0;
}

static int reload_with_queue(struct reload *reload, const struct work_queue *queue,
			     struct error *err)
{
	scoped(work_queue_unlock) struct work_queue_lock *lock = NULL;
	scoped(mailbox_close) struct mailbox *mailbox = NULL;
	if (work_queue_lock(reload->store, queue->id, &lock, err) != 0)
		return -1;
	parser_allow();
	spool_allow(reload->database);
	if (mailbox_confine(queue, reload->database, err) != 0 ||
	    mailbox_open(queue, reload->database, true, &mailbox, err) != 0 ||
	    mailbox_prepare_targets(mailbox, err) != 0 ||
	    first_use_note(reload->store, queue->id, mailbox, err) != 0)
		return -1;
	reload->mailbox = mailbox;
	/* Only now that no run changes the row any more, and that it names its folder. */
	if (reload_read_row(reload, err) != 0 || reload_check(reload, err) != 0 ||
	    reload_find(reload, err) != 0 ||
	    (reload->row.entry_state == ENTRY_BAD && reload_store(reload, queue, err) != 0))
		return -1;
	return reload_move(reload, queue, err);
}

static int reload_by_row(struct reload *reload, const char *queue_name, struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (reload_read_row(reload, err) != 0 ||
	    work_queue_find(reload->store, queue_name, &queue, err) != 0 ||
	    reload_check(reload, err) != 0)
		return -1;
	return reload_with_queue(reload, queue, err);
}

int reload_entry(struct store *store, int64_t entry_id, const char *database, struct error *err)
{
	scoped(entry_free) struct entry *entry = NULL;
	struct reload reload = {.store = store, .database = database, .entry_id = entry_id};
	if (entry_find(store, entry_id, &entry, err) != 0)
		return -1;
	int failed = reload_by_row(&reload, entry->queue_name, err);
	g_free(reload.still);
	free(reload.source);
	return failed == 0 ? 0 : error_prefix(err, "reload %" PRId64, entry_id);
}
