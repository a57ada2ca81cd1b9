/*
 * parser_child.h - the parser's process from inside, and the words it speaks with the worker.
 *
 * The worker sends packets of some parser_requests, one for each message, over a socket pair that
 * keeps packet borders; the child answers each packet with one of as many parser_replies, after
 * writing content and the records (parsed.h) to the output file. After an error it answers the
 * rest of the packet no more.
 */
#ifndef LOADER_PARSE_PARSER_CHILD_H
#define LOADER_PARSE_PARSER_CHILD_H

#include "mime/mime.h"

#include <stdbool.h>
#include <stdint.h>

/* Packets cost more than small messages do. */
enum { PARSER_PACKET_MAX = 32 };

struct parser_request {
	uint64_t offset;
	uint64_t size;
	uint64_t
	    output_end; /* where free space begins in the output file; 0 = go on behind the last */
	bool restart;	/* output_end counts */
	bool header_only;
};

struct parser_reply {
	int error; /* errno, or 0 */
	uint64_t record_offset;
	uint64_t record_size;
};

struct parser_child {
	const struct mime_options *options;
	int socket;
	int input; /* opened anew, for reading only */
	int output;
	uint64_t output_max; /* 0 = any */
};

/* CPU time a message of this size may take, in seconds. */
uint64_t parser_cpu_limit_s(uint64_t size);

/* Enters the sandbox, answers requests until the socket is closed, and ends the process. */
_Noreturn void parser_child_run(struct parser_child *child);

#endif
