/*
 * store_watch.h - waiting for changes that other processes make.
 *
 * Life:    store_watch_open() .. store_watch_close(), within that of its store.
 * Use:     look at what you wait for after opening and after each clearing, then poll() the
 *          descriptor: it is readable once something may have changed since. A change is never
 *          missed; a wake-up without one happens.
 * Errors:  as in store.h.
 * Threads: one at a time.
 */
#ifndef QUEUE_STORE_WATCH_H
#define QUEUE_STORE_WATCH_H

#include "queue/base/scoped.h"
#include "queue/store.h"

struct store_watch;

int store_watch_open(struct store *store, struct store_watch **ret_watch, struct error *err);

/* For poll(), POLLIN. */
int store_watch_descriptor(const struct store_watch *watch);

/* Forgets the changes so far. */
void store_watch_clear(struct store_watch *watch);

/* Takes NULL. */
void store_watch_close(struct store_watch *watch);
SCOPED_DEFINE(struct store_watch *, store_watch_close)

#endif
