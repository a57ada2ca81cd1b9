/*
 * stop.h - the wish to stop, from TERM or INT.
 *
 * stop_install() once at the start of a process that works in steps; stop_requested() between
 * steps. The step at hand is finished; a second signal ends the process at once, which is safe at
 * any moment because every step is one transaction.
 */
#ifndef LOADER_BASE_STOP_H
#define LOADER_BASE_STOP_H

#include <stdbool.h>
#include <sys/types.h>

/* Catches TERM and INT; ignores PIPE. */
void stop_install(void);

/* As stop_install(), and passes each signal on to `child`, which does the work; 0 = no child any
 * more. */
void stop_pass_on(pid_t child);

bool stop_requested(void);

/* How many have come, for those who do more at the second; only the one after `signals` ends the
 * process then. */
int stop_signals(void);
void stop_expect(int signals);

/* Readable for ever from the first signal on, for poll(); one for each process that calls this
 * after stop_install(). -1 where the system gives none. */
int stop_descriptor(void);

#endif
