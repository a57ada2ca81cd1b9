/*
 * progress.h - a bar on standard error for work that takes longer than two seconds; only on a
 * terminal.
 */
#ifndef LOADER_CLI_FRAME_PROGRESS_H
#define LOADER_CLI_FRAME_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *label;
	int64_t started_ms; /* monotonic; 0 before the first call */
	bool on_terminal;   /* standard error is one; else nothing is drawn */
	int64_t drawn_ms;   /* the same, of the bar that is shown; 0 = none */
};

/* Draws the bar when it is time; ten times a second at most. */
void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t size_bytes);

/* Takes the bar away. */
void progress_clear(struct progress *progress);

#endif
