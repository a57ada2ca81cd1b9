#include "loader/flow/load_internal.h"

#include "loader/base/clock.h"
#include "loader/base/scoped.h"
#include "loader/flow/from_queue.h"
#include "loader/flow/spool.h"
#include "queue/entry.h"

#include <nettle/sha2.h>
#include <string.h>

/* Beyond this a message comes alone, in ranges. */
static const uint64_t large_message_bytes = UINT64_C(8) * 1024 * 1024;

SCOPED_DEFINE(struct mime_message *, mime_message_free)
SCOPED_DEFINE(GArray *, g_array_unref)

struct load_fetch {
	struct load *load;
	GArray *items;	       /* struct load_item, complete ones */
	struct load_item item; /* the one that is arriving */
	struct sha256_ctx hash;
	uint64_t announced_size_bytes; /* of a message fetched alone */
	bool header_only;
};

static uint64_t load_max_size(const struct load *load)
{
	return load->mailbox->server->max_size_bytes;
}

static int load_fetch_begin(void *context, struct error *err)
{
	struct load_fetch *fetch = context;
	(void)err;
	fetch->item =
	    (struct load_item){.offset = fetch->load->spool_end, .too_large = fetch->header_only};
	sha256_init(&fetch->hash);
	return 0;
}

/* A message that turns out larger than it may be is still read to its end, but only its header is
 * kept. */
static size_t load_fetch_keep(struct load_fetch *fetch, size_t size)
{
	struct load_item *item = &fetch->item;
	uint64_t max_header = mime_options_default().max_header_size;
	if (!item->too_large && item->size_bytes + size > load_max_size(fetch->load)) {
		item->too_large = true;
		if (item->spooled_bytes > max_header)
			item->spooled_bytes = max_header;
	}
	if (!item->too_large)
		return size;
	if (item->spooled_bytes >= max_header)
		return 0;
	return MIN(size, (size_t)(max_header - item->spooled_bytes));
}

static int load_fetch_write(void *context, const void *bytes, size_t size, struct error *err)
{
	struct load_fetch *fetch = context;
	struct load_item *item = &fetch->item;
	size_t kept = load_fetch_keep(fetch, size);
	sha256_update(&fetch->hash, size, bytes);
	if (kept > 0 && spool_write(fetch->load->spool, item->offset + item->spooled_bytes, bytes,
				    kept, err) != 0)
		return -1;
	item->spooled_bytes += kept;
	item->size_bytes += size;
	fetch->load->progress.size_bytes += size;
	load_tell(fetch->load);
	return 0;
}

static int load_fetch_end(void *context, uint32_t uid, int64_t internal_date_s, struct error *err)
{
	struct load_fetch *fetch = context;
	struct load *load = fetch->load;
	struct load_item *item = &fetch->item;
	if (uid == 0)
		return 0;
	item->uid = uid;
	item->internal_date_s = internal_date_s;
	sha256_digest(&fetch->hash, sizeof item->raw_sha256, item->raw_sha256);
	if (parser_submit(load->parser, item->offset, item->spooled_bytes, item->too_large,
			  &item->parser_index, err) != 0)
		return -1;
	load->spool_end += item->spooled_bytes;
	g_array_append_val(fetch->items, *item);
	load->progress.done++;
	return 0;
}

/* A message by itself: large ones in ranges, too large ones as their header. */
static int load_fetch_alone(struct load_fetch *fetch, const struct imapc_size *size,
			    const struct imapc_sink *sink, struct error *err)
{
	struct imapc_session *session = fetch->load->mailbox->session;
	bool found = false;
	guint before = fetch->items->len;
	fetch->header_only = size->size_bytes > load_max_size(fetch->load);
	int failed = fetch->header_only ? imapc_fetch_header(session, size->uid,
							     mime_options_default().max_header_size,
							     sink, &found, err)
					: imapc_fetch_large(session, size->uid, sink, &found, err);
	fetch->header_only = false;
	if (failed != 0)
		return -1;
	if (fetch->items->len > before)
		g_array_index(fetch->items, struct load_item, before).announced_size_bytes =
		    size->size_bytes;
	return 0;
}

static int load_fetch_batch(struct load_fetch *fetch, const struct imapc_size *sizes, size_t count,
			    struct error *err)
{
	const struct imapc_sink sink = {.begin = load_fetch_begin,
					.write = load_fetch_write,
					.end = load_fetch_end,
					.context = fetch};
	g_autofree uint32_t *together = g_new(uint32_t, count);
	size_t together_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (sizes[i].size_bytes <= MIN(large_message_bytes, load_max_size(fetch->load)))
			together[together_count++] = sizes[i].uid;
		else if (load_fetch_alone(fetch, &sizes[i], &sink, err) != 0)
			return -1;
	}
	if (together_count == 0)
		return 0;
	return imapc_fetch_messages(fetch->load->mailbox->session, together, together_count, &sink,
				    err);
}

/* Why a message cannot be loaded, or NULL. */
static char *load_item_failure(const struct load *load, const struct load_item *item,
			       const char *parser_failure)
{
	if (item->too_large)
		return g_strdup_printf(
		    "message too large: %llu bytes, at most %llu are loaded (maxSize); its header "
		    "was kept",
		    (unsigned long long)MAX(item->size_bytes, item->announced_size_bytes),
		    (unsigned long long)load_max_size(load));
	return g_strdup(parser_failure);
}

static struct entry_content load_content(int descriptor, const struct mime_content *content)
{
	struct entry_content stored = {.present = content->present,
				       .fd = descriptor,
				       .offset = content->offset,
				       .size_bytes = content->size};
	memcpy(stored.sha256, content->sha256, sizeof stored.sha256);
	return stored;
}

/* The entry borrows everything from the message and the item. */
static struct entry load_entry(const struct load *load, const struct load_item *item,
			       const struct mime_message *message, char *failure)
{
	struct entry entry = {
	    .queue_id = load->queue->id,
	    .state = failure != NULL ? ENTRY_BAD : ENTRY_NEW,
	    .error_kind = failure != NULL ? (char *)"load" : NULL,
	    .error_text = failure,
	    .subject = message->subject,
	    .sender = message->sender,
	    .recipient = message->recipient,
	    .cc = message->cc,
	    .bcc = message->bcc,
	    .reply_to = message->reply_to,
	    .message_id = message->message_id,
	    .in_reply_to = message->in_reply_to,
	    .thread_references = message->thread_references,
	    .date_sent_s = message->has_date_sent ? message->date_sent : item->internal_date_s,
	    .date_received_s = item->internal_date_s,
	    .headers = message->headers,
	    .defects = message->defects,
	    .raw_size = MAX(item->size_bytes, item->announced_size_bytes),
	};
	entry.raw_incomplete = item->too_large && item->announced_size_bytes != 0;
	memcpy(entry.raw_sha256, item->raw_sha256, sizeof entry.raw_sha256);
	return entry;
}

static struct entry_attachment *load_attachments(const struct mime_message *message)
{
	struct entry_attachment *rows = g_new0(struct entry_attachment, message->attachment_count);
	for (size_t i = 0; i < message->attachment_count; i++) {
		const struct mime_attachment *from = &message->attachments[i];
		rows[i] = (struct entry_attachment){.file_name = from->file_name,
						    .declared_name = from->declared_name,
						    .content_type = from->content_type,
						    .disposition = from->disposition,
						    .content_id = from->content_id,
						    .size_bytes = from->content.size};
		memcpy(rows[i].sha256, from->content.sha256, sizeof rows[i].sha256);
	}
	return rows;
}

static int load_put_entry(struct load *load, const struct load_item *item,
			  const struct mime_message *message, struct entry *entry, int64_t *ret_id,
			  struct error *err)
{
	int output = parser_output(load->parser);
	g_autofree struct entry_attachment *rows = load_attachments(message);
	g_autofree struct entry_content *bytes =
	    g_new0(struct entry_content, message->attachment_count);
	for (size_t i = 0; i < message->attachment_count; i++)
		bytes[i] = load_content(output, &message->attachments[i].content);
	entry->attachments = rows;
	entry->attachment_count = message->attachment_count;

	bool keep_raw = load->mailbox->server->keep_raw || entry->state == ENTRY_BAD;
	struct entry_contents contents = {
	    .message_body = load_content(output, &message->text_body),
	    .html_body = load_content(output, &message->html_body),
	    .raw = {.present = keep_raw && !item->too_large,
		    .fd = load->spool,
		    .offset = item->offset,
		    .size_bytes = item->size_bytes},
	    .attachments = bytes,
	};
	memcpy(contents.raw.sha256, item->raw_sha256, sizeof contents.raw.sha256);
	struct queue_error queue_err;
	if (entry_put(load->store, entry, &contents, clock_now_ms(), ret_id, &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	return 0;
}

/* A message that this queue has picked up before, when the server numbered its mail otherwise. */
static int load_match_earlier(struct load *load, const struct load_item *item,
			      struct pickup *ret_pickup, bool *ret_found, struct error *err)
{
	struct queue_error queue_err;
	*ret_found = pickup_match(load->store, &load->source, item->raw_sha256, item->size_bytes,
				  item->internal_date_s, ret_pickup, &queue_err) == 0;
	if (!*ret_found && queue_err.status != QUEUE_MISSING)
		return error_from_queue(err, &queue_err);
	return 0;
}

static int load_store_new(struct load *load, const struct load_item *item, struct pickup *pickup,
			  struct error *err)
{
	scoped(mime_message_free) struct mime_message *message = NULL;
	const char *parser_failure = NULL;
	if (parser_read(load->parser, item->parser_index, &message, &parser_failure, err) != 0)
		return -1;
	g_autofree char *failure = load_item_failure(load, item, parser_failure);
	struct entry entry = load_entry(load, item, message, failure);
	if (load_put_entry(load, item, message, &entry, &pickup->entry_id, err) != 0)
		return -1;
	pickup->target = failure != NULL ? PICKUP_BADMAIL : PICKUP_DROPBOX;
	if (failure != NULL)
		load->result->bad++;
	else
		load->result->loaded++;
	load->result->size_bytes += item->size_bytes;
	return 0;
}

/* Fills in the ledger's row for the message, and stores its entry unless an earlier one is there.
 */
static int load_store_item(struct load *load, const struct load_item *item, struct pickup *pickup,
			   struct error *err)
{
	bool found;
	if (load_match_earlier(load, item, pickup, &found, err) != 0 ||
	    (!found && load_store_new(load, item, pickup, err) != 0))
		return -1;
	/* A copy that the ledger knows of is not made again. */
	if (!found || pickup->state != PICKUP_COPIED)
		pickup->state = PICKUP_STORED;
	pickup->uid = item->uid;
	pickup->raw_size = item->size_bytes;
	pickup->internal_date_s = item->internal_date_s;
	memcpy(pickup->raw_sha256, item->raw_sha256, sizeof pickup->raw_sha256);
	struct queue_error queue_err;
	if (pickup_put(load->store, &load->source, pickup, clock_now_ms(), &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	if (!found)
		return 0;
	load->result->finished++;
	if (pickup_retire(load->store, &load->source, pickup, clock_now_ms(), &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	return 0;
}

static int load_store_items(struct load *load, const GArray *items, GArray *rows, struct error *err)
{
	for (guint i = 0; i < items->len; i++) {
		const struct load_item *item = &g_array_index(items, struct load_item, i);
		struct pickup row = {0};
		if (load_store_item(load, item, &row, err) != 0)
			return error_prefix(err, "store UID %u", item->uid);
		g_array_append_val(rows, row);
	}
	return 0;
}

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

/* One transaction; the counts of the run follow the commit. */
static int load_store_batch(struct load *load, const GArray *items, GArray *rows, struct error *err)
{
	struct load_result before = *load->result;
	struct queue_error queue_err;
	if (store_begin(load->store, &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	int failed = load_store_items(load, items, rows, err);
	if (failed == 0 && store_commit(load->store, &queue_err) != 0)
		failed = error_from_queue(err, &queue_err);
	if (failed != 0) {
		store_rollback(load->store);
		*load->result = before;
		return -1;
	}
	load_tell_stored(load, rows);
	return 0;
}

static int load_compare_items(const void *left, const void *right)
{
	uint32_t first = ((const struct load_item *)left)->uid;
	uint32_t second = ((const struct load_item *)right)->uid;
	return (first > second) - (first < second);
}

/*
 * Looks at what was asked for and did not come. Gone messages are nobody's fault; one that is still
 * there stays for the next run and is said at the end of this one.
 */
static int load_account_for(struct load *load, const struct imapc_size *sizes, size_t count,
			    const GArray *items, struct error *err)
{
	load->result->not_collected -= (int64_t)items->len;
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

int load_batch(struct load *load, const struct imapc_size *sizes, size_t count, struct error *err)
{
	scoped(g_array_unref) GArray *items = g_array_new(FALSE, FALSE, sizeof(struct load_item));
	scoped(g_array_unref) GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct pickup));
	struct load_fetch fetch = {.load = load, .items = items};
	load->spool_end = 0;
	if (spool_clear(load->spool, err) != 0 || parser_begin(load->parser, err) != 0)
		return -1;
	if (load_fetch_batch(&fetch, sizes, count, err) != 0)
		return error_prefix(err, "fetch UID %u to %u", sizes[0].uid, sizes[count - 1].uid);
	if (parser_finish(load->parser, err) != 0)
		return -1;
	g_array_sort(items, load_compare_items);
	if (items->len > 0 && load_store_batch(load, items, rows, err) != 0)
		return -1;
	if (load_account_for(load, sizes, count, items, err) != 0)
		return -1;
	return load_move(load, rows, err);
}
