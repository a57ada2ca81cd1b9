/*
 * work_wait.h - waiting for descriptors, a time, or the wish to stop.
 */
#ifndef LOADER_FLOW_WORK_WAIT_H
#define LOADER_FLOW_WORK_WAIT_H

#include "loader/base/error.h"

#include <poll.h>
#include <stdint.h>

/*
 * As poll(), until `until_ms` (monotonic milliseconds; INT64_MAX = for ever, though never longer
 * than a minute at a time, so that a wall clock that was set is noticed). Returns at once, with
 * no descriptor ready, when stop_requested(), without a gap in which a signal could be missed.
 * Errors: IO.
 */
int work_wait(struct pollfd *descriptors, nfds_t count, int64_t until_ms, struct error *err);

#endif
