/*
 * parser.h - the process that reads hostile mail, seen from the worker.
 *
 * The parser is a program of its own, inqueue-parser, that can read one file (raw messages), write
 * one (decoded content), and nothing else: no other file, no network, little memory, little time. It
 * knows nothing of what the worker knows. A message that kills it is tried three times, then once
 * more for its header alone; the parser is started anew each time and the other messages go on. Those
 * that were with the process when it died are suspect: each of them gets a process of its own.
 *
 * What it answers is checked: it lies behind all earlier answers in the output file, contents are not
 * counted twice, and all promises of mime/message.h are kept. An answer that fails this is its
 * message's death, as a crash would be, and so is an error that this machine does not have.
 *
 * Life:      parser_new() .. parser_stop(). Per batch: parser_begin(), parser_submit() for each
 *            message as soon as it is in the file, parser_finish(), parser_read() for each, in any
 *            order.
 * Ownership: both files are the caller's.
 * Errors:    IO (this machine: disk full, no process), SOFTWARE. A message that cannot be parsed is
 *            no error; a program that does not start, or is of another version, is no message's.
 * Threads:   one at a time. A process ends with the thread that has made its starter (starter.h).
 */
#ifndef LOADER_PARSE_PARSER_H
#define LOADER_PARSE_PARSER_H

#include "mime/message.h"
#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct parser;

/* A process that needs one when it may start no program any more (starter.h) says so before. */
void parser_allow(void);

/*
 * `input` is the file of raw messages, `output` gets what they hold, decoded; both are the caller's
 * and stay open until parser_stop(). The process is started by the first parser_submit(), so that a
 * run without mail has none.
 */
struct parser *parser_new(const struct mime_options *options, int input, int output);

/* How long the output file may get, which may lie in memory; before the process is started. A
 * message that makes it longer has killed its process. */
void parser_set_output_max(struct parser *parser, uint64_t bytes);

/* Ends the process; takes NULL. */
void parser_stop(struct parser *parser);
SCOPED_DEFINE(struct parser *, parser_stop)

/* Forgets the batch before; the output file is written from its beginning. The batch gets a process of its own, so
 * that a message that takes it over lies about no other batch. */
void parser_begin(struct parser *parser);

/* The same with the process of the batch before: for batches of one message that the operator has chosen. */
void parser_begin_again(struct parser *parser);

/* As parser_begin(), and each message of the batch gets a process of its own: for messages that something has
 * died of before. */
void parser_begin_suspect(struct parser *parser);

/*
 * Hands over the message at [offset, offset + size) of the input file and writes its index in the
 * batch. `header_only`: the bytes are a header block, and that is all there is. Does not wait.
 */
int parser_submit(struct parser *parser, uint64_t offset, uint64_t size, bool header_only,
		  size_t *ret_index, struct error *err);

/* Hands over a text body instead, as an entry has it: its result has a reply_plain alone. */
int parser_submit_text(struct parser *parser, uint64_t offset, uint64_t size, size_t *ret_index,
		       struct error *err);

/*
 * Waits until every message of the batch is through; where the process dies, another one goes on.
 * It then stands still until the next parser_submit(): what the output file says stays what it is,
 * even if a message has taken the process over.
 */
int parser_finish(struct parser *parser, struct error *err);

/*
 * The result for one message; the caller frees it. *ret_failure is NULL, or says why the message
 * itself could not be parsed (borrowed until parser_begin()); the result then holds what its header
 * gave, or nothing but empty lists.
 */
int parser_read(struct parser *parser, size_t index, struct mime_message **ret_message,
		const char **ret_failure, struct error *err);

/*
 * Starts the process if there is none, and waits until it is ready to work: *ret_libraries are the
 * libraries that read mail, with their versions, as it tells them. The caller frees the text.
 */
int parser_libraries(struct parser *parser, char **ret_libraries, struct error *err);

/* The result for a message that nothing can be said about; the caller frees it. */
struct mime_message *parser_no_message(void);

SCOPED_DEFINE(struct mime_message *, mime_message_free)

#endif
