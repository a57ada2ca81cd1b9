/* Stores bytes once per SHA-256 and reads them back. Content up to 1 MiB is one value of a
 * statement; longer content is written into the blob piece by piece, so that memory does not
 * grow with it. */
#include "queue/entry_internal.h"

#include <glib.h>
#include <nettle/sha2.h>

/* Content up to WHOLE_MAX is bound as one value. The pages of longer content are written twice,
 * first as zeros, but only one piece of it is ever in memory. */
#define WHOLE_MAX      ((size_t)1024 * 1024)
#define READ_AHEAD     ((size_t)1024 * 1024)
#define WRITE_PIECE    ((size_t)64 * 1024)
#define SIZE_MAX_BYTES UINT64_C(1000000000)

/* 1: content with this digest is there; 0: it is not. A different size under one digest means
 * that the digest is wrong, and is an error. */
static int find_same(struct store *store, const char *sha256, uint64_t size_bytes,
		     struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT size FROM content WHERE sha256 = ?");
	statement_bind_text(statement, 1, sha256);
	const int result = statement_step(statement, err);
	if (result == 1 && (uint64_t)statement_int(statement, 0) != size_bytes)
		return error_because(err, REASON_INVALID,
				     "content %s is there with another size: its digest is wrong",
				     sha256);
	return result;
}

#define INSERT_SQL "INSERT INTO content (sha256, size, data) VALUES (?, ?, ?)"

static void make_digest(const struct sha256_ctx *hash, char ret_sha256[static VALUE_SHA256_MAX])
{
	struct sha256_ctx ended = *hash;
	unsigned char digest[SHA256_DIGEST_SIZE];
	sha256_digest(&ended, sizeof digest, digest);
	value_format_sha256(digest, ret_sha256);
}

/* Reads the bytes once, so that the digest belongs to what is stored even when somebody writes
 * to the file meanwhile. */
static int put_whole(struct store *store, const struct entry_content *content,
		     char ret_sha256[static VALUE_SHA256_MAX], struct error *err)
{
	const size_t size = (size_t)content->size_bytes;
	g_autofree unsigned char *bytes = g_malloc(size + 1);
	if (engine_file_read(store->engine, content->fd, content->offset, bytes, size, err) != 0)
		return -1;
	if (!content->hashed) {
		struct sha256_ctx hash;
		sha256_init(&hash);
		sha256_update(&hash, size, bytes);
		make_digest(&hash, ret_sha256);
	}
	const int found = find_same(store, ret_sha256, size, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	scoped_statement *statement = engine_prepare(store->engine, INSERT_SQL);
	statement_bind_text(statement, 1, ret_sha256);
	statement_bind_int(statement, 2, (int64_t)size);
	statement_bind_bytes(statement, 3, bytes, size);
	return statement_step(statement, err);
}

/* Reads the file once to hash it; put_in_pieces() reads it a second time to store it, when its
 * digest is new. */
static int hash_in_pieces(struct store *store, const struct entry_content *content,
			  char ret_sha256[static VALUE_SHA256_MAX], struct error *err)
{
	struct sha256_ctx hash;
	g_autofree unsigned char *bytes = g_malloc(WRITE_PIECE);
	sha256_init(&hash);
	for (uint64_t done = 0; done < content->size_bytes;) {
		const size_t size = (size_t)MIN(content->size_bytes - done, WRITE_PIECE);
		if (engine_file_read(store->engine, content->fd, content->offset + done, bytes,
				     size, err) != 0)
			return -1;
		sha256_update(&hash, size, bytes);
		done += size;
	}
	make_digest(&hash, ret_sha256);
	return 0;
}

/* Makes the row with zeros of the right size, then overwrites them: SQLite takes a blob in
 * pieces only where its room is there already. */
static int put_in_pieces(struct store *store, const struct entry_content *content,
			 char ret_sha256[static VALUE_SHA256_MAX], struct error *err)
{
	if (!content->hashed && hash_in_pieces(store, content, ret_sha256, err) != 0)
		return -1;
	const int found = find_same(store, ret_sha256, content->size_bytes, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	{
		scoped_statement *statement = engine_prepare(store->engine, INSERT_SQL);
		statement_bind_text(statement, 1, ret_sha256);
		statement_bind_int(statement, 2, (int64_t)content->size_bytes);
		statement_bind_zeros(statement, 3, content->size_bytes);
		if (statement_step(statement, err) != 0)
			return -1;
	}
	return engine_blob_write(store->engine, "content", "data", engine_last_id(store->engine),
				 content->fd, content->offset, content->size_bytes, err);
}

int content_put(struct store *store, const struct entry_content *content,
		char ret_sha256[static VALUE_SHA256_MAX], struct error *err)
{
	if (content->size_bytes > SIZE_MAX_BYTES)
		return error_because(err, REASON_INVALID,
				     "content of %" G_GUINT64_FORMAT " bytes: the database holds "
				     "at most 1,000,000,000 in one piece",
				     content->size_bytes);
	if (content->hashed)
		value_format_sha256(content->sha256, ret_sha256);
	if (content->size_bytes <= WHOLE_MAX)
		return put_whole(store, content, ret_sha256, err);
	return put_in_pieces(store, content, ret_sha256, err);
}

/* One statement for all of it: content has no counter of its users that could go wrong. EXCEPT
 * walks the indices of the four columns that refer to content. */
int content_drop_unused(struct store *store, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "DELETE FROM content WHERE sha256 IN (SELECT sha256 FROM content"
	    " EXCEPT SELECT sha256 FROM attachment"
	    " EXCEPT SELECT raw_content FROM entry_mail WHERE raw_content IS NOT NULL"
	    " EXCEPT SELECT message_body_content FROM entry_mail"
	    " WHERE message_body_content IS NOT NULL"
	    " EXCEPT SELECT html_body_content FROM entry_mail WHERE html_body_content IS NOT "
	    "NULL)");
	return statement_step(statement, err);
}

/* Pieces of 64 KiB, as for content that is read from a blob: the caller cannot tell where the
 * bytes were. */
int content_write(const void *bytes, size_t size,
		  int (*write)(const void *bytes, size_t size, void *context), void *context,
		  struct error *err)
{
	for (size_t done = 0; done < size;) {
		const size_t piece = MIN(size - done, WRITE_PIECE);
		if (write((const char *)bytes + done, piece, context) != 0)
			return error_because(err, REASON_IO, "%s", "");
		done += piece;
	}
	return 0;
}

int content_read(struct store *store, int64_t content_id, uint64_t size_bytes,
		 int (*write)(const void *bytes, size_t size, void *context), void *context,
		 struct error *err)
{
	/* `write` may wait for somebody, and an open blob holds up writers, so the blob is
	 * opened anew for each piece. */
	g_autofree unsigned char *bytes = g_malloc(READ_AHEAD);
	for (uint64_t done = 0; done < size_bytes;) {
		const size_t size = (size_t)MIN(size_bytes - done, READ_AHEAD);
		if (engine_blob_read(store->engine, "content", "data", content_id, done, bytes,
				     size, err) != 0 ||
		    content_write(bytes, size, write, context, err) != 0)
			return -1;
		done += size;
	}
	return 0;
}
