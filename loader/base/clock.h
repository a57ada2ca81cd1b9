/*
 * clock.h - the time, how times and spans are written, and growing pauses between tries.
 *
 * Asking:  only the edge of the program asks for the time (clock_now_ms()); everything below gets it
 *          passed in. All but the three functions that ask are pure; random numbers are passed in
 *          as well.
 * Units:   wall-clock times are milliseconds since 1970-01-01 UTC; deadlines are milliseconds of the
 *          monotonic clock; spans and pauses are milliseconds.
 * Threads: no shared state.
 */
#ifndef LOADER_BASE_CLOCK_H
#define LOADER_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT_SIZE = sizeof "2026-01-31T12:00:00.000Z" };

/* The wall clock. */
int64_t clock_now_ms(void);

/* Monotonic milliseconds, for deadlines. */
int64_t clock_monotonic_ms(void);

/* How long it is until a deadline; 0 when it has passed. */
int64_t clock_left_ms(int64_t deadline_ms);

/* RFC 3339 UTC, "2026-01-31T12:00:00Z". Times outside the years 0 to 9999 become the nearest bound.
 */
void clock_format_s(int64_t time_s, char text[static CLOCK_TEXT_SIZE]);

/* ---- spans of time as people write them: 250ms, 30s, 10m, 12h, 1d, 2w; 5 is 5 seconds ---- */

/* -1 for any other text, and for more than 100 years. */
int duration_parse(const char *text, int64_t *ret_ms);

/* Room for "1193046h", and "-". */
enum { DURATION_TEXT_SIZE = 32 };

/* Two units at most, for people: "250ms", "1.5s", "3m 20s", "2d 4h". */
void duration_format(int64_t ms, char text[static DURATION_TEXT_SIZE]);

/* A day (its start, UTC), a time (UTC where it names no zone), or a span: back from now where `direction` is -1,
 * forward where it is 1. -1 for any other text. */
int time_parse(const char *text, int direction, int64_t now_ms, int64_t *ret_ms);

/* ---- pauses that grow from try to try, with jitter so that many do not come back together ---- */

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
