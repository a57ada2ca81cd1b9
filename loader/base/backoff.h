/*
 * backoff.h - growing pauses between tries, with jitter so that many do not come back together.
 *
 * Pure:    no clock, and the random number is passed in.
 * Life:    a struct backoff is initialised with its two pauses and needs no release.
 * Units:   milliseconds.
 * Threads: no shared state.
 */
#ifndef LOADER_BASE_BACKOFF_H
#define LOADER_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t first_ms;   /* the first pause; doubled from one to the next */
	int64_t longest_ms; /* never more than this, jitter aside */
	uint32_t failures;  /* since backoff_reset() */
};

/* The pause before the next try; counts a failure. */
int64_t backoff_next_ms(struct backoff *backoff, uint32_t random);

/* All is well again. */
void backoff_reset(struct backoff *backoff);

/* A quarter more or less, evenly by `random`. */
int64_t backoff_jitter_ms(int64_t pause_ms, uint32_t random);

#endif
