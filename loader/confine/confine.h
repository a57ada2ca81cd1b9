/*
 * confine.h - what a process takes away from itself before it reads what strangers have sent.
 *
 * Errors:   -1 with errno; or SOFTWARE; CONFIGURATION where the machine has no seccomp. What the kernel does not have (Landlock before Linux 5.13,
 *           or switched off) is no error.
 * Way back: none, neither for the process nor for what it starts.
 * Threads:  before there is a second one.
 */
#ifndef LOADER_CONFINE_CONFINE_H
#define LOADER_CONFINE_CONFINE_H

#include "queue/base/error.h"

#include <stddef.h>

/* From here on this process opens no file, makes no connection, and sends no signal to a process
 * that is not its child; what is open stays open. */
int confine_to_descriptors(void);

/* A file, or a folder with all below it, that confine_to_folders() leaves to be read; NULL is none. One
 * that is replaced later is another file. */
void confine_allow(const char *path);

/* The same for what confine_to_folders() leaves to be written, too. */
void confine_allow_writing(const char *path);

/*
 * For a process that talks to a peer, once: from here on it makes, changes, removes and reads files in
 * these folders only, beside what is open already (NULL, and what is not there, is passed over) and the terminal; it
 * reads, too, what confine_allow() has named and what libraries need (/usr, /etc); it looks into no other process, starts no program, types
 * nothing into a terminal, talks to no service of this machine but by IP (unix(7)), and changes nothing of the
 * system. Calls after the first do nothing.
 */
int confine_to_folders(const char *const *folders, size_t count, struct error *err);

/* The same for work on a database, which is open or has been: its file, log and locks as they are there now,
 * and no other file beside them; and the folder of temporary files (folder.h), in which SQLite sorts. While this process has the
 * database open, no other program removes the log, which could not be made anew. */
int confine_to_database(const char *database, const char *temporary, struct error *err);

/* Beyond that, for a process that is called and never calls: from here on it makes no connection, and no socket but those
 * that it accepts; CONFIGURATION as confine_to_folders(). */
int confine_to_callers(struct error *err);

#endif
