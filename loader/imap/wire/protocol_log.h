/*
 * protocol_log.h - a file with what client and server say to each other, to look for a fault.
 *
 *     2026-01-31T12:00:00Z 4711 imap.example.com C: 7 UID SEARCH UNDELETED
 *
 * 4711 is the process. Sign-ins and literals (messages, above all) are replaced by their number of
 * bytes, other secrets by "***"; lines are cut at 4 KiB.
 *
 * Life:      protocol_log_open() once; for each connection protocol_log_new() ..
 *            protocol_log_free(). Where children have the connections, protocol_log_receive() before
 *            they are forked, protocol_log_send() in each of them, and protocol_log_pass_on() in their
 *            parent for as long as they live.
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

/* Opens a file of the same name: the other one has another name by now. On failure (IO) that one stays
 * in use. Does nothing where there is no log. */
int protocol_log_reopen(struct error *err);

/* NULL where there is no log. Borrowed. */
const char *protocol_log_path(void);

/* From now on this process takes the lines of its children; the descriptor, borrowed, is readable when
 * there are some. Errors: IO. */
int protocol_log_receive(int *ret_descriptor, struct error *err);

/* In a child: lines go to the parent from now on, and the file is closed. Does nothing where the parent
 * does not receive. A line that the parent does not take within 5 s is lost. */
void protocol_log_send(void);

/* Writes what children have sent, 1,000 lines at most, and never waits for them. Errors: IO, for the
 * last line that could not be written. */
int protocol_log_pass_on(struct error *err);

/* NULL where there is no file. */
struct protocol_log *protocol_log_new(const char *host);

/* Takes NULL. */
void protocol_log_free(struct protocol_log *log);

/* Bytes as they come; takes NULL. `hidden`: of these only the number is written. */
void protocol_log_put(struct protocol_log *log, enum protocol_side side, const char *bytes,
		      size_t size, bool hidden);

#endif
