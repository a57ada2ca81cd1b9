/*
 * program.h - inqueue-parser: the process that reads what strangers have written.
 *
 * A worker starts it with the descriptors of protocol.h. Of the worker it has nothing else: its
 * memory is its own from the beginning, and its environment says nothing.
 */
#ifndef LOADER_PARSER_PROGRAM_PROGRAM_H
#define LOADER_PARSER_PROGRAM_PROGRAM_H

/* Enters the sandbox and answers requests until the worker closes the socket. Returns the exit
 * status: 64 where no worker has started it. */
int parser_program(void);

#endif
