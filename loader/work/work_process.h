/*
 * work_process.h - a command in a process group of its own, which ends with this process.
 *
 * Life:   work_process_start() .. work_process_close().
 * Errors: IO.
 */
#ifndef LOADER_WORK_WORK_PROCESS_H
#define LOADER_WORK_WORK_PROCESS_H

#include "queue/base/error.h"

#include <sys/types.h>

struct work_process {
	pid_t id;	/* -1 = none */
	int descriptor; /* pidfd: readable when it has ended */
	int errors;	/* its standard error, not blocking; -1 = closed */
};

/* Standard input is the file `input`, standard output ours. The command is looked up in PATH.
 * Errors beside IO: those of work_command.h, when it cannot be executed. */
int work_process_start(char *const *command, char *const *environment, const char *input,
		       struct work_process *ret_process, struct error *err);

/* Of its standard error; 0 when there is nothing at the moment, or never again. */
ssize_t work_process_read(struct work_process *process, void *bytes, size_t size);

/* To it and all it has started. */
void work_process_signal(const struct work_process *process, int number);

/* Waits for its end and kills what it left behind; the status as of waitpid(). */
int work_process_end(struct work_process *process);

/* Kills what still runs. */
void work_process_close(struct work_process *process);

#endif
