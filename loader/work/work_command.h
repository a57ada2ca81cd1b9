/*
 * work_command.h - can a command be started, and if not: exactly why.
 *
 * A command that cannot be started would fail every entry of a queue, so that it is looked at
 * before anything is claimed, and again when it could not be started after all.
 * Errors: USAGE, with the reason and the way out; IO where the machine is the reason.
 */
#ifndef LOADER_WORK_WORK_COMMAND_H
#define LOADER_WORK_WORK_COMMAND_H

#include "queue/base/error.h"

/* Looks for the command as execvp() does, at its permissions, and at what its #! line names. */
int work_command_check(const char *command, struct error *err);

/* The same, after exec has failed with `number` (errno). Always returns -1. */
int work_command_refuse(const char *command, int number, struct error *err);

#endif
