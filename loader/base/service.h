/*
 * service.h - what a process and its service manager tell each other: the wish to stop, by TERM or
 * INT, and how it goes, to systemd over $NOTIFY_SOCKET as sd_notify(3) describes the protocol.
 *
 * Life:    stop_install() once at the start of a process that works in steps; stop_requested()
 *          between steps. The process finishes the step at hand. A second signal ends it at once,
 *          which is safe at any moment because every step is one transaction.
 * Errors:  none. Without a service manager nobody is told. A datagram that cannot be sent is no
 *          error: the service manager draws its own conclusions.
 * Threads: one at a time.
 */
#ifndef LOADER_BASE_SERVICE_H
#define LOADER_BASE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- the wish to stop ---- */

/* Catches TERM and INT; ignores PIPE. */
void stop_install(void);

/* As stop_install(), and passes each signal on to `child`, which does the work; 0 = no child any
 * more. Not those of the terminal, which sends them to the child as well. */
void stop_pass_on(pid_t child);

/* Has a signal come since stop_install()? */
bool stop_requested(void);

/* How many have come, for those who do more at the second; only the one after `signals` ends the
 * process then. */
int stop_signals(void);
void stop_expect(int signals);

/* The last signal that a process has sent, for those who pass it on to several children; 0 = none. What
 * comes from the terminal is none: it tells the children itself. */
int stop_told(void);

/* Readable for ever from the first signal on, for poll(); one for each process that calls this
 * after stop_install(). -1 where the system gives none. */
int stop_descriptor(void);

/* ---- systemd ---- */

/* Assignments such as "READY=1", with newlines between. */
void notify_send(const char *state);

/* How often "WATCHDOG=1" is expected of this process (WatchdogSec=); 0 = not at all. */
int64_t notify_watchdog_ms(void);

#endif
