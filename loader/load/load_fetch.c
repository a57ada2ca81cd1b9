/*
 * Brings messages into a batch: a sink (session.h) that writes what arrives to the spool, hashes
 * it, and hands each whole message to the parser. Of a message that is larger than maxSize= only
 * the header is kept, whether the server announced that size or not.
 */
#include "loader/load/load_internal.h"

#include "loader/imap/session/session.h"
#include "loader/parse/spool.h"

#include <nettle/sha2.h>
#include <stdlib.h>

struct load_fetch {
	struct load *load;
	struct load_batch *batch;
	struct load_item item; /* the one that is arriving */
	struct sha256_ctx hash;
	bool header_only;
};

static uint64_t load_max_size(const struct load *load)
{
	return load->mailbox->server->max_size_bytes;
}

static uint64_t load_max_header(const struct load *load)
{
	return load->mailbox->server->max_header_bytes;
}

static int load_fetch_begin(void *context, struct error *err)
{
	struct load_fetch *fetch = context;
	(void)err;
	fetch->item = (struct load_item){.offset = fetch->batch->spool_end,
					 .too_large = fetch->header_only,
					 .suspect = fetch->load->suspecting};
	sha256_init(&fetch->hash);
	return 0;
}

/*
 * A digest is made while the message arrives. For a file on disk, which may be large, the storer
 * makes it later, while the parser works; but a message that is not kept whole is hashed now, as
 * its bytes are not there later.
 */
static bool load_fetch_hashes(const struct load_fetch *fetch)
{
	return !fetch->batch->on_disk || fetch->item.too_large;
}

/* A message that turns out larger than it may be is still read to its end, but only its header is
 * kept. */
static int load_fetch_reduce(struct load_fetch *fetch, struct error *err)
{
	struct load_item *item = &fetch->item;
	if (!load_fetch_hashes(fetch) && spool_hash(fetch->batch->spool, item->offset,
						    item->spooled_bytes, &fetch->hash, err) != 0)
		return -1;
	item->too_large = true;
	item->spooled_bytes = MIN(item->spooled_bytes, load_max_header(fetch->load));
	return 0;
}

/* How many of the bytes are kept. */
static size_t load_fetch_keep(const struct load_fetch *fetch, size_t size)
{
	const struct load_item *item = &fetch->item;
	uint64_t max_header = load_max_header(fetch->load);
	if (!item->too_large)
		return size;
	if (item->spooled_bytes >= max_header)
		return 0;
	return MIN(size, (size_t)(max_header - item->spooled_bytes));
}

/* How many of the bytes go into size and digest. Of a header always the same number: a later run,
 * with another maxHeader=, must find the message again. */
static size_t load_fetch_tells(const struct load_fetch *fetch, size_t size)
{
	if (!fetch->header_only)
		return size;
	return MIN(size, (size_t)(BODY_DIGEST_HEADER_MAX - fetch->item.size_bytes));
}

static int load_fetch_spool(struct load_fetch *fetch, const void *bytes, size_t size,
			    struct error *err)
{
	uint64_t end = fetch->item.offset + fetch->item.spooled_bytes;
	/* The announced sizes fit; a server that sends more than it announces must not fill
	 * memory. */
	fetch->batch->overrun =
	    !fetch->batch->on_disk && end + size > 2 * load_memory_max(fetch->load);
	if (fetch->batch->overrun)
		return error_set(err, ERROR_PROTOCOL,
				 "the server sends far more than the sizes it has announced; the "
				 "messages will be fetched one by one");
	return spool_write(fetch->batch->spool, end, bytes, size, err);
}

static int load_fetch_write(void *context, const void *bytes, size_t size, struct error *err)
{
	struct load_fetch *fetch = context;
	struct load_item *item = &fetch->item;
	if (!item->too_large && item->size_bytes + size > load_max_size(fetch->load) &&
	    load_fetch_reduce(fetch, err) != 0)
		return -1;
	size_t kept = load_fetch_keep(fetch, size);
	size_t tells = load_fetch_tells(fetch, size);
	if (load_fetch_hashes(fetch))
		sha256_update(&fetch->hash, tells, bytes);
	if (kept > 0 && load_fetch_spool(fetch, bytes, kept, err) != 0)
		return -1;
	item->spooled_bytes += kept;
	item->size_bytes += tells;
	fetch->load->progress.size_bytes += size;
	load_tell(fetch->load);
	return 0;
}

static int load_fetch_end(void *context, uint32_t uid, int64_t internal_date_s, struct error *err)
{
	struct load_fetch *fetch = context;
	struct load_batch *batch = fetch->batch;
	struct load_item *item = &fetch->item;
	/* It was not asked for: the next message overwrites it. */
	if (uid == 0)
		return 0;
	item->uid = uid;
	item->internal_date_s = internal_date_s;
	item->hashed = load_fetch_hashes(fetch);
	if (item->hashed)
		sha256_digest(&fetch->hash, sizeof item->raw_sha256, item->raw_sha256);
	if (parser_submit(batch->parser, item->offset, item->spooled_bytes, item->too_large,
			  &item->parser_index, err) != 0)
		return -1;
	batch->spool_end += item->spooled_bytes;
	g_array_append_val(batch->items, *item);
	fetch->load->progress.done++;
	return 0;
}

static int load_fetch_whole(struct load_fetch *fetch, const uint32_t *uids, size_t count,
			    const struct imapc_sink *sink, struct error *err)
{
	if (count == 0)
		return 0;
	return imapc_fetch_messages(fetch->load->mailbox->session, uids, count, sink, err);
}

static int load_compare_sizes(const void *left, const void *right)
{
	uint32_t first = ((const struct imapc_size *)left)->uid;
	uint32_t second = ((const struct imapc_size *)right)->uid;
	return (first > second) - (first < second);
}

/* `sizes` are in the order of UIDs. */
static void load_fetch_note_announced(const struct load_fetch *fetch, guint first,
				      const struct imapc_size *sizes, size_t count)
{
	for (guint i = first; i < fetch->batch->items->len; i++) {
		struct load_item *item = &g_array_index(fetch->batch->items, struct load_item, i);
		const struct imapc_size key = {.uid = item->uid};
		const struct imapc_size *size =
		    bsearch(&key, sizes, count, sizeof key, load_compare_sizes);
		item->announced_size_bytes = size->size_bytes;
	}
}

/* Messages that are announced as too large: the body never crosses the wire. */
static int load_fetch_headers(struct load_fetch *fetch, const uint32_t *uids, size_t count,
			      const struct imapc_sink *sink, struct error *err)
{
	if (count == 0)
		return 0;
	fetch->header_only = true;
	uint32_t max_size =
	    MAX(fetch->load->mailbox->server->max_header_bytes, BODY_DIGEST_HEADER_MAX);
	int failed =
	    imapc_fetch_headers(fetch->load->mailbox->session, uids, count, max_size, sink, err);
	fetch->header_only = false;
	return failed;
}

int load_fetch(struct load *load, struct load_batch *batch, const struct imapc_size *sizes,
	       size_t count, struct error *err)
{
	struct load_fetch fetch = {.load = load, .batch = batch};
	const struct imapc_sink sink = {.begin = load_fetch_begin,
					.write = load_fetch_write,
					.end = load_fetch_end,
					.context = &fetch};
	g_autofree uint32_t *whole = g_new(uint32_t, count);
	g_autofree uint32_t *headers = g_new(uint32_t, count);
	size_t whole_count = 0;
	size_t header_count = 0;
	guint first = batch->items->len;
	for (size_t i = 0; i < count; i++) {
		if (sizes[i].size_bytes > load_max_size(load))
			headers[header_count++] = sizes[i].uid;
		else
			whole[whole_count++] = sizes[i].uid;
	}
	if (load_fetch_headers(&fetch, headers, header_count, &sink, err) != 0)
		return -1;
	load_fetch_note_announced(&fetch, first, sizes, count);
	return load_fetch_whole(&fetch, whole, whole_count, &sink, err);
}
