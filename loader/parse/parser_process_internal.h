/*
 * parser_process_internal.h - one process of the program inqueue-parser: its start, its packets,
 * its end.
 *
 * Life:      parser_process_start() .. parser_process_end(), as often as needed, in one struct.
 * Errors:    IO (this machine: no process, no program), SOFTWARE (the program is of another
 *            version).
 * Threads:   one at a time. A process ends with the thread that has started it, at the latest.
 */
#ifndef LOADER_PARSE_PARSER_PROCESS_INTERNAL_H
#define LOADER_PARSE_PARSER_PROCESS_INTERNAL_H

#include "loader/parser/protocol/protocol.h"
#include "queue/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct parser_process {
	int socket; /* -1: there is none */
	pid_t pid;
	bool stands_still; /* it is stopped */
	struct protocol_greeting greeting;
	bool has_greeted;
};

/* What a process works with. */
struct parser_files {
	int input;
	int output;
	uint64_t output_max; /* 0 = any */
};

/* Does not wait until it is ready: requests may be sent all the same. */
int parser_process_start(struct parser_process *process, const struct mime_options *options,
			 const struct parser_files *files, struct error *err);

/* Ends it, whatever it does, and returns its wait status; 0 when there is none. */
int parser_process_end(struct parser_process *process);

/* It is waiting for work, unless it has been taken over: from here to parser_process_go_on() it
 * does nothing. */
void parser_process_stand_still(struct parser_process *process);
void parser_process_go_on(struct parser_process *process);

/* From here on it may take so much CPU time; then SIGXCPU ends it. It cannot change that itself. */
int parser_process_allow(const struct parser_process *process, uint64_t cpu_s, struct error *err);

/* Sends as much of a packet as fits now: all or nothing. A dead process is noticed later. */
bool parser_process_send(const struct parser_process *process,
			 const struct protocol_request *requests, size_t count);

enum parser_news {
	PARSER_NOTHING, /* yet */
	PARSER_READY,	/* it can begin; comes first */
	PARSER_ANSWERS,
	PARSER_OVER /* it is dead, or talks nonsense */
};

struct parser_answers {
	struct protocol_reply replies[PROTOCOL_PACKET_MAX];
	size_t count;
};

/* What has come. Does not wait. */
int parser_process_receive(struct parser_process *process, struct parser_answers *ret_answers,
			   enum parser_news *ret_news, struct error *err);

/* The program's path; the caller frees it. */
char *parser_process_path(void);

#endif
