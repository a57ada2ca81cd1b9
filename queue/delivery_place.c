/* Shares the places at a target among processes by locks on bytes of the lock file: a process
 * that has the lock of a place may make one post at a time there, and gives places back when
 * another process waits. */
#include "queue/delivery.h"

#include "queue/store_internal.h"

/* A target has 128 bytes of the lock file: one for each place, and behind them one that a
 * process locks to say that it waits. */
#define BYTES	    128
#define TARGETS	    (INT64_C(1) << 40)
#define BYTE_WAITER DELIVERY_PLACES_MAX
/* A process with a single place keeps it this long although others wait: handing it over costs
 * time. */
#define LAST_KEPT_MS INT64_C(1000)
/* The pause between two places that are given back, in which the waiting process can take the
 * first. */
#define SHARE_MS INT64_C(300)

struct delivery_places {
	int lock_fd;
	int64_t first; /* byte */
	int32_t most;
	int32_t held;
	bool has[DELIVERY_PLACES_MAX];
	bool waits; /* this process has said so */
	/* Monotonic. */
	int64_t taken_ms;  /* when the first of those that are held was taken; 0 = just now */
	int64_t shared_ms; /* the last gift; 0 = none */
};

struct delivery_places *delivery_places_open(struct store *store, const char *target, int32_t most)
{
	struct delivery_places *places = g_new0(struct delivery_places, 1);
	places->lock_fd = store->lock_fd;
	places->first = LOCK_FILE_PLACES + (int64_t)g_str_hash(target) % TARGETS * BYTES;
	places->most = MIN(most, DELIVERY_PLACES_MAX);
	return places;
}

/* An error of the lock counts as "not taken": the post waits. */
static bool take(const struct delivery_places *places, int32_t which)
{
	bool taken;
	struct error ignored;
	return lock_file_take(places->lock_fd, places->first + which, &taken, &ignored) == 0 &&
	       taken;
}

static void stop_waiting(struct delivery_places *places)
{
	if (places->waits)
		lock_file_give(places->lock_fd, places->first + BYTE_WAITER);
	places->waits = false;
}

/* Gives back the last place, so that the first ones, which everybody tries first, stay where
 * they are. */
static void give_one(struct delivery_places *places)
{
	for (int32_t i = places->most - 1; i >= 0; i--) {
		if (!places->has[i])
			continue;
		lock_file_give(places->lock_fd, places->first + i);
		places->has[i] = false;
		places->held--;
		return;
	}
}

void delivery_places_close(struct delivery_places *places)
{
	if (places == NULL)
		return;
	while (places->held > 0)
		give_one(places);
	stop_waiting(places);
	g_free(places);
}

/* A process does not see its own lock, so this asks about the others only. */
static bool others_wait(const struct delivery_places *places)
{
	return lock_file_is_held(places->lock_fd, places->first + BYTE_WAITER);
}

static bool take_one(struct delivery_places *places)
{
	for (int32_t i = 0; i < places->most; i++) {
		if (places->has[i] || !take(places, i))
			continue;
		places->has[i] = true;
		if (places->held++ == 0)
			places->taken_ms = 0;
		return true;
	}
	return false;
}

/* Takes no further place while others wait, unless this process has none at all. Without any
 * place it says that it waits, so that somebody gives one back. */
bool delivery_places_have(struct delivery_places *places, int32_t used)
{
	if (used < places->held)
		return true;
	if (used >= places->most || (places->held > 0 && others_wait(places)))
		return false;
	if (take_one(places)) {
		stop_waiting(places);
		return true;
	}
	if (places->held == 0 && !places->waits)
		places->waits = take(places, BYTE_WAITER);
	return false;
}

/* Gives back at most one place at a time, and only unused ones. */
void delivery_places_share(struct delivery_places *places, int32_t used, int64_t now_ms)
{
	if (places->taken_ms == 0)
		places->taken_ms = now_ms;
	if (places->held <= used ||
	    (places->shared_ms != 0 && now_ms - places->shared_ms < SHARE_MS) ||
	    (places->held == 1 && now_ms - places->taken_ms < LAST_KEPT_MS) || !others_wait(places))
		return;
	give_one(places);
	places->shared_ms = now_ms;
}
