/*
 * parser_answer_internal.h - an answer of the parser, which is believed as far as it can be checked.
 *
 * What it says lies in the parser's output file, behind what was there before the message: first the
 * contents, then the record. The file is read only while the parser stands still or is gone.
 *
 * Errors: IO (the file cannot be read), SOFTWARE (the answer makes no sense).
 */
#ifndef LOADER_PARSE_PARSER_ANSWER_INTERNAL_H
#define LOADER_PARSE_PARSER_ANSWER_INTERNAL_H

#include "loader/parser/protocol/protocol.h"
#include "mime/message.h"
#include "queue/base/error.h"

#include <stdbool.h>
#include <stdint.h>

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
