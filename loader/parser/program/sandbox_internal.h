/*
 * sandbox_internal.h - what the parser's process may do.
 */
#ifndef LOADER_PARSER_PROGRAM_SANDBOX_INTERNAL_H
#define LOADER_PARSER_PROGRAM_SANDBOX_INTERNAL_H

/*
 * Closes every descriptor but the `count` listed ones and turns the standard ones to /dev/null,
 * sets resource limits (512 MB of data in 1 GB of addresses, no core file, no new descriptors, no
 * new processes), ties this process's life to its parent's, and forbids every system call that
 * memory, time and the listed descriptors do not need (seccomp(2)); a forbidden call fails with
 * EPERM. Landlock, where the kernel has it, is a second wall behind that one. Signals, clocks and
 * limits are as they are from here on, except that the parent may change a limit from outside. There
 * is no way back. Returns 0, or -1 with errno.
 */
int sandbox_enter(const int *descriptors, unsigned count);

#endif
