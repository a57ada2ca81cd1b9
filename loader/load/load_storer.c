/*
 * The thread that stores batches. It waits for a batch's parser, stores the batch, and wakes the
 * run's own thread, which uses the database between load_hold() and load_go_on().
 */
#include "loader/load/load_internal.h"

#include <signal.h>

static void load_storer_parse(struct load_batch *batch)
{
	if (load_batch_hash(batch, &batch->err) != 0 ||
	    parser_finish(batch->parser, &batch->err) != 0)
		batch->failed = -1;
}

/* A batch behind one that failed is not stored: the ledger would learn of its moves out of
 * order. */
static void load_storer_store(struct load *load, struct load_batch *batch)
{
	struct load_storer *storer = &load->storer;
	if (storer->failed) {
		batch->failed = -1;
		batch->err = storer->err;
	}
	load_batch_forget_stored(batch);
	if (batch->failed == 0)
		load_store(load, batch);
	if (batch->failed != 0 && !storer->failed) {
		storer->failed = true;
		storer->err = batch->err;
	}
}

/* Holds the mutex except while it works. While it waits for the parser the run can have the
 * database. */
static void load_storer_work(struct load *load, struct load_batch *batch)
{
	struct load_storer *storer = &load->storer;
	pthread_mutex_unlock(&storer->mutex);
	load_take_position_to_store(load, batch);
	load_storer_parse(batch);
	pthread_mutex_lock(&storer->database);
	load_storer_store(load, batch);
	pthread_mutex_unlock(&storer->database);
	pthread_mutex_lock(&storer->mutex);
	storer->through++;
	pthread_cond_broadcast(&storer->changed);
}

static void *load_storer_run(void *context)
{
	struct load *load = context;
	struct load_storer *storer = &load->storer;
	pthread_mutex_lock(&storer->mutex);
	for (;;) {
		if (storer->through != storer->put)
			load_storer_work(load, storer->queue[storer->through % LOAD_BATCHES]);
		else if (storer->ended)
			break;
		else
			pthread_cond_wait(&storer->changed, &storer->mutex);
	}
	pthread_mutex_unlock(&storer->mutex);
	return NULL;
}

/* Signals go to the run's own thread, whose waiting they end; here they are blocked. */
static int load_storer_start(struct load *load, struct error *err)
{
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&load->storer.thread, NULL, load_storer_run, load);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed != 0)
		return error_set(err, ERROR_IO, "starting the thread that stores: %s",
				 g_strerror(failed));
	load->storer.started = true;
	return 0;
}

void load_storer_open(struct load *load)
{
	pthread_mutex_init(&load->storer.database, NULL);
	pthread_mutex_init(&load->storer.mutex, NULL);
	pthread_cond_init(&load->storer.changed, NULL);
}

void load_storer_close(struct load *load)
{
	struct load_storer *storer = &load->storer;
	pthread_mutex_lock(&storer->mutex);
	while (storer->through != storer->put)
		pthread_cond_wait(&storer->changed, &storer->mutex);
	storer->ended = true;
	pthread_cond_broadcast(&storer->changed);
	pthread_mutex_unlock(&storer->mutex);
	if (storer->started)
		pthread_join(storer->thread, NULL);
	pthread_cond_destroy(&storer->changed);
	pthread_mutex_destroy(&storer->mutex);
	pthread_mutex_destroy(&storer->database);
	*storer = (struct load_storer){0};
}

int load_storer_put(struct load *load, struct load_batch *batch, struct error *err)
{
	struct load_storer *storer = &load->storer;
	if (!storer->started && load_storer_start(load, err) != 0)
		return -1;
	batch->failed = 0;
	pthread_mutex_lock(&storer->mutex);
	storer->queue[storer->put++ % LOAD_BATCHES] = batch;
	pthread_cond_broadcast(&storer->changed);
	pthread_mutex_unlock(&storer->mutex);
	return 0;
}

struct load_batch *load_storer_take(struct load *load, bool wait)
{
	struct load_storer *storer = &load->storer;
	struct load_batch *batch = NULL;
	if (storer->taken == storer->put)
		return NULL;
	pthread_mutex_lock(&storer->mutex);
	while (wait && storer->taken == storer->through)
		pthread_cond_wait(&storer->changed, &storer->mutex);
	if (storer->taken != storer->through)
		batch = storer->queue[storer->taken++ % LOAD_BATCHES];
	pthread_mutex_unlock(&storer->mutex);
	return batch;
}

bool load_storer_has(const struct load *load, const struct load_batch *batch)
{
	const struct load_storer *storer = &load->storer;
	for (unsigned i = storer->taken; i != storer->put; i++) {
		if (storer->queue[i % LOAD_BATCHES] == batch)
			return true;
	}
	return false;
}

void load_hold(struct load *load)
{
	if (load->storer.started)
		pthread_mutex_lock(&load->storer.database);
}

void load_go_on(struct load *load)
{
	if (load->storer.started)
		pthread_mutex_unlock(&load->storer.database);
}
