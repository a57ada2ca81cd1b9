#include "loader/work/work_wait.h"

#include "loader/base/clock.h"
#include "loader/base/stop.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>

static const int64_t work_wait_max_ms = 60000;

int work_wait(struct pollfd *descriptors, nfds_t count, int64_t until_ms, int known_signals,
	      struct error *err)
{
	sigset_t stops;
	sigset_t before;
	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	for (nfds_t i = 0; i < count; i++)
		descriptors[i].revents = 0;
	const int64_t left_ms = CLAMP(until_ms - clock_monotonic_ms(), 0, work_wait_max_ms);
	const struct timespec left = {.tv_sec = left_ms / 1000,
				      .tv_nsec = left_ms % 1000 * 1000000};
	sigprocmask(SIG_BLOCK, &stops, &before);
	int ready = 0;
	if (stop_signals() <= known_signals)
		ready = ppoll(descriptors, count, &left, &before);
	const int error = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (ready < 0 && error != EINTR)
		return error_set(err, ERROR_IO, "waiting: %s", g_strerror(error));
	return 0;
}
