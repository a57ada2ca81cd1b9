/*
 * Connects to the address of a server that answers first: attempts begin one after the other, none waits
 * for the one before it to end.
 */
#include "loader/imap/wire/dial_internal.h"

#include "loader/base/clock.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

struct race {
	const struct dial_addresses *addresses;
	struct pollfd tries[DIAL_ADDRESSES_MAX]; /* one for each address; -1: given up */
	size_t begun;
	size_t open;
	int64_t next_ms; /* when the next one begins; 0: at once */
	int number;	 /* why one was given up */
};

/* That a port is closed says more than that an address cannot be reached from here. */
static void give_up(struct race *race, size_t i, int number)
{
	if (race->tries[i].fd >= 0) {
		close(race->tries[i].fd);
		race->open--;
	}
	race->tries[i].fd = -1;
	race->next_ms = 0;
	if (race->number != ECONNREFUSED)
		race->number = number;
}

/* Begins to connect to the next address. True: it is connected already, as some are on this machine. */
static bool begin_next(struct race *race, int64_t now_ms)
{
	size_t i = race->begun++;
	const struct dial_address *address = &race->addresses->each[i];
	int descriptor =
	    socket(address->peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	race->tries[i] = (struct pollfd){.fd = descriptor, .events = POLLOUT};
	race->next_ms = now_ms + DIAL_PAUSE_MS;
	if (descriptor < 0) {
		give_up(race, i, errno);
		return false;
	}
	race->open++;
	if (connect(descriptor, (const struct sockaddr *)&address->peer, address->size) == 0)
		return true;
	if (errno != EINPROGRESS)
		give_up(race, i, errno);
	return false;
}

static bool has_connected(struct race *race, size_t i)
{
	int number = 0;
	socklen_t size = sizeof number;

	if (race->tries[i].fd < 0 || race->tries[i].revents == 0)
		return false;
	if (getsockopt(race->tries[i].fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
		number = errno;
	if (number != 0)
		give_up(race, i, number);
	return number == 0;
}

static int find_connected(struct race *race)
{
	for (size_t i = 0; i < race->begun; i++) {
		if (has_connected(race, i))
			return (int)i;
	}
	return -1;
}

/* Until something happens, the next attempt is due, or the time is up. */
static void await(struct race *race, int64_t now_ms, int64_t deadline_ms)
{
	int64_t until_ms = deadline_ms;

	if (race->begun < race->addresses->count)
		until_ms = MIN(until_ms, race->next_ms);
	/* Who is interrupted looks at all of them in vain. */
	if (poll(race->tries, race->begun, (int)MAX(until_ms - now_ms, 0)) < 0) {
		for (size_t i = 0; i < race->begun; i++)
			race->tries[i].revents = 0;
	}
}

/* The index of the address that answered, or -1. */
static int run(struct race *race, int64_t deadline_ms)
{
	for (;;) {
		int64_t now_ms = clock_monotonic_ms();
		bool left = race->begun < race->addresses->count;

		if (left && (race->open == 0 || now_ms >= race->next_ms)) {
			if (begin_next(race, now_ms))
				return (int)race->begun - 1;
			continue;
		}
		if (race->open == 0 || now_ms >= deadline_ms)
			return -1;
		await(race, now_ms, deadline_ms);

		int connected = find_connected(race);

		if (connected >= 0)
			return connected;
	}
}

enum dial_end dial_first(const struct dial_addresses *addresses, int64_t deadline_ms,
			 struct dialled *ret_dialled)
{
	struct race race = {.addresses = addresses};
	int connected = run(&race, deadline_ms);
	enum dial_end end = race.open > 0 ? DIAL_NO_CONNECTION_IN_TIME : DIAL_REFUSED;

	*ret_dialled = (struct dialled){.descriptor = -1, .number = race.number};
	for (size_t i = 0; i < race.begun; i++) {
		if ((int)i != connected && race.tries[i].fd >= 0)
			close(race.tries[i].fd);
	}
	if (connected < 0)
		return end;
	ret_dialled->descriptor = race.tries[connected].fd;
	ret_dialled->address = addresses->each[connected];
	return DIAL_CONNECTED;
}

enum dial_end dial(const char *host, uint16_t port, int64_t deadline_ms,
		   struct dialled *ret_dialled)
{
	struct dial_addresses addresses;
	enum dial_end end = dial_find(host, port, deadline_ms, &addresses);

	*ret_dialled = (struct dialled){.descriptor = -1};
	return end == DIAL_CONNECTED ? dial_first(&addresses, deadline_ms, ret_dialled) : end;
}
