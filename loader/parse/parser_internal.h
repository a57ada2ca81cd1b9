/*
 * parser_internal.h - one process of the program inqueue-parser: its start, its packets, its end; and
 * what its answers are worth.
 *
 * Life:      parser_process_start() .. parser_process_end(), as often as needed, in one struct.
 * Errors:    IO (this machine: no process, no program), SOFTWARE (the program is of another
 *            version).
 * Threads:   one at a time. A process ends with the thread that has made its starter, at the latest.
 */
#ifndef LOADER_PARSE_PARSER_INTERNAL_H
#define LOADER_PARSE_PARSER_INTERNAL_H

#include "loader/base/starter.h"
#include "loader/parser/protocol/protocol.h"
#include "mime/message.h"
#include "queue/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct parser_process {
	int socket; /* -1: there is none */
	struct starter_child child;
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

/*
 * How long its next word is waited for: so long altogether, and no longer than it works. A process that
 * has used next to no CPU time for 5 s does nothing, however busy the machine is.
 */
struct parser_patience {
	int64_t until_ms;
	int64_t look_ms;
	int64_t cpu_ms; /* that it had used when this was looked at last */
};

struct parser_patience parser_patience_begin(const struct parser_process *process,
					     int64_t patience_ms);

/* Waits until something may have come; false when that is in vain. */
bool parser_process_await(const struct parser_process *process, struct parser_patience *patience);

/* What has come. Does not wait. */
int parser_process_receive(struct parser_process *process, struct parser_answers *ret_answers,
			   enum parser_news *ret_news, struct error *err);

/* The program's path; the caller frees it. */
char *parser_process_path(void);

/* --- what it answers ---------------------------------------------------- */
/*
 * An answer of the parser, which is believed as far as it can be checked.
 *
 * What it says lies in the parser's output file, behind what was there before the message: first the
 * contents, then the record. The file is read only while the parser stands still or is gone.
 *
 * Errors: IO (the file cannot be read), SOFTWARE (the answer makes no sense).
 */

struct parser_answer {
	uint64_t begin; /* in the output file: where the message's own bytes begin */
	uint64_t record_offset;
	uint64_t record_size;
};

/* How long the output file is: contents and records lie within that, since nobody but us makes the file
 * shorter. */
int parser_answer_room(int output, uint64_t *ret_bytes, struct error *err);

/* Does the record lie in [begin, output_size)? Only then is *ret_answer written. */
bool parser_answer_take(const struct protocol_reply *reply, uint64_t begin, uint64_t output_size,
			struct parser_answer *ret_answer);

/* Where the next message's bytes begin. */
uint64_t parser_answer_end(const struct parser_answer *answer);

/* Reads the record and checks all of it, and that bodies are text. The caller frees the message. */
int parser_answer_read(const struct parser_answer *answer, int output,
		       struct mime_message **ret_message, struct error *err);

/* --- doubts ------------------------------------------------------------------ */

/* Why a process is not believed any more, beside how it ends. */
struct parser_doubt {
	bool late;   /* it has not answered in time */
	bool forged; /* its answer cannot be true */
	int error;   /* it says so itself: an errno */
};

/* What is said about the message that the process was at, of so many bytes. The caller frees it. */
char *parser_doubt_describe(const struct parser_doubt *doubt, int wait_status,
			    uint64_t message_bytes);

/*
 * IO where the process has told of an error that this machine does have: there is no room for so many
 * bytes at `offset` of the output file. A process that has been taken over could say anything.
 */
int parser_doubt_check_machine(const struct parser_doubt *doubt, int output, uint64_t offset,
			       uint64_t message_bytes, struct error *err);

#endif
