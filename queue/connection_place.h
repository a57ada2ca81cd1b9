/*
 * connection_place.h - one of the places at a mail account, of which all processes on a database
 * together have so many.
 *
 * Life:    connection_place_open(), then connection_place_take() until there is one, and
 *          connection_place_close(). The kernel gives the place of a process back when it ends, however
 *          it ends. A process has one at a time: it does not see its own locks.
 * Errors:  as of work_queue_lock().
 * Threads: one at a time.
 */
#ifndef QUEUE_CONNECTION_PLACE_H
#define QUEUE_CONNECTION_PLACE_H

#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <stdbool.h>
#include <stdint.h>

/* More places than any provider gives. */
enum { CONNECTION_PLACES_MAX = 100 };

struct connection_place;

/* Makes the file of places, where there is none; for who will open it when it may make files no more. */
void connection_place_make(const char *location);

/* `account` is whatever names it; `most` places are there, CONNECTION_PLACES_MAX at most. */
int connection_place_open(const char *location, const char *account, uint32_t most,
			  struct connection_place **ret_place, struct error *err);

/* 1: this process has one; 0: all are taken, or others came before; those who have them can see that it waits. Of 28
 * that wait, who came first gets the next one; more than that have no order among them. */
int connection_place_take(struct connection_place *place, struct error *err);

/* How many other processes wait for a place, as far as 28. */
unsigned connection_place_awaited(const struct connection_place *place);

void connection_place_give(struct connection_place *place);

/* Gives it, and waits no more; takes NULL. */
void connection_place_close(struct connection_place *place);
SCOPED_DEFINE(struct connection_place *, connection_place_close)

#endif
