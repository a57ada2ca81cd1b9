/*
 * engine_internal.h - the one door to the database engine. Only the engine_sqlite files know SQLite.
 *
 * Life:       engine_open() .. engine_close(), which releases the statements too.
 * Statements: engine_prepare() prepares a statement once per text; the engine keeps it. The holder
 *             binds, steps and gives it back with statement_release() (scoped_statement does that).
 *             While somebody holds a row, the log cannot be emptied: hold a statement to read rows,
 *             not while you wait for anybody. One text has at most one holder at a time.
 * Ownership:  texts bound are copied before the call returns, unless said otherwise; column texts
 *             are borrowed until the next step or release.
 * Errors:     as in queue/base/error.h; texts name the database. A bind shows no error: the next
 *             step returns it.
 * Threads:    one at a time.
 * Memory:     a page cache of 4 MiB, and what one row takes.
 */
#ifndef QUEUE_ENGINE_INTERNAL_H
#define QUEUE_ENGINE_INTERNAL_H

#include "queue/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct statement;

/* Creates an empty database where there is nothing yet: the file with 0600, a missing folder with
 * 0700. Makes nothing on a network file system: CONFIGURATION. */
int engine_create(const char *location, struct error *err);

/* Turns the errno of making a file into FULL, READ_ONLY or IO. */
enum error_reason engine_reason_of(int number);

/* A name that was given to a file is durable once its folder is on disk. 0, or -1 with errno. */
int engine_sync_folder(const char *folder);

enum engine_access { ENGINE_READ, ENGINE_WRITE };

/* Opens what exists and changes nothing. Errors: MISSING, FOREIGN (no regular file), READ_ONLY, IO,
 * and CONFIGURATION on a network file system. */
int engine_open(const char *location, enum engine_access access, struct engine **ret_engine,
		struct error *err);

/* Rolls back what is open; takes NULL. */
void engine_close(struct engine *engine);

/* As the caller of engine_open() named it. */
const char *engine_location(const struct engine *engine);

/* The path of a file beside the database: its own resolved path and `suffix`. Caller frees with
 * g_free(). */
char *engine_sibling(const struct engine *engine, const char *suffix);

struct engine_identity {
	bool empty;	     /* no table yet */
	int64_t application; /* whose database it is */
	int64_t version;     /* of the schema */
};

/* Reads whose database this is; a database that is not `application`'s is not touched. */
int engine_identify(struct engine *engine, int64_t application,
		    struct engine_identity *ret_identity, struct error *err);

/* Sets the identity, in the open transaction. */
int engine_set_identity(struct engine *engine, int64_t application, int64_t version,
			struct error *err);

/* Decides how an empty database is laid out on disk. One that has a schema cannot be changed any
 * more. */
int engine_lay_out(struct engine *engine, struct error *err);

/*
 * Sets how safely, and in how much memory, a database that has its schema is worked with. A writer
 * puts one that has no write-ahead log yet into WAL mode, once. Errors: BUSY when it has been in
 * use all the time, IO where processes cannot share memory.
 */
int engine_configure(struct engine *engine, struct error *err);

/* How long to wait for other processes; not at all unless set. */
void engine_set_patience_ms(struct engine *engine, int64_t patience_ms);

/* Is another connection in a transaction that writes, or about to end one? Without waiting; false
 * within one of our own. */
bool engine_another_writes(struct engine *engine);

/* How long the log may get before a commit empties it; 16 MiB unless a test sets less. */
void engine_set_log_limit(struct engine *engine, int64_t size_bytes);

/* The size of the log on disk. */
int64_t engine_log_size(const struct engine *engine);

/* A transaction that writes: no other can begin until it ends. */
int engine_begin(struct engine *engine, struct error *err);
int engine_begin_look(struct engine *engine, struct error *err); /* one that does not */
int engine_commit(struct engine *engine, struct error *err);	 /* undoes on an error */
void engine_rollback(struct engine *engine);			 /* harmless outside */
bool engine_in_transaction(const struct engine *engine);

/* Runs statements without parameters or rows. */
int engine_execute(struct engine *engine, const char *sql, struct error *err);

/* Gives unused space, and the log's, back to the file system, in short transactions; none may be
 * open. While somebody is reading, the pages that he sees stay until a later commit. */
int engine_shrink(struct engine *engine, struct error *err);

/* Never NULL. SQL of ours has one function more: holds_text(TEXT, PART), is the part in the text,
 * whatever the case in any alphabet; 0 where either is NULL. */
struct statement *engine_prepare(struct engine *engine, const char *sql);
void statement_release(struct statement *statement);

static inline void statement_release_scoped(struct statement **statement)
{
	statement_release(*statement);
}
#define scoped_statement __attribute__((cleanup(statement_release_scoped))) struct statement

/* Parameters count from 1; a NULL text binds NULL. */
void statement_bind_int(struct statement *statement, int parameter, int64_t value);
void statement_bind_text(struct statement *statement, int parameter, const char *text);
void statement_bind_null(struct statement *statement, int parameter);
/* Borrowed until the statement is released. */
void statement_bind_bytes(struct statement *statement, int parameter, const void *bytes,
			  size_t size);
void statement_bind_utf8(struct statement *statement, int parameter, const char *text, size_t size);
/* `size_bytes` zeros, to be overwritten by engine_blob_write(). */
void statement_bind_zeros(struct statement *statement, int parameter, uint64_t size_bytes);

/* 1: there is a row; 0: done, and the statement can be bound and stepped anew; -1: error. */
int statement_step(struct statement *statement, struct error *err);

/* Columns count from 0. NULL reads as 0 and as NULL. */
int64_t statement_int(const struct statement *statement, int column);
const char *statement_text(const struct statement *statement, int column);
bool statement_is_null(const struct statement *statement, int column);

/* Of the last insert, and the rows touched by the last statement. */
int64_t engine_last_id(const struct engine *engine);
int64_t engine_changes(const struct engine *engine);

/* Overwrites the bytes of a blob with [offset, offset + size_bytes) of fd. IO when they cannot be
 * read. */
int engine_blob_write(struct engine *engine, const char *table, const char *column, int64_t id,
		      int fd, uint64_t offset, uint64_t size_bytes, struct error *err);

/* Copies `size` bytes at `offset` out of a blob. MISSING when the row is gone or the blob is
 * shorter. */
int engine_blob_read(struct engine *engine, const char *table, const char *column, int64_t id,
		     uint64_t offset, void *bytes, size_t size, struct error *err);

/* Reads [offset, offset + size) of fd into bytes. */
int engine_file_read(struct engine *engine, int fd, uint64_t offset, void *bytes, size_t size,
		     struct error *err);

/* ---- is the schema ours? ---- */

/* Until this has returned 0 no trigger runs and no view can be read. `document` is the text of the
 * schema, borrowed for the engine's life. Later transactions look again when the schema has changed.
 * Errors: CONFIGURATION, which names a trigger that the document does not have, or a view or virtual
 * table in place of one of the document's. Other tables, views and indexes run nothing. */
int engine_trust_schema(struct engine *engine, const char *document, struct error *err);

/* ---- is the file whole? ---- */

/* Reads everything; calls `report` for each problem, at most 200. */
int engine_check(struct engine *engine, void (*report)(const char *problem, void *context),
		 void *context, struct error *err);

/* *ret_there: is there a table, index, trigger or view of this name. */
int engine_has_object(struct engine *engine, const char *name, bool *ret_there, struct error *err);

/* "SQLite 3.40.1". */
const char *engine_version(void);

/* As store_engine_workaround(). Source: SQLite's release notes of 3.51.3. */
const char *engine_workaround(void);

/* ---- upgrades: a copy of the database, and the version of its schema ---- */

/* How many bytes engine_copy() writes, about. */
int engine_copy_size(struct engine *engine, uint64_t *ret_bytes, struct error *err);

/*
 * Writes what is committed into `path`, which must be an empty file, without unused pages; that it
 * is durable is the caller's business. Another engine of the same process may have a transaction
 * open meanwhile, this one not. Source: https://sqlite.org/lang_vacuum.html, "VACUUM with an INTO
 * clause".
 */
int engine_copy(struct engine *engine, const char *path, struct error *err);

/* From now on a transaction and a first row are refused with NEWER where the schema's version is
 * above this one. */
void engine_expect_version(struct engine *engine, int64_t version);

/* 0, or NEWER: the version of what the open transaction or statement sees is above the expected
 * one. Costs no system call within a transaction. */
int engine_check_version(struct engine *engine, struct error *err);

/* Fills *err. */
int engine_fail_newer(const struct engine *engine, int64_t found, int64_t known, struct error *err);

#endif
