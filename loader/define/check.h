/*
 * check.h - a first connection to a queue's mailbox: what is there, and would a run succeed.
 * Changes nothing.
 */
#ifndef LOADER_DEFINE_CHECK_H
#define LOADER_DEFINE_CHECK_H

#include "loader/source/mailbox.h"
#include "queue/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct check_folder {
	const char *name; /* NULL: none is used, messages stay in the mailbox */
	bool exists;
	bool lacking; /* and a run cannot begin without it */
	uint32_t messages;
	uint32_t unseen;
};

/* Borrowed from the mailbox that was looked at, valid during the call of `report`. */
struct check_result {
	struct imapc_facts facts;
	const char *host;
	uint16_t port;
	const char *moving; /* how messages will be moved: "MOVE", "COPY and UID EXPUNGE", … */
	struct check_folder folders[MAILBOX_FOLDER_COUNT];
	bool creates_folders; /* a missing dropbox or badmail is made */
	int64_t waiting;      /* messages that the next run would look at */
	uint32_t unfound;     /* that the search leaves out (search.h) */
};

/*
 * Connects, looks, and hands the result to `report` before signing off. Errors: those of
 * mailbox_open(); a missing source folder, or a missing other one that may not be created, is
 * CONFIGURATION, after `report`; so is, as CREDENTIALS, a right that a run needs and the user does
 * not have (RFC 4314), or a mailbox that may only be read.
 */
int check_run(const struct work_queue *queue, const char *database,
	      void (*report)(const struct check_result *result, void *context), void *context,
	      struct error *err);

#endif
