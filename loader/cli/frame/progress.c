#include "loader/cli/frame/progress.h"

#include "loader/base/clock.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { PROGRESS_DELAY_MS = 2000, PROGRESS_INTERVAL_MS = 100, PROGRESS_WIDTH = 30 };

void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t size_bytes)
{
	static const char full[] = "##############################";
	int64_t now_ms = clock_monotonic_ms();
	if (progress->started_ms == 0) {
		progress->started_ms = now_ms;
		progress->on_terminal = isatty(STDERR_FILENO);
	}
	if (!progress->on_terminal || total == 0 ||
	    now_ms - progress->started_ms < PROGRESS_DELAY_MS ||
	    now_ms - progress->drawn_ms < PROGRESS_INTERVAL_MS)
		return;
	progress->drawn_ms = now_ms;
	int filled = (int)(MIN(done, total) * PROGRESS_WIDTH / total);
	g_autofree char *size = g_format_size(size_bytes);
	fprintf(stderr, "\r\033[K%s [%.*s%*s] %" PRIu64 "/%" PRIu64 "  %s", progress->label, filled,
		full, PROGRESS_WIDTH - filled, "", done, total, size);
	fflush(stderr);
}

void progress_clear(struct progress *progress)
{
	if (progress->drawn_ms != 0)
		fputs("\r\033[K", stderr);
	progress->drawn_ms = 0;
}
