/*
 * store_internal.h - what the files of queue/ share of a store: its struct, transactions, upgrades, how
 * values are written, and the locks of its queues.
 *
 * Writing: a function that writes brackets its work with store_enter() and store_leave(). They use
 *          the caller's transaction when one is open, else they make one.
 * Errors, threads: as in store.h.
 */
#ifndef QUEUE_STORE_INTERNAL_H
#define QUEUE_STORE_INTERNAL_H

#include "queue/base/error.h"
#include "queue/engine_internal.h"
#include "queue/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define STORE_APPLICATION 0x696E7175 /* "inqu" */

/* How the schema came to be. Version n is `current`, or version 1 and upgrades[0] to upgrades[n -
 * 2].
 */
struct store_schema {
	const char *current;
	const char *const
	    *upgrades; /* upgrades[i] leads from version i + 1 to i + 2; NULL ends them */
};

struct store {
	struct engine *engine;
	int lock_fd;	/* of the file with the queues' locks, or -1 */
	GArray *locked; /* int64_t ids of the queues this process has locked, or NULL */
};

/* store_open_with() with another schema, for tests of upgrades. */
int store_open_schema(const char *location, enum store_mode mode, const struct store_schema *schema,
		      const struct store_options *options, struct store **ret_store,
		      struct error *err);

/* Begins a transaction unless the caller has one; *ret_own says which, for store_leave(). */
int store_enter(struct store *store, bool *ret_own, struct error *err);

/* Ends what store_enter() began, by `result`, and returns it, or -1 when the commit fails. */
int store_leave(struct store *store, bool own, int result, struct error *err);

/* Fill *err for an id that the database does not have: MISSING. Return -1. */
int store_no_queue(int64_t queue_id, struct error *err);
int store_no_entry(int64_t entry_id, struct error *err);

/* ---- upgrades ---- */

/* The version that the steps lead to. */
int64_t store_upgrade_target(const struct store_schema *schema);

/* Whose database this is; FOREIGN, or NEWER than `version`. */
int store_identify(struct store *store, int64_t version, struct engine_identity *ret_identity,
		   struct error *err);

/* In one transaction, which nobody else's change comes before: the copy, all steps that are
 * missing, the version. An error leaves the database as it was. Nothing happens where another
 * process was faster. */
int store_upgrade(struct store *store, const struct store_schema *schema,
		  const struct store_options *options, struct error *err);

/* ---- times and digests as the database has them ---- */
/*
 * RFC 3339 UTC; a time outside the years 0000 to 9999 becomes the nearest one inside. Pure functions
 * without errors.
 */

#define VALUE_TIME_MAX	 32 /* bytes of a time with its NUL */
#define VALUE_SHA256_MAX 65 /* bytes of a digest in hexadecimal with its NUL */

/* "2026-01-31T12:00:00.000Z"; milliseconds since 1970-01-01 UTC. */
void value_format_time_ms(int64_t time_ms, char text[VALUE_TIME_MAX]);

/* "2026-01-31T12:00:00Z"; seconds since 1970-01-01 UTC. */
void value_format_time_s(int64_t time_s, char text[VALUE_TIME_MAX]);

/* The inverse, of either form; 0 for NULL and for what is no time. */
int64_t value_parse_time_ms(const char *text);
int64_t value_parse_time_s(const char *text);

/* 64 lower-case hexadecimal digits. */
void value_format_sha256(const unsigned char sha256[32], char text[VALUE_SHA256_MAX]);

/* The inverse; zeros for NULL and for what is no digest. */
void value_parse_sha256(const char *text, unsigned char ret_sha256[32]);

/* ---- locks ---- */
/*
 * The file beside a database whose bytes stand for the rights of processes to queues.
 *
 * POSIX record locks (fcntl F_SETLK): these belong to the process. A child does not inherit them
 * and cannot keep them alive, unlike the locks of an open file description, which a parser child
 * would hold on to after its worker was killed. Their price is that closing any descriptor of the
 * file gives all of the process's locks up: it is opened once in a process, by one of
 * work_queue_lock() and work_queue_watch_open(). The file is never deleted: a lock on a deleted
 * file excludes nobody. A new file gets the database's owner and permissions.
 *
 * Errors:  READ_ONLY, FULL, IO; texts name the file.
 * Threads: one at a time.
 */

/* The byte at a queue's id stands for the right to load it. The byte at the id and
 * LOCK_FILE_DELIVERY stands for the right to deliver, that at the id and LOCK_FILE_WATCH for the
 * right to watch. */
#define LOCK_FILE_DELIVERY (INT64_C(1) << 60)
#define LOCK_FILE_WATCH	   (INT64_C(1) << 61)
/* From here on bytes stand for places at targets. */
#define LOCK_FILE_PLACES (INT64_C(1) << 62)

/* `path` is the file's, `database` the database's. */
int lock_file_open(const char *path, const char *database, int *ret_descriptor, struct error *err);

/* Makes the one of this suffix where there is none; whoever opens it says why it could not be made. */
void lock_file_make(const char *location, const char *suffix);

/* *ret_taken is false when another process has the byte. */
int lock_file_take(int descriptor, int64_t byte, bool *ret_taken, struct error *err);
void lock_file_give(int descriptor, int64_t byte);

/* Has another process the byte? */
bool lock_file_is_held(int descriptor, int64_t byte);

/* The process that has the byte; 0 = none, or not to be known from here. */
int lock_file_holder(int descriptor, int64_t byte);

#endif
