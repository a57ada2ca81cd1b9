/*
 * children.h - work in child processes: many jobs, some of them at a time, each in a child of its own;
 * and one job whose child a peer may bring to a crash.
 *
 * Order:   what is seen of all jobs has the order of their numbers, however fast each of them is:
 *          what a child prints is kept until the jobs before it have ended.
 * Stop:    TERM and INT that a process sends to us are passed on to the children that run, and no
 *          further job begins; the terminal sends them to all of us. When we end, the children are
 *          asked to end.
 * Errors:  IO (no process), SOFTWARE (a child died) are those of the job. No job keeps another
 *          from being done.
 * Threads: one at a time, and none besides when a child is made.
 */
#ifndef LOADER_BASE_CHILDREN_H
#define LOADER_BASE_CHILDREN_H

#include "queue/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* How a job has ended. Texts are borrowed for the call. */
struct side_by_side_end {
	const char *printed; /* on standard output */
	const char *said;    /* on standard error */
	int failed;	     /* what the job has returned; then err says why */
	struct error err;
};

enum { SIDE_BY_SIDE_MAX = 200 };

struct side_by_side {
	size_t count; /* of jobs, which are numbered from 0 */
	size_t at_a_time;
	/* Runs in a child, whose standard streams are files. */
	int (*job)(size_t number, void *context, struct error *err);
	/* These are called in this process. `ended`: in the order of the jobs. */
	void (*ended)(size_t number, const struct side_by_side_end *end, void *context);
	/* Some times a second while children run; may be NULL. */
	void (*tick)(void *context);
	/* True while a job waits for a peer: once it has lasted for a second, and as long as it waits, it
	 * takes no place among those at a time; SIDE_BY_SIDE_MAX run at most. May be NULL. */
	bool (*waits)(size_t number, void *context);
	void *context;
};

/* Returns when all jobs have ended, or those that had begun before TERM or INT came. */
void side_by_side_run(const struct side_by_side *jobs);

/* --- one that is with a peer --------------------------------------------------- */
/*
 * Work that talks to a peer is done by a child process, so that somebody is left to say
 * what became of it when a peer has brought the libraries between us to a crash.
 *
 * Standard streams, terminal, working folder and process group are the child's, too. TERM and INT
 * that one process sends to us are passed on; the terminal sends them to both of us. When we end,
 * the child ends.
 *
 * Errors:  IO (no process), SOFTWARE (the child was ended by a signal).
 * Threads: one at a time, and none besides when the child is made.
 */

/*
 * Runs `work` in a child, which ends with the status that it returns; writes that status. A child
 * that TERM or INT has ended takes us with it: whoever waits for us sees what has happened. Any other
 * signal is an error, whose text names the peer that the child was with.
 */
int supervise(int (*work)(void *context), void *context, int *ret_status, struct error *err);

/* From now on the work is with this peer, named as an operator knows it. Copied. */
void supervise_note_peer(const char *peer);

#endif
