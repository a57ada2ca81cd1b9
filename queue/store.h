/*
 * store.h - the database that holds work queues and their entries.
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
 * database was made beside it (store_copy.h) unless there is no room for one. A newer one is
 * refused, also when it becomes newer while the store is open: NEWER comes out of the next
 * transaction then. Puts a database with a rollback journal into WAL mode, except for STORE_READ,
 * which reads it as it is. Errors: MISSING (with the way out in its text), FOREIGN, NEWER,
 * READ_ONLY, FULL, BUSY, IO, CORRUPT; the file is untouched in each.
 */
int store_open(const char *location, enum store_mode mode, struct store **ret_store,
	       struct error *err);

/* What has become of an older database. Texts are borrowed for the call. */
struct store_upgraded {
	int64_t from, to;    /* versions of the schema */
	const char *copy;    /* path of the copy; NULL: there is none */
	const char *no_room; /* why there is none, where one was wanted */
};

struct store_options {
	int64_t patience_ms; /* for other processes, now and whenever the store is used */
	bool no_copy;	     /* of an older database */
	void (*upgraded)(const struct store_upgraded *upgraded, void *context); /* or NULL */
	void *context;
};

int store_open_with(const char *location, enum store_mode mode, const struct store_options *options,
		    struct store **ret_store, struct error *err);

/* Likewise, for those who have other things to do than to wait for other processes. */
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

#endif
