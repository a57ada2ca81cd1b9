/*
 * duration.h - spans of time as people write them: 250ms, 30s, 10m, 12h, 1d, 2w; a bare number is
 * seconds, units in any case.
 *
 * Pure functions.
 */
#ifndef LOADER_BASE_DURATION_H
#define LOADER_BASE_DURATION_H

#include <stdint.h>

/* -1 for any other text, and for more than 100 years. */
int duration_parse(const char *text, int64_t *ret_ms);

/* Room for "1193046h", and "-". */
enum { DURATION_TEXT_SIZE = 32 };

/* Two units at most, for people: "250ms", "1.5s", "3m 20s", "2d 4h". */
void duration_format(int64_t ms, char text[static DURATION_TEXT_SIZE]);

#endif
