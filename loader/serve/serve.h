/*
 * serve.h - work for programs on other machines: queues and entries over HTTP, to whoever has a token.
 *
 * Process:  one, with one thread. It only answers: it starts no program and makes no connection, and gives up the rights
 *           to do so before it hears anybody. Loading is not its business, and goes on when it ends.
 * Database: no statement is held while an answer is sent.
 * Limits:   serve_limits below. Whoever sends a request, or takes an answer, too slowly is cut off.
 * Secrets:  tokens come in the Authorization header alone, and go into no log.
 * Errors:   USAGE, CONFIGURATION, IO; those of the database.
 */
#ifndef LOADER_SERVE_SERVE_H
#define LOADER_SERVE_SERVE_H

#include "queue/base/error.h"

enum serve_limits {
	SERVE_SLOW_MS = 30000,		/* for a request, and for each 64 KiB of an answer */
	SERVE_BODY_BYTES = 2097152,	/* of a request: twice the largest output of an entry */
	SERVE_CONNECTIONS = 4096,	/* at once */
	SERVE_CONNECTIONS_OF_ONE = 100, /* address, but for this machine's own: more are told so */
	SERVE_CONNECTIONS_HEARD = 200,	/* of one address: more are closed at once */
	SERVE_WAIT_MAX_MS = 60000,
	SERVE_COUNT_MAX = 100, /* entries of one claim */
	SERVE_PAGE_MAX = 1000  /* entries of one list */
};

struct serve_options {
	const char *database;
	const char *
	    listen; /* "127.0.0.1:8480", "[::1]:8480", "unix:/path"; the service manager's socket goes first */
	const char *certificate; /* PEM file; NULL = no TLS */
	const char *key;	 /* PEM file */
	char **
	    hosts; /* names that requests may ask for besides those of the socket; ends with NULL */
};

/* Answers until the end is wanted (service.h). Options are borrowed for the call. */
int serve_run(const struct serve_options *options, struct error *err);

#endif
