/*
 * parser.h - the process that reads hostile mail, seen from the worker.
 *
 * The parser is a child that can read one file (raw messages), write one (decoded content), and
 * nothing else: no other file, no network, little memory, little time. A message that kills it is
 * tried three times, then once more for its header alone; the parser is started anew each time and
 * the other messages go on.
 *
 * Life:      parser_new() .. parser_stop(). Per batch: parser_begin(), parser_submit() for each
 * message as soon as it is in the file, parser_finish(), parser_read() for each, in any order.
 * Ownership: both files are the caller's.
 * Errors:    IO (this machine: disk full, no process), SOFTWARE. A message that cannot be parsed is
 * no error. Threads:   one at a time.
 */
#ifndef LOADER_FLOW_PARSER_H
#define LOADER_FLOW_PARSER_H

#include "loader/base/error.h"
#include "mime/mime.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct parser;

/*
 * `input` is the file of raw messages, `output` gets what they hold, decoded; both are the caller's
 * and stay open until parser_stop(). The process is started by the first parser_submit(), so that a
 * run without mail has none.
 */
struct parser *parser_new(const struct mime_options *options, int input, int output);

/*
 * `before_fork` is called whenever a process is about to be made: when it returns, no other thread
 * of this process may be at work.
 */
void parser_set_before_fork(struct parser *parser, void (*before_fork)(void *context),
			    void *context);

/* Starts the process if there is none. Errors: IO. */
int parser_wake(struct parser *parser, struct error *err);

/* Ends the process; takes NULL. */
void parser_stop(struct parser *parser);

/* Forgets the batch before; the output file is written from its beginning. */
void parser_begin(struct parser *parser);

/*
 * Hands over the message at [offset, offset + size) of the input file and writes its index in the
 * batch. `header_only`: the bytes are a header block, and that is all there is. Does not wait for
 * the result, unless too many are waiting.
 */
int parser_submit(struct parser *parser, uint64_t offset, uint64_t size, bool header_only,
		  size_t *ret_index, struct error *err);

/* Waits until every message of the batch is through. */
int parser_finish(struct parser *parser, struct error *err);

/*
 * The result for one message; the caller frees it. *ret_failure is NULL, or says why the message
 * itself could not be parsed (borrowed until parser_begin()); the result then holds what its header
 * gave, or nothing but empty lists.
 */
int parser_read(struct parser *parser, size_t index, struct mime_message **ret_message,
		const char **ret_failure, struct error *err);

/* The result for a message that nothing can be said about; the caller frees it. */
struct mime_message *parser_no_message(void);

#endif
