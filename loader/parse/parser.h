/*
 * parser.h - the process that reads hostile mail, seen from the worker.
 *
 * The parser is a child that can read one file (raw messages), write one (decoded content), and
 * nothing else: no other file, no network, little memory, little time. A message that kills it is
 * tried three times, then once more for its header alone; the parser is started anew each time and
 * the other messages go on.
 *
 * Life:      parser_new() .. parser_stop(). Per batch: parser_begin(), parser_submit() for each
 *            message as soon as it is in the file, parser_finish(), parser_read() for each, in any
 *            order.
 * Ownership: both files are the caller's.
 * Errors:    IO (this machine: disk full, no process), SOFTWARE. A message that cannot be parsed is
 *            no error.
 * Threads:   one at a time.
 */
#ifndef LOADER_PARSE_PARSER_H
#define LOADER_PARSE_PARSER_H

#include "mime/mime.h"
#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct parser;

/* What works on mail that is here already gives way to what the server waits for. */
enum { PARSER_NICE = 5 };

/*
 * `input` is the file of raw messages, `output` gets what they hold, decoded; both are the caller's
 * and stay open until parser_stop(). The process is started by the first parser_submit(), so that a
 * run without mail has none.
 */
struct parser *parser_new(const struct mime_options *options, int input, int output);

/* Called around the making of a process: from one to the other no other thread of this process may
 * be at work. */
struct parser_fork_hooks {
	void (*before)(void *context); /* may be NULL, as `after` */
	void (*after)(void *context);
	void *context;
};

void parser_set_fork_hooks(struct parser *parser, const struct parser_fork_hooks *hooks);

/* How long the output file may get, which may lie in memory; before the process is started. A
 * message that makes it longer has killed its process. */
void parser_set_output_max(struct parser *parser, uint64_t bytes);

/* Starts the process if there is none. Errors: IO. */
int parser_wake(struct parser *parser, struct error *err);

/* Ends the process; takes NULL. */
void parser_stop(struct parser *parser);
SCOPED_DEFINE(struct parser *, parser_stop)

/* Forgets the batch before; the output file is written from its beginning. */
void parser_begin(struct parser *parser);

/*
 * Hands over the message at [offset, offset + size) of the input file and writes its index in the
 * batch. `header_only`: the bytes are a header block, and that is all there is. Does not wait.
 */
int parser_submit(struct parser *parser, uint64_t offset, uint64_t size, bool header_only,
		  size_t *ret_index, struct error *err);

/*
 * Waits until every message of the batch is through, or the process is dead and a new one is
 * needed, which this does not make: *ret_ended tells. Unlike the others this may be called while
 * threads are at work. A process that is through stands still until the next parser_submit(): what
 * the output file says stays what it is, even if a message has taken the process over.
 */
int parser_proceed(struct parser *parser, bool *ret_ended, struct error *err);

/* Waits until every message of the batch is through, as above. */
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

SCOPED_DEFINE(struct mime_message *, mime_message_free)

#endif
