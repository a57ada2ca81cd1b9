/*
 * clock.h - the time, and how it is written.
 *
 * Only the edge of the program asks for the time (clock_now_ms()); everything below gets it passed
 * in. Wall-clock times are milliseconds since 1970-01-01 UTC; deadlines are on the monotonic clock.
 */
#ifndef LOADER_BASE_CLOCK_H
#define LOADER_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT_SIZE = sizeof "2026-01-31T12:00:00.000Z" };

int64_t clock_now_ms(void);

/* Monotonic milliseconds, for deadlines. */
int64_t clock_monotonic_ms(void);

/* RFC 3339 UTC, "2026-01-31T12:00:00Z". Times outside the years 0 to 9999 become the nearest bound.
 */
void clock_format_s(int64_t time_s, char text[static CLOCK_TEXT_SIZE]);

#endif
