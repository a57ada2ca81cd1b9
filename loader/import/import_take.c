/*
 * Takes messages in: makes CRLF of bare line feeds, hashes, and writes them to the spool of the
 * batch at hand. Of a message that is larger than maxSize= only the header is kept. A message that
 * is new goes to the batch's parser.
 */
#include "loader/import/import_internal.h"

#include "loader/make/make_entry.h"
#include "loader/parse/spool.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <string.h>

/* A batch is stored when it holds this much. */
enum { IMPORT_BATCH_ITEMS = 500, IMPORT_BATCH_BYTES = 16 * 1024 * 1024 };

/* So many bytes of a file get their CRLF at once. */
enum { IMPORT_LINES_BYTES = 16 * 1024 };

int import_batch_open(const struct import *import, struct import_batch *batch, struct error *err)
{
	g_autofree char *folder = g_path_get_dirname(import->options->database);
	const struct mime_options options = make_options(import->definition);
	*batch = (struct import_batch){.spool = -1, .output = -1};
	batch->items = g_array_new(FALSE, FALSE, sizeof(struct import_item));
	batch->reasons = g_string_chunk_new(256);
	if (spool_open(folder, &batch->spool, err) != 0 ||
	    spool_open(folder, &batch->output, err) != 0)
		return -1;
	batch->parser = parser_new(&options, batch->spool, batch->output);
	parser_set_output_max(batch->parser, make_output_max(IMPORT_BATCH_BYTES +
							     import->definition->max_size_bytes));
	return 0;
}

void import_batch_close(struct import_batch *batch)
{
	/* Never opened. */
	if (batch->items == NULL)
		return;
	parser_stop(batch->parser);
	descriptor_close_scoped(&batch->spool);
	descriptor_close_scoped(&batch->output);
	for (guint i = 0; i < batch->items->len; i++) {
		struct import_file *file = import_item_at(batch, i)->file;
		/* Its messages are not committed. */
		file->stays = true;
		import_file_let_go(NULL, file);
	}
	g_array_unref(batch->items);
	g_string_chunk_free(batch->reasons);
}

void import_begin(struct import *import, struct import_file *file)
{
	import->item =
	    (struct import_item){.file = file, .offset = import->batches[import->turn].spool_end};
	import->lines = (struct crlf){0};
	sha256_init(&import->hash);
}

/* How many of the bytes are kept. */
static size_t import_keep(struct import *import, size_t size)
{
	struct import_item *item = &import->item;
	uint64_t max_header = import->definition->max_header_bytes;
	if (!item->too_large && item->size_bytes + size > import->definition->max_size_bytes) {
		item->too_large = true;
		item->spooled_bytes = MIN(item->spooled_bytes, max_header);
	}
	if (!item->too_large)
		return size;
	return (size_t)MIN((uint64_t)size, max_header - item->spooled_bytes);
}

static int import_spool(struct import *import, const char *bytes, size_t size, struct error *err)
{
	const struct import_batch *batch = &import->batches[import->turn];
	struct import_item *item = &import->item;
	size_t kept = import_keep(import, size);
	sha256_update(&import->hash, size, (const uint8_t *)bytes);
	item->size_bytes += size;
	if (kept > 0 &&
	    spool_write(batch->spool, item->offset + item->spooled_bytes, bytes, kept, err) != 0)
		return -1;
	item->spooled_bytes += kept;
	return 0;
}

/* Files hold mail with line feeds alone, servers send CRLF: the same mail is to have the same
 * digest. */
int import_write(struct import *import, const char *bytes, size_t size, struct error *err)
{
	char lines[2 * IMPORT_LINES_BYTES];
	for (size_t done = 0; done < size;) {
		size_t some = MIN(size - done, (size_t)IMPORT_LINES_BYTES);
		size_t filled = crlf_convert(&import->lines, bytes + done, some, lines);
		if (import_spool(import, lines, filled, err) != 0)
			return -1;
		done += some;
	}
	return 0;
}

/* A dry run parses nothing: what is bad for another reason than its size is found by the import itself. */
static void import_tell_plan(const struct import *import, const char *name)
{
	const struct import_item *item = &import->item;
	const char *what = item->known	     ? "the queue has an entry of it"
			   : item->too_large ? "too large, becomes a bad entry"
					     : "import";
	g_autofree char *step =
	    g_strdup_printf("%s: %s (%" PRIu64 " bytes)", name, what, item->size_bytes);
	import->options->plan(step, import->options->context);
}

/* While the next batch is filled, the parsers of the others work. */
static int import_turn(struct import *import, struct error *err)
{
	import->turn = (import->turn + 1) % import->options->jobs;
	return import_store(import, &import->batches[import->turn], err);
}

/* A message that is known waits with the others: its file moves once what stands before it is
 * committed, for that may be the very same mail. */
static int import_put(struct import *import, struct error *err)
{
	struct import_batch *batch = &import->batches[import->turn];
	struct import_item *item = &import->item;
	if (!item->known && parser_submit(batch->parser, item->offset, item->spooled_bytes,
					  item->too_large, &item->parser_index, err) != 0)
		return -1;
	if (!item->known)
		batch->spool_end += item->spooled_bytes;
	item->file->holders++;
	g_array_append_val(batch->items, *item);
	if (batch->items->len < IMPORT_BATCH_ITEMS && batch->spool_end < IMPORT_BATCH_BYTES)
		return 0;
	return import_turn(import, err);
}

int import_end(struct import *import, const char *name, int64_t received_s, bool is_guess,
	       struct error *err)
{
	struct import_item *item = &import->item;
	struct import_result *result = import->result;
	item->received_s = received_s;
	item->received_is_guess = is_guess;
	sha256_digest(&import->hash, sizeof item->raw_sha256, item->raw_sha256);
	item->known = g_hash_table_contains(import->known, item->raw_sha256);
	if (item->known) {
		result->known++;
	} else {
		import_know(import, item->raw_sha256, false);
		import->taken++;
	}
	import->options->progress(import->taken + result->known, result->size_bytes,
				  import->options->context);
	if (!import->options->dry_run)
		return import_put(import, err);
	import_tell_plan(import, name);
	return 0;
}

int import_drain(struct import *import, struct error *err)
{
	for (unsigned i = 0; i < import->options->jobs; i++) {
		if (import_turn(import, err) != 0)
			return -1;
	}
	return 0;
}
