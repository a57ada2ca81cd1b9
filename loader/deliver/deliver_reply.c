/* The reply of an entry: what its text says beside the mail that it quotes, for posts in the
 * formats that have a field for it. */
#include "loader/deliver/deliver_internal.h"

#include "loader/parse/parser.h"
#include "loader/parse/spool.h"

/* The parser looks at less of it. */
enum { REPLY_TEXT_MAX = 1024 * 1024 };

/* Writes the beginning of the text body to the file. */
static int reply_spool_text(struct store *store, int64_t entry_id, int spool, uint64_t *ret_size,
			    struct error *err)
{
	scoped(entry_source_close) struct entry_source *source = NULL;
	char bytes[16384];
	size_t size = 1;
	*ret_size = 0;
	if (entry_source_open(store, entry_id, ENTRY_MESSAGE_BODY, 0, &source, err) != 0)
		return -1;
	while (size > 0 && *ret_size < REPLY_TEXT_MAX) {
		if (entry_source_read(source, bytes, sizeof bytes, &size, err) != 0 ||
		    spool_write(spool, *ret_size, bytes, size, err) != 0)
			return -1;
		*ret_size += size;
	}
	return 0;
}

/* A text that the parser dies of has none. */
static int reply_make(struct store *store, int64_t entry_id, char **ret_reply, struct error *err)
{
	const struct mime_options options = mime_options_default();
	scoped(descriptor_close) int text = -1;
	scoped(descriptor_close) int output = -1;
	scoped(parser_stop) struct parser *parser = NULL;
	scoped(mime_message_free) struct mime_message *result = NULL;
	const char *failure;
	uint64_t size;
	size_t index;
	if (spool_open_in_memory(&text, err) != 0 || spool_open_in_memory(&output, err) != 0 ||
	    reply_spool_text(store, entry_id, text, &size, err) != 0)
		return -1;
	parser = parser_new(&options, text, output);
	if (parser_submit_text(parser, 0, size, &index, err) != 0 ||
	    parser_finish(parser, err) != 0 ||
	    parser_read(parser, index, &result, &failure, err) != 0)
		return -1;
	*ret_reply = g_strdup(result->reply_plain != NULL ? result->reply_plain : "");
	return 0;
}

static int reply_keep(struct store *store, int64_t entry_id, const char *reply, struct error *err)
{
	if (store_begin(store, err) != 0)
		return -1;
	if (entry_note_reply(store, entry_id, reply, err) != 0) {
		store_rollback(store);
		return -1;
	}
	return store_commit(store, err) != 0 ? -1 : 0;
}

/* An entry of an older version has no reply yet: the parser reads its text, and the entry keeps
 * what it finds. */
int deliver_reply_find(struct store *store, int64_t entry_id, char **ret_reply, struct error *err)
{
	g_autofree char *reply = NULL;
	if (entry_find_reply(store, entry_id, &reply, err) != 0)
		return -1;
	if (reply == NULL && (reply_make(store, entry_id, &reply, err) != 0 ||
			      reply_keep(store, entry_id, reply, err) != 0))
		return -1;
	*ret_reply = steal(&reply);
	return 0;
}
