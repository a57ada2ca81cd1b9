/*
 * peer_fixture.h - other processes at the same database.
 */
#ifndef TEST_PEER_FIXTURE_H
#define TEST_PEER_FIXTURE_H

#include "queue_fixture.h"

#include "queue/store.h"

#include <signal.h>
#include <sys/prctl.h>

/* A child that opens the database itself, says so through *ret_ready, and ends when *ret_go is
 * closed. */
struct peer {
	pid_t pid;
	int ready; /* reads one byte: the result of `begin` */
	int go;	   /* close it to let the peer end */
};

/* `begin` returns 0 when the peer is where the test wants it. */
static inline struct peer peer_start(struct fixture *f, int (*begin)(struct fixture *))
{
	int ready[2];
	int go[2];
	assert_int_equal(0, pipe(ready));
	assert_int_equal(0, pipe(go));
	const struct peer peer = {.pid = fork(), .ready = ready[0], .go = go[1]};
	if (peer.pid == 0) {
		close(go[1]);
		const char result =
		    (char)(store_open(f->path, STORE_WRITE, &f->store, &f->err) == 0 ? begin(f)
										     : 1);
		char end;
		if (write(ready[1], &result, 1) != 1 || read(go[0], &end, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(ready[1]);
	close(go[0]);
	return peer;
}

static inline void peer_wait_ready(const struct peer *peer)
{
	char result = 1;
	assert_int_equal(1, read(peer->ready, &result, 1));
	assert_int_equal(0, result);
}

static inline void peer_end(const struct peer *peer)
{
	close(peer->go);
	close(peer->ready);
	assert_int_equal(0, wait_for(peer->pid));
}

static inline void peer_kill(const struct peer *peer)
{
	kill(peer->pid, SIGKILL);
	close(peer->go);
	close(peer->ready);
	assert_int_equal(-1, wait_for(peer->pid));
}

/* A database with the queue "invoices" (id 1), closed: a store is not carried over a fork. */
static inline int setup_closed(void **state)
{
	if (setup_store(state) != 0)
		return -1;
	struct fixture *f = *state;
	put_queue(f, "invoices");
	put_queue(f, "orders");
	store_close(f->store);
	f->store = NULL;
	return 0;
}

static inline void open_again(struct fixture *f)
{
	assert_ok(store_open(f->path, STORE_WRITE, &f->store, &f->err), &f->err);
}

#endif
