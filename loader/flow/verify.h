/*
 * verify.h - a queue's mailbox, its two target folders and the ledger, held against each other.
 *
 * Each message that has been picked up lies in exactly one of the three folders, and each message
 * of a target folder has an entry: what breaks that is found, and what can be finished is.
 *
 * Errors:  those of mailbox_open() and of the database; TEMPORARY while the queue is being loaded.
 * Memory:  4 bytes for each message of the three folders, 60 for each that only its bytes can tell.
 */
#ifndef LOADER_FLOW_VERIFY_H
#define LOADER_FLOW_VERIFY_H

#include "loader/base/error.h"
#include "loader/flow/mailbox.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <stdint.h>

enum verify_problem {
	VERIFY_UNFINISHED, /* its entry is stored, the message has not been moved yet */
	VERIFY_STAYED,	   /* the ledger says it was moved, but it is in the mailbox */
	VERIFY_NO_ENTRY,   /* picked up, but there is no entry, and the message is in the mailbox */
	VERIFY_STRAY,	   /* in a target folder, but nothing is known of it */
	VERIFY_MISPLACED,  /* in the bad-mail folder, though its entry is good, or the reverse */
	VERIFY_MISSING,	   /* in none of the folders: removed there, or lost */
	VERIFY_UNFOUND	   /* in the mailbox, says the server, but its SEARCH leaves it out */
};

struct verify_finding {
	enum verify_problem problem;
	const char *folder; /* where the message lies, or should lie */
	uint32_t uid;	    /* there; 0 = not known */
	int64_t entry_id;   /* 0 = none */
};

struct verify_options {
	const char *database; /* path */
	bool repair;
	void (*report)(const struct verify_finding *finding, void *context);
	void *context;
};

struct verify_result {
	uint64_t messages; /* looked at */
	uint64_t problems;
	uint64_t repaired; /* of them */
};

/* A word for it, and a sentence. */
const char *verify_problem_format(enum verify_problem problem);
const char *verify_problem_describe(enum verify_problem problem);

/*
 * Looks, reports each problem, and with `repair` finishes what can be finished: moves are done,
 * messages without an entry go back to the mailbox, and a run loads them. A missing message cannot
 * be brought back.
 */
int verify_run(struct store *store, const struct work_queue *queue,
	       const struct verify_options *options, struct verify_result *ret_result,
	       struct error *err);

#endif
