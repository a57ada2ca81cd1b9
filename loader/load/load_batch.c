/*
 * A batch: the messages of one fetch, their two files and their parser. Brings a set of messages
 * into it and accounts for each one: it has come, it is gone, or the server does not send it. A
 * server may say OK and send less than was asked for, so its OK decides nothing.
 */
#include "loader/load/load_internal.h"

#include "loader/make/make_entry.h"
#include "loader/parse/spool.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <nettle/sha2.h>

static int load_compare_items(const void *left, const void *right)
{
	uint32_t first = ((const struct load_item *)left)->uid;
	uint32_t second = ((const struct load_item *)right)->uid;
	return (first > second) - (first < second);
}

static uint64_t load_output_max(const struct load *load, bool on_disk)
{
	uint64_t raw_max = load_memory_max(load);
	if (on_disk)
		raw_max = MAX(raw_max, load->mailbox->server->max_size_bytes);
	return make_output_max(raw_max);
}

int load_batch_open(const struct load *load, bool on_disk, struct load_batch *batch,
		    struct error *err)
{
	g_autofree char *folder = spool_folder_of(load->options->database);
	const struct mime_options options = make_options(load->mailbox->server);
	*batch = (struct load_batch){.on_disk = on_disk, .spool = -1, .output = -1};
	batch->items = g_array_new(FALSE, FALSE, sizeof(struct load_item));
	batch->moved = load_moved_list_new();
	batch->rows = g_array_new(FALSE, FALSE, sizeof(struct pickup));
	batch->reasons = g_string_chunk_new(256);
	if (on_disk && (spool_open(folder, &batch->spool, err) != 0 ||
			spool_open(folder, &batch->output, err) != 0))
		return -1;
	if (!on_disk && (spool_open_in_memory(&batch->spool, err) != 0 ||
			 spool_open_in_memory(&batch->output, err) != 0))
		return -1;
	batch->parser = parser_new(&options, batch->spool, batch->output);
	parser_set_output_max(batch->parser, load_output_max(load, on_disk));
	return 0;
}

void load_batch_close(struct load_batch *batch)
{
	/* Never opened. */
	if (batch->items == NULL)
		return;
	parser_stop(batch->parser);
	descriptor_close_scoped(&batch->spool);
	descriptor_close_scoped(&batch->output);
	g_array_unref(batch->items);
	g_array_unref(batch->rows);
	g_ptr_array_unref(batch->moved);
	g_string_chunk_free(batch->reasons);
}

/* A message that was not hashed on its way lies whole in the spool. */
static int load_item_hash(const struct load_batch *batch, struct load_item *item, struct error *err)
{
	struct sha256_ctx hash;
	sha256_init(&hash);
	if (spool_hash(batch->spool, item->offset, item->spooled_bytes, &hash, err) != 0)
		return -1;
	sha256_digest(&hash, sizeof item->raw_sha256, item->raw_sha256);
	item->hashed = true;
	return 0;
}

int load_batch_hash(struct load_batch *batch, struct error *err)
{
	for (guint i = 0; i < batch->items->len; i++) {
		struct load_item *item = &g_array_index(batch->items, struct load_item, i);
		if (!item->hashed && !item->not_fetched && load_item_hash(batch, item, err) != 0)
			return -1;
	}
	return 0;
}

void load_batch_forget_stored(struct load_batch *batch)
{
	batch->stored = (struct load_result){0};
	g_array_set_size(batch->rows, 0);
}

/* --- what was asked for ------------------------------------------------ */

static bool load_has_arrived(const GArray *items, guint first, uint32_t uid)
{
	for (guint i = first; i < items->len; i++) {
		if (g_array_index(items, struct load_item, i).uid == uid)
			return true;
	}
	return false;
}

/* Takes out what has arrived of them, and returns how many are left. */
static size_t load_leave_missing(struct imapc_size *sizes, size_t count, void *batch)
{
	const GArray *items = ((const struct load_batch *)batch)->items;
	size_t left = 0;
	for (size_t i = 0; i < count; i++) {
		if (!load_has_arrived(items, 0, sizes[i].uid))
			sizes[left++] = sizes[i];
	}
	return left;
}

/* Takes out the items from `first` on that are in `empty`, which is in their order. */
static void load_drop_items(GArray *items, guint first, const GArray *empty)
{
	guint kept = first;
	for (guint i = first, next = 0; i < items->len; i++) {
		const struct load_item *item = &g_array_index(items, struct load_item, i);
		if (next < empty->len &&
		    g_array_index(empty, struct imapc_size, next).uid == item->uid)
			next++;
		else
			g_array_index(items, struct load_item, kept++) = *item;
	}
	g_array_set_size(items, kept);
}

static GArray *load_list_empty(const GArray *items, guint first)
{
	GArray *empty = g_array_new(FALSE, FALSE, sizeof(struct imapc_size));
	for (guint i = first; i < items->len; i++) {
		const struct load_item *item = &g_array_index(items, struct load_item, i);
		const struct imapc_size size = {.uid = item->uid};
		if (item->size_bytes == 0)
			g_array_append_val(empty, size);
	}
	return empty;
}

/*
 * A server that cannot get at a message may send a body without bytes (NIL, "" or {0}). Where the
 * message's size is not 0, or is not told, such a body counts as not sent.
 */
static int load_drop_withheld(struct load *load, GArray *items, guint first, struct error *err)
{
	g_autoptr(GArray) empty = load_list_empty(items, first);
	struct imapc_size *sizes = (struct imapc_size *)(void *)empty->data;
	guint withheld = 0;
	if (empty->len == 0)
		return 0;
	int failed = imapc_fetch_sizes(load->mailbox->session, sizes, empty->len, err);
	for (guint i = 0; i < empty->len; i++) {
		if (failed != 0 || sizes[i].size_bytes > 0)
			sizes[withheld++] = sizes[i];
	}
	g_array_set_size(empty, withheld);
	load_drop_items(items, first, empty);
	return failed;
}

static void load_note_withheld(struct load *load, const struct imapc_size *sizes, size_t count,
			       uint32_t uid)
{
	struct error failure;
	uint64_t size_bytes = 0;
	for (size_t i = 0; i < count; i++) {
		if (sizes[i].uid == uid)
			size_bytes = sizes[i].size_bytes;
	}
	if (size_bytes > 0)
		error_fill(&failure, ERROR_PROTOCOL,
			   "the server sends no body, though it says that the message has %" PRIu64
			   " bytes",
			   size_bytes);
	else
		error_fill(&failure, ERROR_PROTOCOL, "the server sends no body");
	load_unsent_add(load, uid, &failure);
}

/*
 * Messages that were asked for and did not come, although the server has said OK: those that left
 * the mailbox meanwhile are not missed; those that are still there were not sent.
 */
static int load_account_for(struct load *load, const struct imapc_size *sizes, size_t count,
			    const GArray *items, guint first, struct error *err)
{
	if (items->len - first == count)
		return 0;
	g_autofree uint32_t *missing = g_new(uint32_t, count);
	size_t missing_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (!load_has_arrived(items, first, sizes[i].uid))
			missing[missing_count++] = sizes[i].uid;
	}
	g_autofree uint32_t *present = NULL;
	size_t present_count;
	if (imapc_search_present(load->mailbox->session, missing, missing_count, &present,
				 &present_count, err) != 0)
		return -1;
	load->result->not_collected -= (int64_t)(missing_count - present_count);
	for (size_t i = 0; i < present_count; i++)
		load_note_withheld(load, sizes, count, present[i]);
	return 0;
}

/* Also after a failure what has come by then is kept, so it is looked at. */
static int load_batch_ask(struct load *load, struct imapc_size *sizes, size_t count, void *context,
			  struct error *err)
{
	struct load_batch *batch = context;
	guint first = batch->items->len;
	int failed = load_fetch(load, batch, sizes, count, err);
	struct error ignored;
	if (load_drop_withheld(load, batch->items, first, failed != 0 ? &ignored : err) != 0)
		failed = -1;
	if (failed == 0)
		failed = load_account_for(load, sizes, count, batch->items, first, err);
	if (batch->items->len > first)
		load_unsent_confirm(load);
	return failed;
}

static void load_batch_in_vain(struct load *load, struct imapc_size *size,
			       const struct error *failure, void *context)
{
	(void)context;
	load_unsent_add(load, size->uid, failure);
}

/* Once the memory is full, fewer messages would not fit either. The next run asks for these one by
 * one, and has room for each on disk. */
static bool load_batch_is_final(const struct error *failure, const void *context)
{
	(void)failure;
	return ((const struct load_batch *)context)->overrun;
}

int load_batch_begin(struct load_batch *batch, struct error *err)
{
	g_array_set_size(batch->items, 0);
	g_string_chunk_clear(batch->reasons);
	batch->spool_end = 0;
	batch->overrun = false;
	return spool_clear(batch->spool, err) != 0 || spool_clear(batch->output, err) != 0 ? -1 : 0;
}

int load_batch_bring(struct load *load, struct load_batch *batch, const struct imapc_size *sizes,
		     size_t count, struct error *err)
{
	if (load_batch_begin(batch, err) != 0)
		return -1;
	if (load->suspecting)
		parser_begin_suspect(batch->parser);
	else
		parser_begin(batch->parser);
	g_autofree struct imapc_size *asked = g_memdup2(sizes, count * sizeof *sizes);
	const struct load_question question = {.ask = load_batch_ask,
					       .leave = load_leave_missing,
					       .in_vain = load_batch_in_vain,
					       .is_final = load_batch_is_final,
					       .context = batch,
					       .in_vain_run = &load->in_vain};
	if (load_divide(load, asked, count, &question, err) != 0)
		return error_prefix(err, "fetch UID %u to %u", sizes[0].uid, sizes[count - 1].uid);
	g_array_sort(batch->items, load_compare_items);
	return 0;
}
