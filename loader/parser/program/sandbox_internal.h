/*
 * sandbox_internal.h - what the parser's process may do.
 */
#ifndef LOADER_PARSER_PROGRAM_SANDBOX_INTERNAL_H
#define LOADER_PARSER_PROGRAM_SANDBOX_INTERNAL_H

/*
 * Closes every descriptor but the `count` listed ones and turns the standard ones to /dev/null,
 * sets resource limits (512 MB of data, no core file, no new descriptors), ties this process's life
 * to its parent's, and forbids every system call that memory, time and the listed descriptors do
 * not need (seccomp(2)); a forbidden call fails with EPERM. There is no way back. Returns 0, or -1
 * with errno.
 */
int sandbox_enter(const int *descriptors, unsigned count);

#endif
