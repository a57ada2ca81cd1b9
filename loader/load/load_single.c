/*
 * Loads one message at a time with the parts of a run: load_fetch.c brings it into a batch of its
 * own, on disk, and load_store.c makes its entry. There is no second thread, and nothing is moved.
 */
#include "loader/load/load_single.h"

#include "loader/load/load_internal.h"

#include <string.h>

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
