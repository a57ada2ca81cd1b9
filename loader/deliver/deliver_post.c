/* Makes the post of an entry: header fields, addresses, bodies, attachments. Bodies and
 * attachments are sources that are read from the database while they are sent. */
#include "loader/deliver/deliver_internal.h"

#include "loader/imap/names/connection_string.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/* ---- parts of the entry as sources ---- */

struct place {
	struct store *store;
	int64_t entry_id;
	enum entry_part part;
	uint32_t position;
};

/* The database is asked anew for each reading: a post that is tried again reads its body from
 * the start. */
static int place_open(void *context, void **ret_stream, struct error *err)
{
	const struct place *place = context;
	struct entry_source *source;
	if (entry_source_open(place->store, place->entry_id, place->part, place->position, &source,
			      err) != 0)
		return -1;
	*ret_stream = source;
	return 0;
}

static int place_read(void *stream, void *bytes, size_t room, size_t *ret_size, struct error *err)
{
	if (entry_source_read(stream, bytes, room, ret_size, err) != 0)
		return -1;
	return 0;
}

static void place_close(void *stream)
{
	entry_source_close(stream);
}

static int post_find_part(struct deliver_post *post, const struct place *wanted,
			  struct body_source *ret_source, struct error *err)
{
	struct place *place = g_memdup2(wanted, sizeof *wanted);
	g_ptr_array_add(post->places, place);
	scoped(entry_source_close) struct entry_source *source = NULL;
	if (entry_source_open(place->store, place->entry_id, place->part, place->position, &source,
			      err) != 0)
		return -1;
	*ret_source = (struct body_source){.size_bytes = entry_source_size(source),
					   .open = place_open,
					   .read = place_read,
					   .close = place_close,
					   .place = place};
	return 0;
}

/* ---- header fields and addresses ---- */

/* The document stays with the post, because the fields are borrowed from it. */
static void post_take_headers(struct deliver_post *post)
{
	GArray *fields = g_array_new(FALSE, FALSE, sizeof(struct post_header));
	json_t *list =
	    json_loads(post->entry->headers != NULL ? post->entry->headers : "[]", 0, NULL);
	size_t index;
	json_t *pair;
	json_array_foreach(list, index, pair)
	{
		const struct post_header field = {json_string_value(json_array_get(pair, 0)),
						  json_string_value(json_array_get(pair, 1))};
		if (field.name != NULL && field.value != NULL)
			g_array_append_val(fields, field);
	}
	post->headers = list;
	post->fields = fields;
	post->post.headers = (const struct post_header *)(void *)fields->data;
	post->post.header_count = fields->len;
}

/* "Ann Lee <ann@example.com>" is ann@example.com. Caller frees. */
static char *post_bare_address(const char *mailbox)
{
	const char *start = strrchr(mailbox, '<');
	const char *end = start != NULL ? strchr(start, '>') : NULL;
	if (end != NULL)
		return g_strndup(start + 1, (gsize)(end - start - 1));
	return g_strstrip(g_strdup(mailbox));
}

/* Return-Path, which the last server wrote, comes before what the sender says. */
static char *post_sender(const struct deliver_post *post)
{
	for (size_t i = 0; i < post->post.header_count; i++) {
		if (g_ascii_strcasecmp(post->post.headers[i].name, "Return-Path") == 0)
			return post_bare_address(post->post.headers[i].value);
	}
	return post_bare_address(post->entry->sender != NULL ? post->entry->sender : "");
}

static bool post_is_among(const char *name, char *const *names)
{
	for (; *names != NULL; names++) {
		if (g_ascii_strcasecmp(name, *names) == 0)
			return true;
	}
	return false;
}

/* The address in the topmost field that has one of these names, with the part behind a plus. Caller
 * frees; NULL where there is none. */
static char *post_topmost(const struct deliver_post *post, char *const *names)
{
	for (size_t i = 0; i < post->post.header_count; i++) {
		const struct post_header *field = &post->post.headers[i];
		if (!post_is_among(field->name, names))
			continue;
		g_autofree char *address = post_bare_address(field->value);
		if (strchr(address, '@') != NULL)
			return steal(&address);
	}
	return NULL;
}

/* Where the mail was delivered to, which a Bcc, an alias or a part behind a plus does not show in To:
 * Postfix, Dovecot and Exim each put a field of their own in front, so that the topmost is the last
 * server's. An operator who knows his servers says which field counts first. Caller frees; NULL where
 * there is none. */
static char *post_delivered_to(const struct deliver_post *post, const char *order)
{
	static const char usual[] = "X-Original-To,Delivered-To,Envelope-To";
	g_auto(GStrv) names = g_strsplit(order != NULL ? order : usual, ",", -1);
	if (order == NULL)
		return post_topmost(post, names);
	char *address = NULL;
	for (char **name = names; *name != NULL && address == NULL; name++)
		address = post_topmost(post, (char *[]){*name, NULL});
	return address;
}

/* The receiver wants an address; a user name without a host gets the server's. */
static char *post_account(const struct work_queue *queue)
{
	scoped(connection_string_free) struct connection_string *server = NULL;
	struct error ignored;
	if (strchr(queue->user_name, '@') != NULL ||
	    connection_string_parse(queue->connection_string, &server, &ignored) != 0)
		return g_strdup(queue->user_name);
	return g_strdup_printf("%s@%s", queue->user_name, server->url);
}

/* ---- the mail ---- */

static int post_take_bodies(struct deliver_post *post, struct store *store, struct error *err)
{
	const struct entry *entry = post->entry;
	struct place place = {.store = store, .entry_id = entry->id, .part = ENTRY_MESSAGE_BODY};
	post->post.plain = body_source_of("");
	if (entry->has_message_body && post_find_part(post, &place, &post->post.plain, err) != 0)
		return -1;
	place.part = ENTRY_HTML_BODY;
	post->post.has_html = entry->has_html_body;
	if (entry->has_html_body && post_find_part(post, &place, &post->post.html, err) != 0)
		return -1;
	place.part = ENTRY_RAW;
	post->post.has_raw = entry->raw_kept;
	if (entry->raw_kept && post_find_part(post, &place, &post->post.raw, err) != 0)
		return -1;
	return 0;
}

static int post_take_files(struct deliver_post *post, struct store *store, struct error *err)
{
	GArray *files = g_array_new(FALSE, FALSE, sizeof(struct post_attachment));
	post->files = files;
	for (size_t i = 0; i < post->entry->attachment_count; i++) {
		const struct entry_attachment *attachment = &post->entry->attachments[i];
		const struct place place = {.store = store,
					    .entry_id = post->entry->id,
					    .part = ENTRY_ATTACHMENT,
					    .position = attachment->position};
		struct post_attachment file = {.file_name = attachment->file_name,
					       .content_type = attachment->content_type,
					       .disposition = attachment->disposition,
					       .content_id = attachment->content_id};
		if (post_find_part(post, &place, &file.content, err) != 0)
			return -1;
		g_array_append_val(files, file);
	}
	post->post.attachments = (const struct post_attachment *)(void *)files->data;
	post->post.attachment_count = files->len;
	return 0;
}

/* Made of what never changes in an entry and differs between databases that post to one target. */
static char *post_key(const struct entry *entry)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_autofree char *numbers =
	    g_strdup_printf("%" PRId64 " %" PRId64 " ", entry->id, entry->record_created_ms);
	g_checksum_update(sum, (const guchar *)numbers, -1);
	g_checksum_update(sum, entry->raw_sha256, sizeof entry->raw_sha256);
	return g_strdup_printf("msg_%.32s", g_checksum_get_string(sum));
}

/* ---- the post ---- */

static struct deliver_post *post_new(void)
{
	struct deliver_post *post = g_new0(struct deliver_post, 1);
	post->places = g_ptr_array_new_with_free_func(g_free);
	return post;
}

void deliver_post_free(struct deliver_post *post)
{
	if (post == NULL)
		return;
	body_free(post->body);
	g_free(post->content_type);
	g_free(post->key);
	entry_free(post->entry);
	g_free(post->to);
	g_free(post->from);
	g_free(post->reply);
	json_decref(post->headers);
	if (post->fields != NULL)
		g_array_free(post->fields, TRUE);
	if (post->files != NULL)
		g_array_free(post->files, TRUE);
	g_ptr_array_free(post->places, TRUE);
	g_free(post);
}

/* Measures the body as well: the request says its length first. */
static int post_make_body(struct deliver_post *post, const struct work_queue *queue,
			  struct error *err)
{
	enum post_format format;
	if (post_format_parse(queue->target.format, &format) != 0)
		return error_set(err, ERROR_CONFIGURATION, "unknown format '%s'",
				 queue->target.format);
	if (format == POST_RAW && !post->post.has_raw)
		return error_set(err, ERROR_NO,
				 "the raw message was not kept: keepRaw=True in the connection "
				 "string keeps those of new entries");
	post->body = post_body(&post->post, format, &post->content_type);
	return body_measure(post->body, &post->size_bytes, err);
}

static int post_read(struct deliver_post *post, struct store *store, const struct work_queue *queue,
		     int64_t entry_id, struct error *err)
{
	if (entry_find(store, entry_id, &post->entry, err) != 0)
		return -1;
	post_take_headers(post);
	post->to = post_delivered_to(post, queue->target.recipient);
	if (post->to == NULL)
		post->to = post_account(queue);
	post->post.to = post->to;
	post->post.from = post->from = post_sender(post);
	post->key = post_key(post->entry);
	if (post_take_bodies(post, store, err) != 0 || post_take_files(post, store, err) != 0)
		return -1;
	return post_make_body(post, queue, err);
}

/* One look at the database for all parts, so that they belong together. */
int deliver_post_of_entry(struct store *store, const struct work_queue *queue, int64_t entry_id,
			  struct deliver_post **ret_post, struct error *err)
{
	scoped(deliver_post_free) struct deliver_post *post = post_new();
	if (deliver_reply_find(store, entry_id, &post->reply, err) != 0)
		return -1;
	post->post.reply_plain = post->reply;
	if (store_begin_look(store, err) != 0)
		return -1;
	const int failed = post_read(post, store, queue, entry_id, err);
	store_rollback(store);
	if (failed != 0)
		return -1;
	*ret_post = steal(&post);
	return 0;
}

/* A mail with all parts that a receiver has to understand, made up with example.com's names. */
int deliver_post_sample(const struct work_queue *queue, struct deliver_post **ret_post,
			struct error *err)
{
	static const struct post_header headers[] = {
	    {"Return-Path", "<ann@example.com>"},
	    {"From", "Ann Lee <ann@example.com>"},
	    {"Subject", "A sample from inqueue"},
	    {"Message-ID", "<sample@example.com>"},
	};
	static const struct post_attachment file = {
	    .file_name = "sample.txt", .content_type = "text/plain", .disposition = "attachment"};
	scoped(deliver_post_free) struct deliver_post *post = post_new();
	post->key = g_uuid_string_random();
	post->to = post_account(queue);
	GArray *files = g_array_new(FALSE, FALSE, sizeof file);
	post->files = files;
	g_array_append_val(files, file);
	struct post_attachment *sample = &g_array_index(files, struct post_attachment, 0);
	sample->content = body_source_of("A sample attachment.\n");
	post->post = (struct post){
	    .headers = headers,
	    .header_count = G_N_ELEMENTS(headers),
	    .to = post->to,
	    .from = "ann@example.com",
	    .plain = body_source_of("It works.\n\nOn Tue, 3 Mar 2026, Robot wrote:\n> Does it?\n"),
	    .reply_plain = "It works.",
	    .attachments = sample,
	    .attachment_count = 1,
	    .has_raw = true,
	    .raw = body_source_of("From: Ann Lee <ann@example.com>\r\n"
				  "Subject: A sample from inqueue\r\n\r\nIt works.\r\n"),
	};
	if (post_make_body(post, queue, err) != 0)
		return -1;
	*ret_post = steal(&post);
	return 0;
}
