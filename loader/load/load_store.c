/*
 * Stores a batch: makes an entry of each parsed message and commits all of them with their rows of
 * the ledger in one transaction. A message whose content cannot be stored becomes a bad entry
 * without it, and the batch is tried again. A message that the ledger knows under an earlier
 * numbering gets a new row for its old entry.
 */
#include "loader/load/load_internal.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"
#include "queue/pickup.h"

#include <string.h>

/* Why a message cannot be loaded, or NULL. */
static char *load_item_failure(const struct load *load, const struct load_item *item,
			       const char *parser_failure)
{
	if (item->refused != NULL)
		return g_strdup(item->refused);
	if (item->too_large)
		return g_strdup_printf(
		    "message too large: %llu bytes, at most %llu are loaded (maxSize); its header "
		    "was kept",
		    (unsigned long long)MAX(item->size_bytes, item->announced_size_bytes),
		    (unsigned long long)load->mailbox->server->max_size_bytes);
	return g_strdup(parser_failure);
}

/*
 * Content is kept once per digest, for all mail: a parser that a message has taken over could claim
 * the digest of another message's content and have its own bytes stored under it. So the digest is
 * made where the bytes are stored, and the parser, which stands still meanwhile, has no say in it.
 */
static struct entry_content load_content(const struct load_batch *batch,
					 const struct mime_content *content)
{
	return (struct entry_content){.present = content->present,
				      .fd = batch->output,
				      .offset = content->offset,
				      .size_bytes = content->size};
}

/* The server's date where it gives one, else the sender's, else now: an entry has a date to be
 * sorted by in any case. */
static int64_t load_date_received_s(const struct load_item *item,
				    const struct mime_message *message)
{
	if (item->internal_date_s != 0)
		return item->internal_date_s;
	return message->has_date_sent ? message->date_sent : clock_now_ms() / 1000;
}

/* A list of strings, as JSON. Caller frees. */
static char *load_defects(const struct load_item *item, const struct mime_message *message)
{
	if (item->internal_date_s != 0)
		return g_strdup(message->defects);
	GString *defects = g_string_new(message->defects);
	g_string_truncate(defects, defects->len - strlen("]"));
	g_string_append_printf(
	    defects, "%s\"received: the server gives no date that can be read; %s is taken\"]",
	    defects->len > strlen("[") ? "," : "",
	    message->has_date_sent ? "that of the Date field" : "the time of loading");
	return g_string_free(defects, FALSE);
}

/* The entry borrows everything from the message, the item and the texts. */
static struct entry load_entry(const struct load *load, const struct load_item *item,
			       const struct mime_message *message, char *failure, char *defects)
{
	int64_t received_s = load_date_received_s(item, message);
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
	    .date_sent_s = message->has_date_sent ? message->date_sent : received_s,
	    .date_received_s = received_s,
	    .reply_plain = message->reply_plain,
	    .headers = message->headers,
	    .defects = defects,
	    .signature = message->signature,
	    .raw_size = MAX(item->size_bytes, item->announced_size_bytes),
	};
	entry.raw_incomplete =
	    item->not_fetched || (item->too_large && item->announced_size_bytes != 0);
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
	}
	return rows;
}

static struct entry_calendar *load_calendars(const struct mime_message *message)
{
	struct entry_calendar *rows = g_new0(struct entry_calendar, message->calendar_count);
	for (size_t i = 0; i < message->calendar_count; i++) {
		const struct mime_calendar *from = &message->calendars[i];
		rows[i] = (struct entry_calendar){.method = from->method,
						  .uid = from->uid,
						  .starts_at = from->starts_at,
						  .ends_at = from->ends_at,
						  .organizer = from->organizer,
						  .attendees = from->attendees,
						  .summary = from->summary,
						  .location = from->location};
	}
	return rows;
}

/* What the entry holds beside its columns; `attachments` has a row for each. */
static struct entry_contents load_contents(const struct load_batch *batch,
					   const struct load_item *item,
					   const struct mime_message *message,
					   struct entry_content *attachments)
{
	struct entry_contents contents = {
	    .message_body = load_content(batch, &message->text_body),
	    .html_body = load_content(batch, &message->html_body),
	    .raw = {.fd = batch->spool,
		    .offset = item->offset,
		    .size_bytes = item->size_bytes,
		    .hashed = true},
	    .attachments = attachments,
	};
	memcpy(contents.raw.sha256, item->raw_sha256, sizeof item->raw_sha256);
	for (size_t i = 0; i < message->attachment_count; i++)
		attachments[i] = load_content(batch, &message->attachments[i].content);
	return contents;
}

int load_make_entry(struct load *load, struct load_batch *batch, const struct load_item *item,
		    load_put_entry put, void *context, bool *ret_bad, struct error *err)
{
	scoped(mime_message_free) struct mime_message *message = NULL;
	const char *parser_failure = NULL;
	if (item->refused != NULL)
		message = parser_no_message();
	else if (parser_read(batch->parser, item->parser_index, &message, &parser_failure, err) !=
		 0)
		return -1;
	g_autofree char *failure = load_item_failure(load, item, parser_failure);
	g_autofree struct entry_attachment *rows = load_attachments(message);
	g_autofree struct entry_calendar *calendars = load_calendars(message);
	g_autofree struct entry_content *bytes =
	    g_new0(struct entry_content, message->attachment_count);
	g_autofree char *defects = load_defects(item, message);
	struct entry entry = load_entry(load, item, message, failure, defects);
	struct entry_contents contents = load_contents(batch, item, message, bytes);
	entry.attachments = rows;
	entry.attachment_count = message->attachment_count;
	entry.calendars = calendars;
	entry.calendar_count = message->calendar_count;
	contents.raw.present = (load->mailbox->server->keep_raw || failure != NULL) &&
			       !item->too_large && !item->not_fetched;
	*ret_bad = failure != NULL;
	return put(&entry, &contents, context, err);
}

struct load_new {
	struct store *store;
	int64_t *ret_entry_id;
};

static int load_put_new(const struct entry *entry, const struct entry_contents *contents,
			void *context, struct error *err)
{
	const struct load_new *new = context;
	return entry_put(new->store, entry, contents, clock_now_ms(), new->ret_entry_id, err);
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

static int load_store_new(struct load *load, struct load_batch *batch, const struct load_item *item,
			  struct pickup *pickup, struct error *err)
{
	bool bad;
	struct load_new new = {load->store, &pickup->entry_id};
	if (load_make_entry(load, batch, item, load_put_new, &new, &bad, err) != 0)
		return -1;
	pickup->target = bad ? PICKUP_BADMAIL : PICKUP_DROPBOX;
	if (bad)
		batch->stored.bad++;
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
	if (load_match_earlier(load, item, pickup, &found, err) != 0 ||
	    (!found && (load_refuse_return(load, item, err) != 0 ||
			load_store_new(load, batch, item, pickup, err) != 0)))
		return -1;
	load_acknowledge_begin(load, found, pickup);
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
	/* The run may empty the batch's files while the commit waits for the disk. */
	if (failed == 0)
		load_storer_has_read(load, batch);
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
