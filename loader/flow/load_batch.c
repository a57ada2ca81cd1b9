#include "loader/flow/load_internal.h"

#include "loader/base/clock.h"
#include "loader/base/scoped.h"
#include "loader/flow/spool.h"
#include "queue/pickup_attempt.h"

#include <nettle/sha2.h>

enum { LOAD_OUTPUT_FACTOR = 16 };

static int load_compare_items(const void *left, const void *right)
{
	uint32_t first = ((const struct load_item *)left)->uid;
	uint32_t second = ((const struct load_item *)right)->uid;
	return (first > second) - (first < second);
}

/*
 * What is decoded is seldom larger than the raw bytes. Text may grow threefold when it becomes
 * UTF-8, and HTML that is nothing but rules fivefold when it becomes text, beside the HTML itself.
 */
static uint64_t load_output_max(const struct load *load, bool on_disk)
{
	uint64_t raw_max = load_memory_max(load);
	if (on_disk)
		raw_max = MAX(raw_max, load->mailbox->server->max_size_bytes);
	return raw_max > UINT64_MAX / LOAD_OUTPUT_FACTOR ? 0 : raw_max * LOAD_OUTPUT_FACTOR;
}

static struct mime_options load_mime_options(const struct connection_string *server)
{
	return (struct mime_options){.attach_html = server->attach_html,
				     .max_header_size = server->max_header_bytes,
				     .max_headers = server->max_fields,
				     .max_parts = server->max_parts,
				     .max_depth = server->max_depth,
				     .max_boundary = server->max_boundary_bytes};
}

int load_batch_open(const struct load *load, bool on_disk, struct load_batch *batch,
		    struct error *err)
{
	g_autofree char *folder = g_path_get_dirname(load->options->database);
	const struct mime_options options = load_mime_options(load->mailbox->server);
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

void load_batch_empty(const struct load_batch *batch)
{
	/* What fails here fails again, and is said, when the files are used next. */
	struct error ignored;
	spool_clear(batch->spool, &ignored);
	spool_clear(batch->output, &ignored);
}

void load_batch_forget_stored(struct load_batch *batch)
{
	batch->stored = (struct load_result){0};
	g_array_set_size(batch->rows, 0);
}

/*
 * Looks at what was asked for and did not come. Gone messages are nobody's fault; one that is still
 * there stays for the next run and is said at the end of this one.
 */
static int load_account_for(struct load *load, const struct imapc_size *sizes, size_t count,
			    const GArray *items, struct error *err)
{
	if (items->len == count)
		return 0;
	g_autofree uint32_t *missing = g_new(uint32_t, count);
	size_t missing_count = 0;
	for (size_t i = 0, next = 0; i < count; i++) {
		if (next < items->len &&
		    g_array_index(items, struct load_item, next).uid == sizes[i].uid)
			next++;
		else
			missing[missing_count++] = sizes[i].uid;
	}
	g_autofree uint32_t *present = NULL;
	size_t present_count;
	if (imapc_search_present(load->mailbox->session, missing, missing_count, &present,
				 &present_count, err) != 0)
		return -1;
	load->result->not_collected -= (int64_t)(missing_count - present_count);
	if (load->withheld == 0 && present_count > 0)
		load->withheld_uid = present[0];
	load->withheld += present_count;
	return 0;
}

/*
 * A body of no bytes for a message that has some: the server has answered NIL, which means that it
 * cannot get at the message. It counts as not sent.
 */
static void load_drop_withheld(GArray *items, const struct imapc_size *sizes, size_t count)
{
	guint kept = 0;
	for (guint i = 0, next = 0; i < items->len; i++) {
		const struct load_item *item = &g_array_index(items, struct load_item, i);
		while (next < count && sizes[next].uid < item->uid)
			next++;
		bool withheld = item->size_bytes == 0 && next < count &&
				sizes[next].uid == item->uid && sizes[next].size_bytes > 0;
		if (!withheld)
			g_array_index(items, struct load_item, kept++) = *item;
	}
	g_array_set_size(items, kept);
}

/* Is this failure perhaps the fault of a message, which will fail the same way again? */
static bool load_may_be_a_messages_fault(const struct error *err)
{
	return err->kind == ERROR_PROTOCOL || err->kind == ERROR_UNREACHABLE ||
	       err->kind == ERROR_DATA || err->kind == ERROR_SOFTWARE;
}

/* Remembers what had not arrived when the fetch failed, so that the next run gets past it. */
static void load_note_suspects(struct load *load, const struct imapc_size *sizes, size_t count,
			       const GArray *items, const struct error *failure)
{
	g_autofree uint32_t *uids = g_new(uint32_t, count);
	size_t missing = 0;
	for (size_t i = 0; i < count; i++) {
		bool arrived = false;
		for (guint j = 0; j < items->len && !arrived; j++)
			arrived = g_array_index(items, struct load_item, j).uid == sizes[i].uid;
		if (!arrived)
			uids[missing++] = sizes[i].uid;
	}
	/* If this fails too, the run's own failure is what is to be said. */
	struct queue_error ignored;
	if (missing == 0)
		return;
	load_hold(load);
	pickup_attempt_add(load->store, &load->source, uids, missing, failure->text, clock_now_ms(),
			   &ignored);
	load_go_on(load);
}

void load_take_position(const struct load *load, const struct load_batch *batch,
			const struct imapc_size *sizes, size_t count)
{
	struct load_position *position = load->options->position;
	size_t slot = (size_t)(batch - load->batches);
	if (position == NULL)
		return;
	position->uid_validity = load->source.uid_validity;
	g_strlcpy(position->source, load->source.source, sizeof position->source);
	for (size_t i = 0; i < count; i++)
		position->batches[slot].uids[i] = sizes[i].uid;
	position->batches[slot].count = (uint32_t)count;
}

void load_take_position_to_store(const struct load *load, const struct load_batch *batch)
{
	struct load_position *position = load->options->position;
	size_t slot = (size_t)(batch - load->batches);
	if (position == NULL)
		return;
	for (guint i = 0; i < batch->items->len; i++)
		position->batches[slot].uids[i] =
		    g_array_index(batch->items, struct load_item, i).uid;
	position->batches[slot].count = batch->items->len;
}

static int load_batch_begin(struct load_batch *batch, struct error *err)
{
	g_array_set_size(batch->items, 0);
	g_string_chunk_clear(batch->reasons);
	batch->spool_end = 0;
	return spool_clear(batch->spool, err) != 0 || spool_clear(batch->output, err) != 0 ? -1 : 0;
}

int load_batch_bring(struct load *load, struct load_batch *batch, const struct imapc_size *sizes,
		     size_t count, struct error *err)
{
	if (load_batch_begin(batch, err) != 0)
		return -1;
	parser_begin(batch->parser);
	if (load_fetch(load, batch, sizes, count, err) != 0) {
		if (load_may_be_a_messages_fault(err))
			load_note_suspects(load, sizes, count, batch->items, err);
		return error_prefix(err, "fetch UID %u to %u", sizes[0].uid, sizes[count - 1].uid);
	}
	g_array_sort(batch->items, load_compare_items);
	load_drop_withheld(batch->items, sizes, count);
	return load_account_for(load, sizes, count, batch->items, err);
}
