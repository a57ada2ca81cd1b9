/*
 * store.h - the database that holds work queues and their entries: opening it, transactions, noticing
 * what other processes change, and what can be wrong with it.
 *
 * Life:    store_open() .. store_close(). One store per process; do not carry it over a fork().
 * Times:   `now_ms` is passed in: milliseconds since 1970-01-01 UTC. In the database times are
 *          text, RFC 3339 UTC with milliseconds.
 * Errors:  functions return 0, or -1 with *err filled (queue/base/error.h).
 * Threads: one at a time.
 * Durable: a commit that returned 0 survives power loss.
 */
#ifndef QUEUE_STORE_H
#define QUEUE_STORE_H

#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

/* How long to wait for other processes. */
enum { STORE_PATIENCE_MS = 30000 };

enum store_mode {
	STORE_CREATE, /* open, create where it does not exist (0600; a missing folder: 0700) */
	STORE_WRITE,  /* must exist */
	STORE_READ /* must exist; nothing is changed but what a killed writer left half done, which
		      is undone, an older schema, and the log's files, which are made where they
		      are missing */
};

/*
 * Opens the database at `location` (a path of a SQLite file; an empty file is no database yet).
 * Brings an older schema up to date, also for STORE_READ: all of it or nothing, after a copy of the
 * database was made beside it unless there is no room for one, or store_options.no_copy is set. A
 * newer one is refused, also when it becomes newer while the store is open: NEWER comes out of the
 * next transaction then. Puts a database with a rollback journal into WAL mode, except for STORE_READ,
 * which reads it as it is. Errors: MISSING (with the way out in its text), FOREIGN, NEWER,
 * READ_ONLY, FULL, BUSY, IO, CORRUPT, and CONFIGURATION for one that others may write
 * (queue/base/trust.h), that lies on a network file system, or in which something runs that is not
 * ours; the file is untouched in each.
 */
int store_open(const char *location, enum store_mode mode, struct store **ret_store,
	       struct error *err);

/* Tells what the upgrade of an older database has done. Texts are borrowed for the call. */
struct store_upgraded {
	int64_t from, to;    /* versions of the schema */
	const char *copy;    /* path of the copy; NULL: there is none */
	const char *no_room; /* why there is none, where one was wanted */
};

struct store_options {
	int64_t patience_ms; /* for other processes, now and whenever the store is used */
	bool no_copy;	     /* of an older database */
	bool as_it_is;	     /* an older database is not brought up to date but refused */
	void (*upgraded)(const struct store_upgraded *upgraded, void *context); /* or NULL */
	void *context;
};

/* As store_open(), with these options. */
int store_open_with(const char *location, enum store_mode mode, const struct store_options *options,
		    struct store **ret_store, struct error *err);

/* As store_open(), but waits for other processes no longer than this. */
int store_open_within(const char *location, enum store_mode mode, int64_t patience_ms,
		      struct store **ret_store, struct error *err);

/* From now on. */
void store_set_patience_ms(struct store *store, int64_t patience_ms);

/* Rolls back what is open; takes NULL. */
void store_close(struct store *store);
SCOPED_DEFINE(struct store *, store_close)

/* One transaction that writes; it does not nest. Waits for other writers up to STORE_PATIENCE_MS,
 * fairly. */
int store_begin(struct store *store, struct error *err);

/* Several looks that see one state of the database, and cost what one costs; nothing is written
 * until store_rollback(). The log grows while it lasts: for short looks. */
int store_begin_look(struct store *store, struct error *err);

/* Durable when it returns 0; on an error everything since store_begin() is undone. Waits for
 * nobody.
 */
int store_commit(struct store *store, struct error *err);

/* Undoes; harmless outside a transaction. */
void store_rollback(struct store *store);

/* ---- has the database changed? ---- */

/*
 * A number that is another one after a change; 0 when there is no such database. Two changes within
 * some milliseconds may leave it as after the first: whoever acts on a new number looks once more a
 * moment later.
 */
uint64_t store_stamp(const char *location);

/* ---- waiting for changes that other processes make ---- */

struct store_watch;

/* Begins to notice the commits of other processes. Errors: IO. */
int store_watch_open(struct store *store, struct store_watch **ret_watch, struct error *err);

/* For poll(), POLLIN. */
int store_watch_descriptor(const struct store_watch *watch);

/* Forgets the changes so far. */
void store_watch_clear(struct store_watch *watch);

/* Takes NULL. */
void store_watch_close(struct store_watch *watch);
SCOPED_DEFINE(struct store_watch *, store_watch_close)

/* ---- the write-ahead log ---- */

/* How long the log is on disk. */
int64_t store_log_bytes(struct store *store);

/*
 * Words for a person where processes keep the log of the database at `path` from being emptied:
 * which ones (not ours), by number and name, and what ends it. NULL where it has not grown, or /proc
 * tells of nobody who reads at this moment. Caller frees with g_free(). Source: proc(5), /proc/locks,
 * and https://www.sqlite.org/walformat.html#wal_locks.
 */
char *store_log_held(struct store *store, const char *path);

/* ---- is the database whole, and what reads it? ---- */

/*
 * Reads the whole database and calls `report` for each thing that is wrong with it, at most 100:
 * pages, indexes, rows that point nowhere, objects of the schema that are missing or altered.
 */
int store_check(struct store *store, void (*report)(const char *problem, void *context),
		void *context, struct error *err);

/* The version of the schema. */
int store_schema_version(struct store *store, int64_t *ret_version, struct error *err);

/* That of the databases which this program makes. */
int64_t store_schema_newest(void);

/* The engine's library and its version: "SQLite 3.40.1". */
const char *store_engine_version(void);

/* Says how this program works around a fault of that version; NULL: no fault is known. */
const char *store_engine_workaround(void);

#endif
