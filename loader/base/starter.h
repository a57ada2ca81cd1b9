/*
 * starter.h - starts the programs, makes the nameless files, and reaches the sockets, that this process needs, also
 * after it has lost the right to.
 *
 * Who is about to give its rights up (confine.h) says first which programs it will need, in which folders
 * files, and which sockets. The starter is a copy of it from before, which keeps these rights, hears no peer, and starts these
 * programs alone. What it has started is a child of this process, like one that it has started itself.
 *
 * Life:    starter_allow() for each program, starter_allow_files() for each folder, starter_begin(), and
 *          starter_start() and starter_open_file() as often as needed. A program that was not allowed gets a
 *          new starter, which has the rights that are left. A starter ends with the process that has begun it.
 * Errors:  IO, or an errno.
 * Threads: starter_start() in any, one at a time; the others while there is one.
 */
#ifndef LOADER_BASE_STARTER_H
#define LOADER_BASE_STARTER_H

#include "queue/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	STARTER_DESCRIPTORS_MAX = 3,
	STARTER_CHILDREN_MAX =
	    64,		      /* that it has started and that have not been waited for, at a time */
	STARTER_ANSWER_S = 60 /* and it is given up */
};

struct starter_program {
	char *const *arguments;	  /* the first is its whole path */
	char *const *environment; /* NULL: ours */
	int first_descriptor; /* the number that it knows the first of its descriptors by; not 0 */
	size_t descriptor_count; /* so many it is given */
	bool signals_blocked; /* until it decides about them; else all do what they do by default */
};

struct starter_child {
	pid_t pid;
	int process; /* the same as a descriptor (pidfd_open(2)), the caller's to close: the one way to signal it for who
			may use kill(2) no more */
};

/* The next starter can start it. Copied; one that is known already is not noted again. */
void starter_allow(const struct starter_program *program);

/* The next starter can make nameless files there. */
void starter_allow_files(const char *folder);

/* The next starter can connect to this socket (unix(7)). */
void starter_allow_socket(const char *path);

/* Makes a starter that can start what was allowed by now, in place of the one before; does nothing where
 * that one can. Before the password is read: the starter has what we have. The less that is the less it
 * costs. */
int starter_begin(struct error *err);

/* Starts a program with its descriptors; of ours it has standard output and error where its first one is above them,
 * and no others. It has nothing to read. Returns 0 or an errno: ESRCH where the starter has died, EAGAIN where
 * STARTER_CHILDREN_MAX are there. */
int starter_start(const struct starter_program *program, const int *descriptors, size_t count,
		  struct starter_child *ret_child);

/* Lets a process that this starter has started have so much processor time from now on: nobody else's limits are the
 * asker's to set. Returns 0 or an errno, EPERM where it is not one of these. Source: prlimit(2), RLIMIT_CPU. */
int starter_limit_time(pid_t pid, uint32_t seconds);

/* A connection to a socket that was allowed; it is made within so many seconds. Returns 0 or an errno: EACCES where
 * no starter may make it, EAGAIN where nobody takes it in time. */
int starter_connect(const char *path, uint32_t seconds, int *ret_descriptor);

/* folder_open_nameless() by the starter. Returns 0 or an errno, EACCES where there is none that may do that. */
int starter_open_file(const char *folder, int *ret_descriptor);

/* The same file as this descriptor's, which can read and write, for reading alone; by the starter where this
 * process may not open it. Returns 0 or an errno. */
int starter_open_for_reading(int descriptor, int *ret_descriptor);

#endif
