/*
 * work_queue_watch.h - the right to watch queues, for a process that lives long and keeps no store.
 *
 * One process at a time has it for a queue, beside the right to load it (work_queue_lock()), and it
 * is given up when that process ends, however it ends. Children do not have it.
 *
 * Life:    work_queue_watch_open() .. work_queue_watch_close(). Meanwhile this process must not
 *          lock queues through a store, whose close would give up all rights.
 * Errors:  as in store.h.
 * Threads: one at a time.
 */
#ifndef QUEUE_WORK_QUEUE_WATCH_H
#define QUEUE_WORK_QUEUE_WATCH_H

#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <stdint.h>

struct work_queue_watch;

/* The database exists. */
int work_queue_watch_open(const char *location, struct work_queue_watch **ret_watch,
			  struct error *err);

/* Gives all up; takes NULL. */
void work_queue_watch_close(struct work_queue_watch *watch);
SCOPED_DEFINE(struct work_queue_watch *, work_queue_watch_close)

/* 1: this process has the right, now or already; 0: another has it, *ret_holder is its id, 0 where
 * that cannot be known. */
int work_queue_watch_take(struct work_queue_watch *watch, int64_t queue_id, int *ret_holder,
			  struct error *err);
void work_queue_watch_give(struct work_queue_watch *watch, int64_t queue_id);

#endif
