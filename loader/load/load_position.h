/*
 * load_position.h - which messages a run is at, in memory that a supervisor shares with its worker:
 * what a dead worker leaves there tells what it died of.
 *
 * Life: load_position_new() in the supervisor, before the fork; load_options.position in the
 *       worker.
 */
#ifndef LOADER_LOAD_LOAD_POSITION_H
#define LOADER_LOAD_LOAD_POSITION_H

#include "loader/load/load.h"

/* NULL where there is no memory: then deaths are not counted. Nothing is there yet. */
struct load_position *load_position_new(void);

/* Takes NULL. */
void load_position_free(struct load_position *position);

/* Counts a death against the messages the worker was at, if any, and forgets them. Failing to is
 * left to the next run to find out. `position` may be NULL. */
void load_position_blame(struct load_position *position, struct store *store, int64_t queue_id,
			 const char *reason);

#endif
