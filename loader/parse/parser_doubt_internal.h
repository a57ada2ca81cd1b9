/*
 * parser_doubt_internal.h - why a process of the parser is not believed any more, and whose fault that is.
 */
#ifndef LOADER_PARSE_PARSER_DOUBT_INTERNAL_H
#define LOADER_PARSE_PARSER_DOUBT_INTERNAL_H

#include "queue/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Beside how the process ends. */
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
