/* Prepares each SQL text once and keeps it, binds and steps, and reads and writes blobs in
 * pieces. A bind that goes wrong is told by the next step, so that callers check one result. */
#include "queue/engine_sqlite_internal.h"

#include "queue/engine_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PIECE_SIZE ((size_t)256 * 1024)

void engine_statement_free(void *pointer)
{
	struct statement *statement = pointer;
	sqlite3_finalize(statement->handle);
	g_free(statement);
}

/* Each entry takes five look-ups of long texts, of which hardly two have one length and one end. */
unsigned engine_statement_hash(const void *sql)
{
	enum { END_BYTES = 16 };
	const size_t length = strlen(sql);
	const char *end = (const char *)sql + length;
	return (unsigned)length + g_str_hash(end - MIN(length, (size_t)END_BYTES));
}

/* The text is the key, and lives as long as the statement. */
static struct statement *find_statement(struct engine *engine, const char *sql)
{
	struct statement *statement = g_hash_table_lookup(engine->statements, sql);
	if (statement == NULL) {
		char *key = g_strdup(sql);
		statement = g_new0(struct statement, 1);
		statement->engine = engine;
		statement->sql = key;
		g_hash_table_insert(engine->statements, key, statement);
	}
	return statement;
}

struct statement *engine_prepare(struct engine *engine, const char *sql)
{
	struct statement *statement = find_statement(engine, sql);
	/* After a failure this is tried again: the reason may have passed. */
	if (statement->handle == NULL)
		statement->failure = sqlite3_prepare_v3(
		    engine->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle, NULL);
	return statement;
}

/* Reset ends the read lock of the statement; cleared bindings keep no text of the last use. */
void statement_release(struct statement *statement)
{
	if (statement == NULL || statement->handle == NULL)
		return;
	sqlite3_reset(statement->handle);
	sqlite3_clear_bindings(statement->handle);
	statement->failure = SQLITE_OK;
}

/* Keeps the first failure: later ones follow from it. */
static void bound(struct statement *statement, int code)
{
	if (statement->failure == SQLITE_OK)
		statement->failure = code;
}

void statement_bind_int(struct statement *statement, int parameter, int64_t value)
{
	if (statement->handle != NULL)
		bound(statement, sqlite3_bind_int64(statement->handle, parameter, value));
}

void statement_bind_text(struct statement *statement, int parameter, const char *text)
{
	if (statement->handle != NULL)
		bound(statement, sqlite3_bind_text64(statement->handle, parameter, text,
						     text != NULL ? strlen(text) : 0,
						     SQLITE_TRANSIENT, SQLITE_UTF8));
}

void statement_bind_null(struct statement *statement, int parameter)
{
	if (statement->handle != NULL)
		bound(statement, sqlite3_bind_null(statement->handle, parameter));
}

/* SQLITE_STATIC: the caller's bytes stay until the step is done, and nothing is copied. */
void statement_bind_bytes(struct statement *statement, int parameter, const void *bytes,
			  size_t size)
{
	/* SQLite takes a NULL address for NULL, not for an empty value. */
	if (statement->handle != NULL)
		bound(statement, sqlite3_bind_blob64(statement->handle, parameter,
						     size != 0 ? bytes : "", size, SQLITE_STATIC));
}

void statement_bind_utf8(struct statement *statement, int parameter, const char *text, size_t size)
{
	if (statement->handle != NULL)
		bound(statement,
		      sqlite3_bind_text64(statement->handle, parameter, size != 0 ? text : "", size,
					  SQLITE_STATIC, SQLITE_UTF8));
}

void statement_bind_zeros(struct statement *statement, int parameter, uint64_t size_bytes)
{
	if (statement->handle != NULL)
		bound(statement, sqlite3_bind_zeroblob64(statement->handle, parameter, size_bytes));
}

/* A transaction was checked when it began. A statement outside of one is checked once it has a
 * row, or finds that what it asks for is not there: only then has it seen the database. */
static int check_step(struct statement *statement, bool begins, int code, struct error *err)
{
	const bool failed = code != SQLITE_ROW && code != SQLITE_DONE;
	const int result = failed ? engine_fail(statement->engine, code, err) : 0;
	if (!begins || (code != SQLITE_ROW && code != SQLITE_ERROR))
		return result;
	return engine_check_version(statement->engine, err) != 0 ? -1 : result;
}

int statement_step(struct statement *statement, struct error *err)
{
	const bool begins =
	    !engine_in_transaction(statement->engine) && sqlite3_stmt_busy(statement->handle) == 0;
	int code = statement->failure;
	if (code == SQLITE_OK)
		code = sqlite3_step(statement->handle);
	const int result = check_step(statement, begins, code, err);
	if (result == 0 && code == SQLITE_ROW)
		return 1;
	statement_release(statement);
	return result;
}

int64_t statement_int(const struct statement *statement, int column)
{
	return sqlite3_column_int64(statement->handle, column);
}

const char *statement_text(const struct statement *statement, int column)
{
	return (const char *)sqlite3_column_text(statement->handle, column);
}

bool statement_is_null(const struct statement *statement, int column)
{
	return sqlite3_column_type(statement->handle, column) == SQLITE_NULL;
}

int64_t engine_last_id(const struct engine *engine)
{
	return sqlite3_last_insert_rowid(engine->db);
}

int64_t engine_changes(const struct engine *engine)
{
	return sqlite3_changes64(engine->db);
}

/* ---- blobs ---- */

static void blob_close(sqlite3_blob **blob)
{
	sqlite3_blob_close(*blob);
}
#define scoped_blob __attribute__((cleanup(blob_close))) sqlite3_blob

/* pread() leaves the descriptor's place alone: several parts of one file are read in any order. */
int engine_file_read(struct engine *engine, int fd, uint64_t offset, void *bytes, size_t size,
		     struct error *err)
{
	for (size_t done = 0; done < size;) {
		const ssize_t count =
		    pread(fd, (char *)bytes + done, size - done, (off_t)(offset + done));
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return error_because(
			    err, REASON_IO, "content for database '%s' cannot be read: %s",
			    engine->location,
			    count < 0 ? g_strerror(errno) : "the file is shorter than it was");
		done += (size_t)count;
	}
	return 0;
}

/* SQLite writes a blob through one handle; it stays open for all pieces, because the caller
 * waits for nobody meanwhile. */
int engine_blob_write(struct engine *engine, const char *table, const char *column, int64_t id,
		      int fd, uint64_t offset, uint64_t size_bytes, struct error *err)
{
	scoped_blob *blob = NULL;
	int code = sqlite3_blob_open(engine->db, "main", table, column, id, 1, &blob);
	if (code != SQLITE_OK)
		return engine_fail(engine, code, err);
	if (engine->piece == NULL)
		engine->piece = g_malloc(PIECE_SIZE);
	for (uint64_t done = 0; done < size_bytes;) {
		const size_t size = (size_t)MIN(size_bytes - done, PIECE_SIZE);
		if (engine_file_read(engine, fd, offset + done, engine->piece, size, err) != 0)
			return -1;
		code = sqlite3_blob_write(blob, engine->piece, (int)size, (int)done);
		if (code != SQLITE_OK)
			return engine_fail(engine, code, err);
		done += size;
	}
	return 0;
}

int engine_blob_read(struct engine *engine, const char *table, const char *column, int64_t id,
		     uint64_t offset, void *bytes, size_t size, struct error *err)
{
	scoped_blob *blob = NULL;
	int code = sqlite3_blob_open(engine->db, "main", table, column, id, 0, &blob);
	if (code == SQLITE_OK && (uint64_t)sqlite3_blob_bytes(blob) >= offset + size)
		code = sqlite3_blob_read(blob, bytes, (int)size, (int)offset);
	else if (code == SQLITE_OK || code == SQLITE_ERROR)
		/* SQLITE_ERROR is what opening a row that does not exist says. */
		return error_because(err, REASON_MISSING, "database '%s': the content was deleted",
				     engine->location);
	return code == SQLITE_OK ? 0 : engine_fail(engine, code, err);
}

/* ---- a function of ours in SQL: holds_text(TEXT, PART), does the text contain the part ---- */

/* It ignores case in all alphabets, for which SQLite's own lower() knows ASCII only.
 * Composed first, so that an Ä of one character and one of two are the same. Caller frees. */
static char *text_fold(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	g_autofree char *composed = g_utf8_normalize(valid, -1, G_NORMALIZE_DEFAULT_COMPOSE);
	return g_utf8_casefold(composed, -1);
}

/* The part stays the same for all rows of a statement, and SQLite keeps what was made of it. */
static const char *text_folded_part(sqlite3_context *context, sqlite3_value *value, char **made)
{
	const char *kept = sqlite3_get_auxdata(context, 1);
	if (kept != NULL)
		return kept;
	*made = text_fold((const char *)sqlite3_value_text(value));
	return *made;
}

/* NULL holds nothing. SQLite may release the part as soon as it gets it: it is handed over last. */
static void text_holds(sqlite3_context *context, int count, sqlite3_value **values)
{
	char *made = NULL;
	(void)count;
	const char *text = (const char *)sqlite3_value_text(values[0]);
	if (text == NULL || sqlite3_value_type(values[1]) == SQLITE_NULL) {
		sqlite3_result_int(context, 0);
		return;
	}
	const char *part = text_folded_part(context, values[1], &made);
	g_autofree char *folded = text_fold(text);
	sqlite3_result_int(context, strstr(folded, part) != NULL);
	if (made != NULL)
		sqlite3_set_auxdata(context, 1, made, g_free);
}

/* The schema of a strange database cannot call it. */
void engine_text_attach(struct engine *engine)
{
	sqlite3_create_function_v2(engine->db, "holds_text", 2,
				   SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
				   text_holds, NULL, NULL, NULL);
}
