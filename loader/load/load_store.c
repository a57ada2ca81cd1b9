/* Stores a batch, in a thread of its own: makes an entry of each parsed message and commits all of them with their
 * rows of the ledger in one transaction. A message whose content cannot be stored becomes a bad entry without it, and
 * the batch is tried again; one that the ledger knows under an earlier numbering gets a new row for its old entry.
 * The run's own thread uses the database between load_hold() and load_go_on(). */
#include "loader/load/load_internal.h"

#include "loader/base/clock.h"
#include "loader/make/make_entry.h"
#include "queue/base/scoped.h"
#include "queue/pickup.h"

#include <signal.h>
#include <string.h>

/* --- a batch is stored ------------------------------------------------------- */

/* Why a message cannot be loaded, whatever the parser says, or NULL. Caller frees. */
static char *load_item_failure(const struct load *load, const struct load_item *item)
{
	if (item->refused != NULL)
		return g_strdup(item->refused);
	if (item->too_large)
		return make_too_large(MAX(item->size_bytes, item->announced_size_bytes),
				      load->mailbox->server->max_size_bytes);
	return NULL;
}

int load_make_entry(struct load *load, struct load_batch *batch, const struct load_item *item,
		    make_put put, void *context, bool *ret_bad, struct error *err)
{
	g_autofree char *failure = load_item_failure(load, item);
	struct make_message message = {
	    .parser = batch->parser,
	    .parser_index = item->parser_index,
	    .output = batch->output,
	    .spool = batch->spool,
	    .offset = item->offset,
	    .size_bytes = item->size_bytes,
	    .raw_size = MAX(item->size_bytes, item->announced_size_bytes),
	    .is_whole = !item->too_large && !item->not_fetched,
	    .has_no_digest =
		item->not_fetched || (item->too_large && item->announced_size_bytes != 0),
	    .received_s = item->internal_date_s,
	    .no_received = "the server gives no date that can be read",
	    .failure = failure,
	    .is_refused = item->refused != NULL,
	    .keep_raw = load->mailbox->server->keep_raw,
	};
	memcpy(message.raw_sha256, item->raw_sha256, sizeof message.raw_sha256);
	return make_entry(load->queue->id, &message, put, context, ret_bad, err);
}

struct load_new {
	const struct load *load;
	struct rules_stored stored;
};

static int load_put_new(const struct entry *entry, const struct entry_contents *contents,
			void *context, struct error *err)
{
	struct load_new *new = context;
	return rules_put(new->load->rules, new->load->store, entry, contents, clock_now_ms(),
			 &new->stored, err);
}

/* A message that this queue has picked up before, when the server numbered its mail otherwise. */
static int load_match_earlier(struct load *load, const struct load_item *item,
			      struct pickup *ret_pickup, bool *ret_found, struct error *err)
{
	*ret_found = pickup_match(load->store, &load->source, item->raw_sha256, item->size_bytes,
				  item->internal_date_s, ret_pickup, err) == 0;
	if (!*ret_found && err->reason != REASON_MISSING)
		return -1;
	return 0;
}

/* *ret_answered: no target of this queue will ever answer for the message. */
static int load_store_new(struct load *load, struct load_batch *batch, const struct load_item *item,
			  struct pickup *pickup, bool *ret_answered, struct error *err)
{
	bool bad;
	struct load_new new = {.load = load};
	if (load_make_entry(load, batch, item, load_put_new, &new, &bad, err) != 0)
		return -1;
	pickup->entry_id = new.stored.entry_id;
	pickup->target = bad ? PICKUP_BADMAIL : PICKUP_DROPBOX;
	*ret_answered = new.stored.skipped || new.stored.refused || new.stored.elsewhere;
	if (bad)
		batch->stored.bad++;
	else if (new.stored.skipped)
		batch->stored.skipped++;
	else if (new.stored.refused)
		batch->stored.refused++;
	else
		batch->stored.loaded++;
	batch->stored.size_bytes += item->size_bytes;
	return 0;
}

/* Fills in the ledger's row for the message, and stores its entry unless an earlier one is there.
 */
static int load_store_item(struct load *load, struct load_batch *batch,
			   const struct load_item *item, struct pickup *pickup, struct error *err)
{
	bool found;
	bool answered = false;
	if (load_match_earlier(load, item, pickup, &found, err) != 0 ||
	    (!found && (load_refuse_return(load, item, err) != 0 ||
			load_store_new(load, batch, item, pickup, &answered, err) != 0)))
		return -1;
	load_acknowledge_begin(load, found, answered, pickup);
	pickup->uid = item->uid;
	pickup->uid_next = load->result->uid_next;
	pickup->raw_size = item->size_bytes;
	pickup->internal_date_s = item->internal_date_s;
	memcpy(pickup->raw_sha256, item->raw_sha256, sizeof pickup->raw_sha256);
	if (pickup_put(load->store, &load->source, pickup, clock_now_ms(), err) != 0 ||
	    (item->suspect &&
	     pickup_attempt_clear(load->store, &load->source, item->uid, err) != 0))
		return -1;
	if (!found)
		return 0;
	batch->stored.finished++;
	if (pickup_retire(load->store, &load->source, pickup, clock_now_ms(), err) != 0)
		return -1;
	return 0;
}

/* *ret_at is the message that could not be stored. */
static int load_store_items(struct load *load, struct load_batch *batch, guint *ret_at,
			    struct error *err)
{
	for (guint i = 0; i < batch->items->len; i++) {
		const struct load_item *item = &g_array_index(batch->items, struct load_item, i);
		struct pickup row = {0};
		*ret_at = i;
		if (load_store_item(load, batch, item, &row, err) != 0)
			return error_prefix(err, "store UID %u", item->uid);
		g_array_append_val(batch->rows, row);
	}
	*ret_at = batch->items->len;
	return 0;
}

/* One transaction, in which the ledger also learns what the server has moved since the last one. */
static int load_try_to_store(struct load *load, struct load_batch *batch, guint *ret_at,
			     struct error *err)
{
	*ret_at = batch->items->len;
	load_batch_forget_stored(batch);
	if (store_begin(load->store, err) != 0)
		return -1;
	int failed = load_moved_store(load, batch->moved, err);
	if (failed == 0)
		failed = load_store_items(load, batch, ret_at, err);
	if (failed == 0 && store_commit(load->store, err) != 0)
		failed = -1;
	if (failed == 0)
		return 0;
	store_rollback(load->store);
	load_batch_forget_stored(batch);
	return -1;
}

void load_store(struct load *load, struct load_batch *batch)
{
	guint at;
	while ((batch->failed = load_try_to_store(load, batch, &at, &batch->err)) != 0) {
		/* One message's fault must not keep the others: the batch is stored again, this one
		 * without its content. Each round refuses one more message, so it ends. */
		struct load_item *item = at < batch->items->len
					     ? &g_array_index(batch->items, struct load_item, at)
					     : NULL;
		if (item == NULL || item->refused != NULL ||
		    (batch->err.kind != ERROR_DATA && batch->err.kind != ERROR_SOFTWARE))
			return;
		item->refused = g_string_chunk_insert(batch->reasons, batch->err.text);
	}
}

/* --- the thread that does it ------------------------------------------------- */

static void load_storer_parse(struct load_batch *batch)
{
	if (load_batch_hash(batch, &batch->err) != 0 ||
	    parser_finish(batch->parser, &batch->err) != 0)
		batch->failed = -1;
}

/* A batch behind one that failed is not stored: the ledger would learn of its moves out of
 * order. */
static void load_storer_store(struct load *load, struct load_batch *batch)
{
	struct load_storer *storer = &load->storer;
	if (storer->failed) {
		batch->failed = -1;
		batch->err = storer->err;
	}
	load_batch_forget_stored(batch);
	if (batch->failed == 0)
		load_store(load, batch);
	if (batch->failed != 0 && !storer->failed) {
		storer->failed = true;
		storer->err = batch->err;
	}
}

/* Holds the mutex except while it works. While it waits for the parser the run can have the
 * database. */
static void load_storer_work(struct load *load, struct load_batch *batch)
{
	struct load_storer *storer = &load->storer;
	pthread_mutex_unlock(&storer->mutex);
	load_take_position_to_store(load, batch);
	load_storer_parse(batch);
	pthread_mutex_lock(&storer->database);
	load_storer_store(load, batch);
	pthread_mutex_unlock(&storer->database);
	pthread_mutex_lock(&storer->mutex);
	storer->through++;
	pthread_cond_broadcast(&storer->changed);
}

static void *load_storer_run(void *context)
{
	struct load *load = context;
	struct load_storer *storer = &load->storer;
	pthread_mutex_lock(&storer->mutex);
	for (;;) {
		if (storer->through != storer->put)
			load_storer_work(load, storer->queue[storer->through % LOAD_BATCHES]);
		else if (storer->ended)
			break;
		else
			pthread_cond_wait(&storer->changed, &storer->mutex);
	}
	pthread_mutex_unlock(&storer->mutex);
	return NULL;
}

/* Signals go to the run's own thread, whose waiting they end; here they are blocked. */
static int load_storer_start(struct load *load, struct error *err)
{
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&load->storer.thread, NULL, load_storer_run, load);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed != 0)
		return error_set(err, ERROR_IO, "starting the thread that stores: %s",
				 g_strerror(failed));
	load->storer.started = true;
	return 0;
}

void load_storer_open(struct load *load)
{
	pthread_mutex_init(&load->storer.database, NULL);
	pthread_mutex_init(&load->storer.mutex, NULL);
	pthread_cond_init(&load->storer.changed, NULL);
}

void load_storer_close(struct load *load)
{
	struct load_storer *storer = &load->storer;
	pthread_mutex_lock(&storer->mutex);
	while (storer->through != storer->put)
		pthread_cond_wait(&storer->changed, &storer->mutex);
	storer->ended = true;
	pthread_cond_broadcast(&storer->changed);
	pthread_mutex_unlock(&storer->mutex);
	if (storer->started)
		pthread_join(storer->thread, NULL);
	pthread_cond_destroy(&storer->changed);
	pthread_mutex_destroy(&storer->mutex);
	pthread_mutex_destroy(&storer->database);
	*storer = (struct load_storer){0};
}

int load_storer_put(struct load *load, struct load_batch *batch, struct error *err)
{
	struct load_storer *storer = &load->storer;
	if (!storer->started && load_storer_start(load, err) != 0)
		return -1;
	batch->failed = 0;
	pthread_mutex_lock(&storer->mutex);
	storer->queue[storer->put++ % LOAD_BATCHES] = batch;
	pthread_cond_broadcast(&storer->changed);
	pthread_mutex_unlock(&storer->mutex);
	return 0;
}

struct load_batch *load_storer_take(struct load *load, bool wait)
{
	struct load_storer *storer = &load->storer;
	struct load_batch *batch = NULL;
	if (storer->taken == storer->put)
		return NULL;
	pthread_mutex_lock(&storer->mutex);
	while (wait && storer->taken == storer->through)
		pthread_cond_wait(&storer->changed, &storer->mutex);
	if (storer->taken != storer->through)
		batch = storer->queue[storer->taken++ % LOAD_BATCHES];
	pthread_mutex_unlock(&storer->mutex);
	return batch;
}

bool load_storer_has(const struct load *load, const struct load_batch *batch)
{
	const struct load_storer *storer = &load->storer;
	for (unsigned i = storer->taken; i != storer->put; i++) {
		if (storer->queue[i % LOAD_BATCHES] == batch)
			return true;
	}
	return false;
}

void load_hold(struct load *load)
{
	if (load->storer.started)
		pthread_mutex_lock(&load->storer.database);
}

void load_go_on(struct load *load)
{
	if (load->storer.started)
		pthread_mutex_unlock(&load->storer.database);
}
