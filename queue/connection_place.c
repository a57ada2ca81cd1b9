/* Shares the places at a mail account among processes by locks on bytes of a file beside the database. It is
 * a file of its own: who closes the database's lock file gives up all that it has locked there. */
#include "queue/connection_place.h"

#include "queue/store_internal.h"

#include <stdlib.h>
#include <unistd.h>

/* An account has 128 bytes of the file: one for each place, and behind them one that a process locks to
 * say that it waits. Two accounts that share them by chance wait for each other. */
#define BYTES	    128
#define BYTE_WAITER CONNECTION_PLACES_MAX

struct connection_place {
	int lock_fd;
	int64_t first; /* byte */
	int64_t most;
	int64_t has; /* -1: none */
	bool waits;  /* this process has said so */
};

void connection_place_make(const char *location)
{
	lock_file_make(location, "-connections");
}

int connection_place_open(const char *location, const char *account, uint32_t most,
			  struct connection_place **ret_place, struct error *err)
{
	int descriptor;
	char *resolved = realpath(location, NULL);
	g_autofree char *path =
	    g_strconcat(resolved != NULL ? resolved : location, "-connections", NULL);
	free(resolved);
	if (lock_file_open(path, location, &descriptor, err) != 0)
		return -1;
	struct connection_place *place = g_new(struct connection_place, 1);
	*place = (struct connection_place){.lock_fd = descriptor,
					   .first = (int64_t)g_str_hash(account) * BYTES,
					   .most = MIN(most, CONNECTION_PLACES_MAX),
					   .has = -1};
	*ret_place = place;
	return 0;
}

static void stop_waiting(struct connection_place *place)
{
	if (place->waits)
		lock_file_give(place->lock_fd, place->first + BYTE_WAITER);
	place->waits = false;
}

int connection_place_take(struct connection_place *place, struct error *err)
{
	bool taken = place->has >= 0;
	for (int64_t i = 0; i < place->most && !taken; i++) {
		if (lock_file_take(place->lock_fd, place->first + i, &taken, err) != 0)
			return -1;
		if (taken)
			place->has = i;
	}
	if (taken)
		stop_waiting(place);
	else if (!place->waits && lock_file_take(place->lock_fd, place->first + BYTE_WAITER,
						 &place->waits, err) != 0)
		return -1;
	return taken;
}

bool connection_place_is_awaited(const struct connection_place *place)
{
	return lock_file_is_held(place->lock_fd, place->first + BYTE_WAITER);
}

void connection_place_give(struct connection_place *place)
{
	if (place->has >= 0)
		lock_file_give(place->lock_fd, place->first + place->has);
	place->has = -1;
}

void connection_place_close(struct connection_place *place)
{
	if (place == NULL)
		return;
	/* That unlocks all of it. */
	close(place->lock_fd);
	g_free(place);
}
