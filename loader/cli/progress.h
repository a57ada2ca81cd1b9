/*
 * progress.h - a bar on standard error for work that takes longer than two seconds; only on a
 * terminal.
 */
#ifndef LOADER_CLI_PROGRESS_H
#define LOADER_CLI_PROGRESS_H

#include <stdint.h>

struct progress {
	const char *label;
	int64_t started_ms; /* monotonic; 0 before the first call */
};

/* Draws the bar when it is time. */
void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t size_bytes);

/* Takes away whatever bar there is. */
void progress_clear(void);

#endif
