/*
 * engine_sqlite_internal.h - what the engine_sqlite files share. No other file includes it.
 */
#ifndef QUEUE_ENGINE_SQLITE_INTERNAL_H
#define QUEUE_ENGINE_SQLITE_INTERNAL_H

#include "queue/engine_internal.h"

#include <glib.h>
#include <sqlite3.h>

struct statement {
	struct engine *engine;
	const char *sql; /* the key in engine.statements */
	sqlite3_stmt *handle;
	int failure; /* of preparing or binding; the next step tells it */
};

struct engine {
	sqlite3 *db;
	sqlite3_file *file; /* SQLite's own, of the database */
	enum engine_access access;
	int64_t version;      /* the newest schema that is taken; 0 = any */
	const char *document; /* of the schema; NULL = not compared yet */
	int64_t cookie;	      /* SQLite's number of the schema that was compared */
	char *location;
	GHashTable *statements; /* SQL text -> struct statement */
	int64_t patience_ms;
	int64_t patience_end_us;
	unsigned asked;	      /* how often SQLite has asked since the wait began */
	bool begins_to_write; /* the wait is for the right to write */
	unsigned char *piece; /* PIECE_SIZE bytes, on first use */
	int64_t log_pages;    /* in the write-ahead log after our last commit */
	int64_t log_page_bytes;
	int64_t log_limit_bytes;
	int64_t log_tried_bytes; /* how long it was when it was to be emptied; 0: it was short */
	int64_t log_tried_us;
};

/* Fills *err with what SQLite's result means to the caller. Returns -1. */
int engine_fail(const struct engine *engine, int code, struct error *err);

/* SQLite's busy handler: waits a moment, in which the others may finish. 0: the time is up. */
int engine_wait_for_others(void *context, int count);

/* A struct statement, for the table of them; its text, by which it is found there. */
void engine_statement_free(void *pointer);
unsigned engine_statement_hash(const void *sql);

/* A new connection runs nothing that the database brings. */
void engine_trust_nothing(struct engine *engine);

/* In a transaction: compares the schema again if it has changed. */
int engine_check_schema(struct engine *engine, struct error *err);

/* Makes holds_text(TEXT, PART) known to the statements of a new connection. */
void engine_text_attach(struct engine *engine);

/* Refuses a database, there or still to be made, on a network file system: CONFIGURATION, which names
 * the folder. */
int engine_check_place(const char *location, struct error *err);

/* ---- the write-ahead log ---- */

/* Prepares a new connection: it never checkpoints by itself. */
void engine_log_attach(struct engine *engine);

/* Puts the database into WAL mode where it is not. Errors: BUSY, and IO where no memory can be
 * shared. */
int engine_log_require(struct engine *engine, struct error *err);

/* Says that no memory can be shared where the database lies, and what to do about it. */
int engine_log_refuse(const struct engine *engine, struct error *err);

/* After a commit: empties a log that has become long, as far as readers let it, without waiting for
 * them. */
void engine_log_bound(struct engine *engine);

/* Before the connection is closed: leaves a short one behind, where that takes no wait. */
void engine_log_leave(struct engine *engine);

/* Empties it, whatever its length, and gives all of its space back. */
void engine_log_give_back(struct engine *engine);

#endif
