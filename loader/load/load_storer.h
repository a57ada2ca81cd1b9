/*
 * load_storer.h - the thread that stores batches, one after the other, in the order they are put.
 *
 * It waits for the parser of a batch, and stores it. Once one has failed, those behind it fail the
 * same way and are not stored.
 *
 * Life:      load_storer_open() .. load_storer_close(), with the run's own thread as the only user.
 * Ownership: from load_storer_put() to load_storer_take() a batch is the thread's.
 */
#ifndef LOADER_LOAD_LOAD_STORER_H
#define LOADER_LOAD_LOAD_STORER_H

#include "loader/load/load_internal.h"

void load_storer_open(struct load *load);

/* Waits for what was put, and ends the thread. */
void load_storer_close(struct load *load);

/* The thread is started by the first batch. Errors: IO. */
int load_storer_put(struct load *load, struct load_batch *batch, struct error *err);

/* The first batch that was put and not taken yet, when it is through; NULL if there is none, or,
 * unless `wait`, if it is not through. */
struct load_batch *load_storer_take(struct load *load, bool wait);

/* For load_store(): nothing more is read from the files of this batch. If the run's own thread is
 * waiting, it empties them. */
void load_storer_has_read(struct load *load, struct load_batch *batch);

/* Was this batch put, and not taken yet? */
bool load_storer_has(const struct load *load, const struct load_batch *batch);

#endif
