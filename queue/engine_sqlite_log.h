/*
 * engine_sqlite_log.h - the write-ahead log, seen by the other files of the SQLite engine.
 */
#ifndef QUEUE_ENGINE_SQLITE_LOG_H
#define QUEUE_ENGINE_SQLITE_LOG_H

#include "queue/engine_sqlite.h"

/* Of a new connection: it never checkpoints by itself. */
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
