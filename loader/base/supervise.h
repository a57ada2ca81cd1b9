/*
 * supervise.h - work that talks to a peer is done by a child process, so that somebody is left to say
 * what became of it when a peer has brought the libraries between us to a crash.
 *
 * Standard streams, terminal, working folder and process group are the child's, too. TERM and INT
 * that one process sends to us are passed on; the terminal sends them to both of us. When we end,
 * the child ends.
 *
 * Errors:  IO (no process), SOFTWARE (the child was ended by a signal).
 * Threads: one at a time, and none besides when the child is made.
 */
#ifndef LOADER_BASE_SUPERVISE_H
#define LOADER_BASE_SUPERVISE_H

#include "queue/base/error.h"

/*
 * Runs `work` in a child, which ends with the status that it returns; writes that status. A child
 * that TERM or INT has ended takes us with it: whoever waits for us sees what has happened. Any other
 * signal is an error, whose text names the peer that the child was with.
 */
int supervise(int (*work)(void *context), void *context, int *ret_status, struct error *err);

/* From now on the work is with this peer, named as an operator knows it. Copied. */
void supervise_note_peer(const char *peer);

#endif
