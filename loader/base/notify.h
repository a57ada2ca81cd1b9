/*
 * notify.h - words for systemd over $NOTIFY_SOCKET, as sd_notify(3) describes the protocol.
 *
 * Without a service manager nothing happens. A datagram that cannot be sent is no error: the
 * service manager draws its own conclusions.
 * Threads: no shared state.
 */
#ifndef LOADER_BASE_NOTIFY_H
#define LOADER_BASE_NOTIFY_H

#include <stdint.h>

/* Assignments such as "READY=1", with newlines between. */
void notify_send(const char *state);

/* How often "WATCHDOG=1" is expected of this process (WatchdogSec=); 0 = not at all. */
int64_t notify_watchdog_ms(void);

#endif
