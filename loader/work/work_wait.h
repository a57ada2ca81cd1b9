/*
 * work_wait.h - waiting for descriptors, a time, or the wish to stop.
 */
#ifndef LOADER_WORK_WORK_WAIT_H
#define LOADER_WORK_WORK_WAIT_H

#include "queue/base/error.h"

#include <poll.h>
#include <stdint.h>

/*
 * As poll(), until `until_ms` (monotonic milliseconds; INT64_MAX = for ever, though never longer
 * than a minute at a time, so that a wall clock that was set is noticed). A wish to stop beyond the
 * `known_signals` that the caller knows of (stop_signals()) ends the waiting at once, with no
 * descriptor ready, and without a gap in which a signal could be missed. Errors: IO.
 */
int work_wait(struct pollfd *descriptors, nfds_t count, int64_t until_ms, int known_signals,
	      struct error *err);

#endif
