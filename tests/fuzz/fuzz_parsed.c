/*
 * What a parser that a message has taken over could answer: refused, or stored in a database and read
 * back whole. The input is the record, for a message that has the bytes [1000, 3000) of an output file
 * of text.
 */
#include "loader/make/make_entry.h"
#include "loader/parse/parser_internal.h"
#include "loader/parser/protocol/protocol.h"
#include "queue/work_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FILE_BYTES = 3000, BEGIN = 1000, NOW_MS = 1000 };

static int output;
static char content[FILE_BYTES];
static char folder[] = "/tmp/inqueue-fuzz-XXXXXX";
static struct store *store;
static int64_t queue_id;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void remove_database(void)
{
	g_autoptr(GDir) names = g_dir_open(folder, 0, NULL);
	const char *name;
	store_close(store);
	while (names != NULL && (name = g_dir_read_name(names)) != NULL) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		remove(path);
	}
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct error err;
	struct work_queue queue = {
	    .name = (char *)"fuzz",
	    .class_name = (char *)"Mail",
	    .external_source = (char *)"File",
	    .connection_string = (char *)"",
	    .user_name = (char *)"",
	    .credential_source = (char *)"prompt",
	};
	(void)argc;
	(void)argv;
	memset(content, 'a', sizeof content);
	require(mkdtemp(folder) != NULL);
	g_autofree char *path = g_build_filename(folder, "queue.db", NULL);
	require(store_open(path, STORE_CREATE, &store, &err) == 0);
	require(work_queue_put(store, &queue, NOW_MS, &queue_id, &err) == 0);
	require(atexit(remove_database) == 0);
	output = memfd_create("output", MFD_CLOEXEC);
	require(output >= 0 && pwrite(output, content, sizeof content, 0) == sizeof content);
	return 0;
}

static int put(const struct entry *entry, const struct entry_contents *contents, void *ret_id,
	       struct error *err)
{
	return entry_put(store, entry, contents, NOW_MS, ret_id, err);
}

static void require_same(const char *stored, const char *said)
{
	require(g_strcmp0(stored, said) == 0);
}

struct part {
	const char *expected;
	uint64_t left;
};

static int compare_piece(const void *bytes, size_t size, void *context)
{
	struct part *part = context;
	require(size <= part->left && memcmp(bytes, part->expected, size) == 0);
	part->expected += size;
	part->left -= size;
	return 0;
}

static void require_part(int64_t id, enum entry_part kind, uint32_t position,
			 const struct mime_content *said)
{
	struct part part = {.expected = content + said->offset, .left = said->size};
	struct error err;
	require(entry_read(store, id, kind, position, compare_piece, &part, &err) == 0);
	require(part.left == 0);
}

static void require_attachments(const struct entry *entry, const struct mime_message *message)
{
	require(entry->attachment_count == message->attachment_count);
	for (size_t i = 0; i < message->attachment_count; i++) {
		const struct mime_attachment *said = &message->attachments[i];
		const struct entry_attachment *stored = &entry->attachments[i];
		require_same(stored->file_name, said->file_name);
		require_same(stored->declared_name, said->declared_name);
		require_same(stored->content_type, said->content_type);
		require_same(stored->disposition, said->disposition);
		require_same(stored->content_id, said->content_id);
		require(stored->size_bytes == said->content.size);
		require_part(entry->id, ENTRY_ATTACHMENT, (uint32_t)i + 1, &said->content);
	}
}

static void require_stored(int64_t id, const struct mime_message *message)
{
	struct error err;
	scoped(entry_free) struct entry *entry = NULL;
	require(entry_find(store, id, &entry, &err) == 0);
	require_same(entry->subject, message->subject);
	require_same(entry->sender, message->sender);
	require_same(entry->recipient, message->recipient);
	require_same(entry->cc, message->cc);
	require_same(entry->bcc, message->bcc);
	require_same(entry->reply_to, message->reply_to);
	require_same(entry->message_id, message->message_id);
	require_same(entry->in_reply_to, message->in_reply_to);
	require_same(entry->thread_references, message->thread_references);
	require_same(entry->headers, message->headers);
	require_same(entry->defects, message->defects);
	require_same(entry->signature, message->signature);
	require_same(entry->auto_class, message->auto_class);
	require_same(entry->auto_reason, message->auto_reason);
	require(entry->date_sent_s == (message->has_date_sent ? message->date_sent : 1));
	require(entry->calendar_count == message->calendar_count);
	require(entry->bounce_count == message->bounce_count);
	require(entry->has_message_body == message->text_body.present);
	require(entry->has_html_body == message->html_body.present);
	if (message->text_body.present)
		require_part(id, ENTRY_MESSAGE_BODY, 0, &message->text_body);
	if (message->html_body.present)
		require_part(id, ENTRY_HTML_BODY, 0, &message->html_body);
	require_attachments(entry, message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct parser_answer answer = {
	    .begin = BEGIN, .record_offset = FILE_BYTES, .record_size = size};
	const struct make_message raw = {.output = output, .received_s = 1};
	scoped(mime_message_free) struct mime_message *message = NULL;
	struct error err;
	int64_t id = 0;
	bool bad = false;
	require(ftruncate(output, FILE_BYTES) == 0);
	require(pwrite(output, data, size, FILE_BYTES) == (ssize_t)size);
	if (parser_answer_read(&answer, output, &message, &err) != 0)
		return 0;
	require(store_begin(store, &err) == 0);
	require(make_entry_of(queue_id, &raw, message, NULL, put, &id, &bad, &err) == 0 && !bad);
	require_stored(id, message);
	store_rollback(store);
	return 0;
}
