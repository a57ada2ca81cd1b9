/*
 * watch_table.h - the queues that the supervisor looks after, brought up to date with their
 * definitions in the database.
 *
 * Life:      watch_table_new() .. watch_table_free(), without workers by then.
 * Ownership: the table owns its queues.
 * Errors:    of opening and reading the database.
 */
#ifndef LOADER_WATCH_WATCH_TABLE_H
#define LOADER_WATCH_WATCH_TABLE_H

#include "loader/watch/watch_queue.h"
#include "queue/base/scoped.h"

#include <glib.h>

struct watch_table {
	const struct watch_options *options;
	GPtrArray *queues; /* struct watch_queue */
};

struct watch_table *watch_table_new(const struct watch_options *options);
void watch_table_free(struct watch_table *table);
SCOPED_DEFINE(struct watch_table *, watch_table_free)

static inline struct watch_queue *watch_table_at(const struct watch_table *table, guint index)
{
	return g_ptr_array_index(table->queues, index);
}

/*
 * Reads the definitions: new queues join, altered ones get a new worker, those paused, stopped or
 * dropped lose theirs. The database is open during the call only. Errors: TEMPORARY where it is
 * locked for longer than `patience_ms`.
 */
int watch_table_read(struct watch_table *table, int64_t patience_ms, int64_t now_ms,
		     struct error *err);

/* Takes out queues that are dropped and have no worker any more. */
void watch_table_sweep(struct watch_table *table);

/* Of the queues that this process watches, those in a phase. */
guint watch_table_count(const struct watch_table *table, enum watch_phase phase);

/* Those that sign in at the moment, but for those that wait for a server. */
guint watch_table_count_starting(const struct watch_table *table, int64_t now_ms);

/* Those that another process watches. */
guint watch_table_count_elsewhere(const struct watch_table *table);

/* An event for each queue. */
void watch_table_log_status(const struct watch_table *table, int64_t now_ms);

#endif
