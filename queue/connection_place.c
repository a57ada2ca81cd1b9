/* Shares the places at a mail account among processes by locks on bytes of a file beside the database. It is
 * a file of its own: who closes the database's lock file gives up all that it has locked there. */
#include "queue/connection_place.h"

#include "queue/store_internal.h"

#include <stdlib.h>
#include <unistd.h>

/* An account has 128 bytes of the file: one for each place, and behind them the chairs of those who wait, in the order
 * in which they came. Who comes sits down behind all others; who sees the chair before him empty moves up; who
 * sits on the first one takes the next place. Two accounts that share the bytes by chance wait for each other. */
enum { BYTES = 128, CHAIRS = BYTES - CONNECTION_PLACES_MAX };

struct connection_place {
	int lock_fd;
	int64_t first; /* byte */
	int64_t most;
	int64_t has;   /* -1: none */
	int64_t chair; /* -1: none */
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
					   .has = -1,
					   .chair = -1};
	*ret_place = place;
	return 0;
}

static int64_t byte_of_chair(const struct connection_place *place, int64_t chair)
{
	return place->first + CONNECTION_PLACES_MAX + chair;
}

static void stand_up(struct connection_place *place)
{
	if (place->chair >= 0)
		lock_file_give(place->lock_fd, byte_of_chair(place, place->chair));
	place->chair = -1;
}

/* Leaves the process standing where no chair is free behind the others, or another one was quicker. */
static int sit_down(struct connection_place *place, struct error *err)
{
	int64_t chair = CHAIRS;
	bool taken = false;
	while (chair > 0 && !lock_file_is_held(place->lock_fd, byte_of_chair(place, chair - 1)))
		chair--;
	if (chair < CHAIRS &&
	    lock_file_take(place->lock_fd, byte_of_chair(place, chair), &taken, err) != 0)
		return -1;
	if (taken)
		place->chair = chair;
	return 0;
}

static int move_up(struct connection_place *place, struct error *err)
{
	while (place->chair > 0) {
		const int64_t next = place->chair - 1;
		bool taken = false;
		if (lock_file_take(place->lock_fd, byte_of_chair(place, next), &taken, err) != 0)
			return -1;
		if (!taken)
			break;
		stand_up(place);
		place->chair = next;
	}
	return 0;
}

static int take_free(struct connection_place *place, struct error *err)
{
	bool taken = false;
	for (int64_t i = 0; i < place->most && !taken; i++) {
		if (lock_file_take(place->lock_fd, place->first + i, &taken, err) != 0)
			return -1;
		if (taken)
			place->has = i;
	}
	return 0;
}

int connection_place_take(struct connection_place *place, struct error *err)
{
	if (place->has >= 0)
		return 1;
	if (place->chair < 0 && sit_down(place, err) != 0)
		return -1;
	if (move_up(place, err) != 0)
		return -1;
	if (place->chair == 0 && take_free(place, err) != 0)
		return -1;
	if (place->has >= 0)
		stand_up(place);
	return place->has >= 0;
}

unsigned connection_place_awaited(const struct connection_place *place)
{
	unsigned count = 0;
	for (int64_t chair = 0; chair < CHAIRS; chair++)
		count += lock_file_is_held(place->lock_fd, byte_of_chair(place, chair));
	return count;
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
