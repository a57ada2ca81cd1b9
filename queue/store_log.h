/*
 * store_log.h - has the database's write-ahead log grown, and who keeps it from being emptied.
 *
 * Errors:  none; what the system does not tell is not said.
 * Threads: as in store.h.
 */
#ifndef QUEUE_STORE_LOG_H
#define QUEUE_STORE_LOG_H

#include "queue/store.h"

#include <stdbool.h>
#include <stdint.h>

struct store_log {
	int64_t size_bytes;
	bool grown; /* longer than it is while nobody reads, transactions of that size aside */
};

void store_log_find(struct store *store, struct store_log *ret_log);

/*
 * The processes that are reading the database at this moment, ours aside: "process 4711 (sqlite3)",
 * several joined by commas; NULL where there is none, or /proc tells of none. Caller frees with
 * g_free(). Source: proc(5), /proc/locks, and https://www.sqlite.org/walformat.html#wal_locks.
 */
char *store_log_readers(struct store *store);

#endif
