/*
 * protocol_log.h - a file with what client and server say to each other, to look for a fault.
 *
 *     2026-01-31T12:00:00Z 4711 imap.example.com C: 7 UID SEARCH UNDELETED
 *
 * 4711 is the process. Sign-ins and literals (messages, above all) are replaced by their number of
 * bytes, other secrets by "***"; lines are cut at 4 KiB.
 *
 * Life:      protocol_log_open() once; for each connection protocol_log_new() ..
 *            protocol_log_free().
 * Ownership: texts are copied.
 * Errors:    a line that cannot be written is lost.
 * Threads:   one at a time per log; lines of several processes do not mix.
 */
#ifndef LOADER_IMAP_WIRE_PROTOCOL_LOG_H
#define LOADER_IMAP_WIRE_PROTOCOL_LOG_H

#include "queue/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct protocol_log;

enum protocol_side { PROTOCOL_CLIENT, PROTOCOL_SERVER };

/* The file for all logs of this process and its children. Errors: IO. */
int protocol_log_open(const char *path, struct error *err);

/* NULL where there is no file. */
struct protocol_log *protocol_log_new(const char *host);

/* Takes NULL. */
void protocol_log_free(struct protocol_log *log);

/* Bytes as they come; takes NULL. `hidden`: of these only the number is written. */
void protocol_log_put(struct protocol_log *log, enum protocol_side side, const char *bytes,
		      size_t size, bool hidden);

#endif
