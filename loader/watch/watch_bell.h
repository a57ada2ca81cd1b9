/*
 * watch_bell.h - how the process that delivers a queue wakes the one that loads its mail: there are
 * answers to acknowledge on the mail server.
 *
 * Life:   the supervisor makes it, both processes inherit it; a ring that nobody hears yet is kept.
 * Errors: none; without a bell (-1) the mail waits for the loader's next look.
 */
#ifndef LOADER_WATCH_WATCH_BELL_H
#define LOADER_WATCH_WATCH_BELL_H

/* -1 where the system gives none. */
int watch_bell_new(void);
void watch_bell_ring(int bell);

/* Forgets the rings so far. */
void watch_bell_clear(int bell);

/* A descriptor that is readable when the bell was rung or `other` is readable; -1 where the system
 * gives none. */
int watch_bell_listen(int bell, int other);

#endif
