/*
 * Finds the addresses of a server. getaddrinfo() knows no deadline: it runs in a thread, which is left
 * to itself when it takes too long. Who of the two lets go last, frees.
 */
#include "loader/imap/wire/dial_internal.h"

#include "loader/base/clock.h"

#include <glib.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

struct lookup {
	GMutex lock; /* over the next three */
	GCond ended;
	bool done;
	int result;		/* of getaddrinfo() */
	struct addrinfo *found; /* NULL: none */
	char *host;
	char *service;
};

static void lookup_clear(gpointer memory)
{
	struct lookup *lookup = memory;

	if (lookup->found)
		freeaddrinfo(lookup->found);
	g_mutex_clear(&lookup->lock);
	g_cond_clear(&lookup->ended);
	g_free(lookup->host);
	g_free(lookup->service);
}

static void lookup_release(struct lookup *lookup)
{
	g_atomic_rc_box_release_full(lookup, lookup_clear);
}

static gpointer look_up(gpointer context)
{
	static const struct addrinfo hints = {.ai_family = AF_UNSPEC,
					      .ai_socktype = SOCK_STREAM,
					      .ai_flags = AI_NUMERICSERV | AI_IDN};
	struct lookup *lookup = context;
	struct addrinfo *found = NULL;
	int result = getaddrinfo(lookup->host, lookup->service, &hints, &found);

	g_mutex_lock(&lookup->lock);
	lookup->done = true;
	lookup->result = result;
	lookup->found = result == 0 ? found : NULL;
	g_cond_signal(&lookup->ended);
	g_mutex_unlock(&lookup->lock);
	lookup_release(lookup);
	return NULL;
}

/* Signals are for the thread that waits for them. */
static bool start_lookup(struct lookup *lookup)
{
	sigset_t all;
	sigset_t before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);

	GThread *thread =
	    g_thread_try_new("lookup", look_up, g_atomic_rc_box_acquire(lookup), NULL);

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!thread) {
		lookup_release(lookup);
		return false;
	}
	g_thread_unref(thread);
	return true;
}

/* --- the order ------------------------------------------------------------ */

static const struct addrinfo *skip_to(const struct addrinfo *entry, int family, bool same)
{
	while (entry && (entry->ai_family == family) != same)
		entry = entry->ai_next;
	return entry;
}

static void add_address(struct dial_addresses *addresses, const struct addrinfo *entry)
{
	struct dial_address *address = &addresses->each[addresses->count];

	if (entry->ai_addrlen > sizeof address->peer)
		return;
	memcpy(&address->peer, entry->ai_addr, entry->ai_addrlen);
	address->size = entry->ai_addrlen;
	addresses->count++;
}

/* The system has sorted them by what it can reach best (RFC 6724); the families take turns. */
static void order_addresses(const struct addrinfo *found, struct dial_addresses *ret_addresses)
{
	int family = found->ai_family;
	const struct addrinfo *next[] = {skip_to(found, family, true),
					 skip_to(found, family, false)};

	ret_addresses->count = 0;
	for (int turn = 0; (next[0] || next[1]) && ret_addresses->count < DIAL_ADDRESSES_MAX;
	     turn = !turn) {
		if (!next[turn])
			continue;
		add_address(ret_addresses, next[turn]);
		next[turn] = skip_to(next[turn]->ai_next, family, turn == 0);
	}
}

/* RFC 6761, 6.3: they are this machine's, and no name server is asked. */
static const char *name_to_ask(const char *host)
{
	static const char local[] = "localhost";
	size_t length = strlen(host);
	size_t end = sizeof local - 1;

	return length > end && host[length - end - 1] == '.' &&
		       !g_ascii_strcasecmp(host + length - end, local)
		   ? local
		   : host;
}

enum dial_end dial_find(const char *host, uint16_t port, int64_t deadline_ms,
			struct dial_addresses *ret_addresses)
{
	struct lookup *lookup = g_atomic_rc_box_new0(struct lookup);
	int64_t end_us = g_get_monotonic_time() + clock_left_ms(deadline_ms) * 1000;
	enum dial_end end = DIAL_NO_NAME_IN_TIME;

	g_mutex_init(&lookup->lock);
	g_cond_init(&lookup->ended);
	lookup->host = g_strdup(name_to_ask(host));
	lookup->service = g_strdup_printf("%u", port);
	if (start_lookup(lookup)) {
		g_mutex_lock(&lookup->lock);
		while (!lookup->done && g_cond_wait_until(&lookup->ended, &lookup->lock, end_us))
			continue;
		if (lookup->done && lookup->found) {
			order_addresses(lookup->found, ret_addresses);
			end = DIAL_CONNECTED;
		} else if (lookup->done) {
			end = DIAL_UNKNOWN;
		}
		g_mutex_unlock(&lookup->lock);
	}
	lookup_release(lookup);
	return end;
}
