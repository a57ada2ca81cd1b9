/*
 * lock_file_internal.h - the file beside a database whose bytes stand for the rights of processes
 * to queues.
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
#ifndef QUEUE_LOCK_FILE_INTERNAL_H
#define QUEUE_LOCK_FILE_INTERNAL_H

#include "queue/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* The byte at a queue's id stands for the right to load it. The byte at the id and
 * LOCK_FILE_DELIVERY stands for the right to deliver, that at the id and LOCK_FILE_WATCH for the
 * right to watch. */
#define LOCK_FILE_DELIVERY (INT64_C(1) << 60)
#define LOCK_FILE_WATCH	   (INT64_C(1) << 61)
/* From here on bytes stand for places at targets. */
#define LOCK_FILE_PLACES (INT64_C(1) << 62)

/* `path` is the file's, `database` the database's. */
int lock_file_open(const char *path, const char *database, int *ret_descriptor, struct error *err);

/* *ret_taken is false when another process has the byte. */
int lock_file_take(int descriptor, int64_t byte, bool *ret_taken, struct error *err);
void lock_file_give(int descriptor, int64_t byte);

/* Has another process the byte? */
bool lock_file_is_held(int descriptor, int64_t byte);

/* The process that has the byte; 0 = none, or not to be known from here. */
int lock_file_holder(int descriptor, int64_t byte);

#endif
