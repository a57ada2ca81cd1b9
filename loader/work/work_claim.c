/* Claims entries, at once or as soon as there are some, and waits so that no signal is missed. */
#include "loader/work/work.h"

#include "loader/base/clock.h"
#include "loader/base/service.h"
#include "loader/work/work_internal.h"
#include "queue/base/scoped.h"
#include "queue/store.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>

/* Begins the transaction before it takes the time: the lease begins when nobody has to be waited
 * for any more. */
int work_claim_now(struct store *store, const struct entry_wish *wish,
		   struct entry_lease *ret_leases, size_t room, size_t *ret_count,
		   struct error *err)
{
	if (store_begin(store, err) != 0)
		return -1;
	if (entry_claim(store, wish, clock_now_ms(), ret_leases, room, ret_count, err) != 0) {
		store_rollback(store);
		return -1;
	}
	return store_commit(store, err) == 0 ? 0 : -1;
}

/* Waits until something may have changed, something is due, or it is `until_ms` (monotonic). */
static int work_claim_wait(struct store *store, const struct entry_wish *wish,
			   const struct store_watch *watch, int64_t until_ms, struct error *err)
{
	const int64_t now_ms = clock_now_ms();
	int64_t due_ms;
	if (entry_claim_due(store, wish, now_ms, &due_ms, err) != 0)
		return -1;
	const int64_t monotonic_ms = clock_monotonic_ms();
	if (due_ms != 0)
		until_ms = MIN(until_ms, monotonic_ms + due_ms - now_ms);
	struct pollfd changed = {.fd = store_watch_descriptor(watch), .events = POLLIN};
	return work_wait(&changed, 1, until_ms, 0, err);
}

/* Looks once in any case, also where no time is left to wait. */
int work_claim(struct store *store, const struct entry_wish *wish, int64_t wait_until_ms,
	       struct entry_lease *ret_leases, size_t room, size_t *ret_count, struct error *err)
{
	scoped(store_watch_close) struct store_watch *watch = NULL;
	if (wait_until_ms != 0 && store_watch_open(store, &watch, err) != 0)
		return -1;
	for (;;) {
		/* Cleared before looking, so that no change falls in between. */
		if (watch != NULL)
			store_watch_clear(watch);
		if (work_claim_now(store, wish, ret_leases, room, ret_count, err) != 0)
			return -1;
		if (*ret_count > 0 || watch == NULL || stop_requested() ||
		    clock_monotonic_ms() >= wait_until_ms)
			return 0;
		if (work_claim_wait(store, wish, watch, wait_until_ms, err) != 0)
			return -1;
	}
}

/* ---- waiting ---- */

/* A wall clock that is set meanwhile (due times go by it) is noticed after a minute. */
static const int64_t work_wait_max_ms = 60000;

/* Signals are blocked until ppoll() itself lets them in, so that none falls between the check
 * and the wait. */
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
	const int64_t until_end_ms = clock_left_ms(until_ms);
	const int64_t left_ms = MIN(until_end_ms, work_wait_max_ms);
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
