/*
 * starter_internal.h - what a starter (starter.h) and its asker have in common: the lists that both have had since
 * the starter was made, and the words between them.
 *
 * starter.c is the asker's side, starter_serve.c the starter's.
 *
 * Life:   lists grow until their process ends.
 * Words:  a request and a reply, each a packet of a socket that keeps their borders, descriptors with them.
 */
#ifndef LOADER_BASE_STARTER_INTERNAL_H
#define LOADER_BASE_STARTER_INTERNAL_H

#include "loader/base/starter.h"

#include <glib.h>
#include <stdint.h>
#include <sys/socket.h>

struct starter_lists {
	GPtrArray *programs; /* struct starter_program */
	GPtrArray *folders;  /* paths, as sockets are */
	GPtrArray *sockets;
};

extern struct starter_lists starter_lists;

enum starter_wish {
	STARTER_START,	 /* the program of this number, with these descriptors */
	STARTER_FILE,	 /* a nameless file in the folder of this number */
	STARTER_REOPEN,	 /* the file of this descriptor for reading */
	STARTER_CONNECT, /* the socket of this number */
	STARTER_LIMIT,	 /* the time of the process of this number, which the starter has started */
};

struct starter_words {
	uint32_t wish;
	uint32_t number;
	uint32_t seconds; /* to connect, or of processor time from now on */
};

struct starter_reply {
	int failed; /* errno */
	pid_t pid;
};

/* Room for descriptors in a message of a socket (unix(7)). */
union starter_control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * STARTER_DESCRIPTORS_MAX)];
};

/* With up to STARTER_DESCRIPTORS_MAX descriptors. Returns 0 or an errno. */
int starter_say(int socket, void *bytes, size_t size, const int *descriptors, size_t count);

/* The starter's whole life, in the process that is to be one. */
_Noreturn void starter_serve(int socket);

#endif
