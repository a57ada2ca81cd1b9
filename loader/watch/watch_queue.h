/*
 * watch_queue.h - one queue as the supervisor sees it: its definition's version, its worker, and
 * what comes next.
 *
 * Life:   watch_queue_new() .. watch_queue_free(), which must not have a worker any more.
 * Times:  `now_ms` is monotonic.
 * Errors: none: what goes wrong is logged, kept in the queue's row, and tried again.
 */
#ifndef LOADER_WATCH_WATCH_QUEUE_H
#define LOADER_WATCH_WATCH_QUEUE_H

#include "loader/watch/watch_deliver.h"
#include "loader/watch/watch_policy.h"
#include "loader/watch/watch_worker.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum watch_phase {
	WATCH_PHASE_PAUSE,    /* no worker; one is started at start_ms if `wanted` */
	WATCH_PHASE_STARTING, /* until it has signed in */
	WATCH_PHASE_LOADING,
	WATCH_PHASE_WAITING /* for mail */
};

struct watch_queue {
	int64_t id;
	char *name;
	int64_t updated_ms; /* of the definition, wall clock */
	bool wanted;	    /* defined, not paused, not stopped */
	bool stopped;	    /* after refused sign-ins */
	bool uncounted;	    /* stopped, but the database could not be told */
	bool defined;
	enum watch_phase phase;
	bool ours;	    /* this process has the right to watch it */
	bool elsewhere;	    /* another process has, and that was said */
	int64_t ask_ms;	    /* for the right, not before */
	int64_t start_ms;   /* PAUSE: when the next worker is due */
	pid_t worker;	    /* 0 = none */
	int pipe;	    /* -1 = none */
	bool ending;	    /* the worker was told to end */
	bool failed;	    /* the worker has said why it ends */
	int64_t heard_ms;   /* when the worker was heard last */
	int64_t silence_ms; /* a worker silent for longer hangs, and is killed */
	int64_t command_ms; /* timeout= of the queue */
	struct watch_policy policy;
	struct watch_deliver deliver;
	uint64_t stored;		/* entries since the supervisor started */
	struct load_position *position; /* shared with the worker */
};

struct watch_queue *watch_queue_new(int64_t id, const char *name, int64_t retry_ms);
void watch_queue_free(struct watch_queue *queue);

/*
 * Gets the right to watch the queue where there is something to watch or to deliver, and gives it
 * back where there is not. False while this process may not watch: another one has the right.
 */
bool watch_queue_claim(struct watch_queue *queue, struct work_queue_watch *rights, int64_t now_ms);

/* Starts a worker where one is due. */
void watch_queue_start(struct watch_queue *queue, const struct watch_options *options,
		       int64_t now_ms);

/* The worker is to end after what it has in hand; another follows at once if `wanted`. */
void watch_queue_end(struct watch_queue *queue, int64_t now_ms);

/* Takes what the worker has told. */
void watch_queue_listen(struct watch_queue *queue, int64_t now_ms);

/* The worker has ended, with what waitpid() says. */
void watch_queue_reaped(struct watch_queue *queue, const struct watch_options *options, int status,
			int64_t now_ms);

/* Kills a worker that hangs. */
void watch_queue_check(struct watch_queue *queue, int64_t now_ms);

/* "paused", "stopped", "elsewhere", "retry", "starting", "loading", "waiting". */
const char *watch_queue_state(const struct watch_queue *queue);

#endif
