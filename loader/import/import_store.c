/*
 * Stores a batch in one transaction. A message whose content cannot be stored becomes a bad entry
 * without it, and the batch is stored again. Files move after the commit.
 */
#include "loader/import/import_internal.h"

#include "loader/base/clock.h"
#include "loader/make/make_entry.h"
#include "loader/parse/spool.h"
#include "queue/base/scoped.h"

#include <string.h>

struct import_new {
	const struct import *import;
	struct import_item *item;
};

/* Mail that becomes no entry of this queue is kept in mind apart: the next import finds it by nothing else. */
static int import_put_new(const struct entry *entry, const struct entry_contents *contents,
			  void *context, struct error *err)
{
	const struct import_new *new = context;
	const struct import *import = new->import;
	struct rules_stored stored;
	if (rules_put(import->rules, import->store, entry, contents, clock_now_ms(), &stored,
		      err) != 0)
		return -1;
	new->item->skipped = stored.skipped;
	new->item->not_taken = stored.refused;
	return stored.skipped || stored.refused || stored.elsewhere
		   ? import_known_put(import->store, import->queue->id, entry->raw_sha256, err)
		   : 0;
}

/* Why a message cannot be loaded, whatever the parser says, or NULL. Caller frees. */
static char *import_failure(const struct import *import, const struct import_item *item)
{
	if (item->refused != NULL)
		return g_strdup(item->refused);
	if (item->too_large)
		return make_too_large(item->size_bytes, import->definition->max_size_bytes);
	return NULL;
}

static int import_store_item(struct import *import, const struct import_batch *batch,
			     struct import_item *item, struct error *err)
{
	g_autofree char *failure = import_failure(import, item);
	struct make_message message = {
	    .parser = batch->parser,
	    .parser_index = item->parser_index,
	    .output = batch->output,
	    .spool = batch->spool,
	    .offset = item->offset,
	    .size_bytes = item->size_bytes,
	    .raw_size = item->size_bytes,
	    .is_whole = !item->too_large,
	    .received_s = item->received_s,
	    .received_is_guess = item->received_is_guess,
	    .no_received = "the file gives no date that can be read",
	    .failure = failure,
	    .is_refused = item->refused != NULL,
	    .keep_raw = import->definition->keep_raw,
	};
	memcpy(message.raw_sha256, item->raw_sha256, sizeof message.raw_sha256);
	struct import_new new = {import, item};
	if (make_entry(import->queue->id, &message, import_put_new, &new, &item->bad, err) != 0)
		return error_prefix(err, "store '%s'", item->file->path);
	return 0;
}

/* *ret_at is the message that could not be stored, or NULL. */
static int import_try_to_store(struct import *import, const struct import_batch *batch,
			       struct import_item **ret_at, struct error *err)
{
	int failed = 0;
	*ret_at = NULL;
	if (store_begin(import->store, err) != 0)
		return -1;
	for (guint i = 0; i < batch->items->len && failed == 0; i++) {
		struct import_item *item = import_item_at(batch, i);
		if (!item->known)
			failed = import_store_item(import, batch, item, err);
		if (failed != 0)
			*ret_at = item;
	}
	if (failed == 0 && store_commit(import->store, err) == 0)
		return 0;
	store_rollback(import->store);
	return -1;
}

static int import_commit(struct import *import, const struct import_batch *batch, struct error *err)
{
	struct import_item *at;
	while (import_try_to_store(import, batch, &at, err) != 0) {
		/* Each round refuses one more message, so it ends. */
		if (at == NULL || at->refused != NULL ||
		    (err->kind != ERROR_DATA && err->kind != ERROR_SOFTWARE))
			return -1;
		at->refused = g_string_chunk_insert(batch->reasons, err->text);
	}
	return 0;
}

static void import_count(const struct import *import, const struct import_item *item)
{
	struct import_result *result = import->result;
	result->size_bytes += item->size_bytes;
	if (item->bad)
		result->bad++;
	else if (item->skipped)
		result->skipped++;
	else if (item->not_taken)
		result->refused++;
	else
		result->loaded++;
}

/* The batch is committed. What is known goes where its entry says: a run may have died before it
 * moved the file. */
static void import_settle(struct import *import, const struct import_batch *batch)
{
	for (guint i = 0; i < batch->items->len; i++) {
		struct import_item *item = import_item_at(batch, i);
		if (!item->known)
			import_count(import, item);
		if (item->bad)
			import_know(import, item->raw_sha256, true);
		item->file->bad |= g_hash_table_lookup(import->known, item->raw_sha256) != NULL;
		import_file_let_go(import, item->file);
	}
}

/* After the commit the batch is empty, and its parser a new one: a message that has taken one over lies about no
 * later batch. */
int import_store(struct import *import, struct import_batch *batch, struct error *err)
{
	if (batch->items->len > 0) {
		if (parser_finish(batch->parser, err) != 0 ||
		    import_commit(import, batch, err) != 0)
			return -1;
		import_settle(import, batch);
	}
	g_array_set_size(batch->items, 0);
	g_string_chunk_clear(batch->reasons);
	batch->spool_end = 0;
	parser_begin(batch->parser);
	return spool_clear(batch->spool, err) != 0 || spool_clear(batch->output, err) != 0 ? -1 : 0;
}
