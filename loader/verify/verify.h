/*
 * verify.h - a queue's mailbox, its two target folders and the ledger, held against each other.
 *
 * Each message that has been picked up lies in exactly one of the three folders, and each message
 * that came to a target folder since the queue uses it has an entry: a verification finds messages
 * that break this rule, and finishes those that can be finished. Messages of other queues of the
 * database, and those that lay in a folder before the queue first used it
 * (loader/source/mailbox.h), are only counted.
 *
 * Errors: those of mailbox_open() and of the database; TEMPORARY while the queue is being loaded;
 *         USAGE where messages of a folder that queues share are to be adopted, and --search does
 *         not say which.
 * Memory: 5 bytes for each message of the three folders, 16 for each stray, 200 for each that only
 *         its bytes can tell.
 */
#ifndef LOADER_VERIFY_VERIFY_H
#define LOADER_VERIFY_VERIFY_H

#include "loader/source/mailbox.h"
#include "queue/base/error.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <stdint.h>

enum verify_problem {
	VERIFY_UNFINISHED, /* its entry is stored, the message has not been moved yet */
	VERIFY_STAYED,	   /* the ledger says it was moved, but it is in the mailbox */
	VERIFY_NO_ENTRY,   /* picked up, but there is no entry, and the message is in the mailbox */
	VERIFY_STRAY,	   /* came to a target folder since, but nothing is known of it */
	VERIFY_DUPLICATE,  /* one more copy, in a target folder, of a message that has an entry */
	VERIFY_MISPLACED,  /* in the bad-mail folder, though its entry is good, or the reverse */
	VERIFY_MISSING,	   /* in none of the folders: removed there, or lost */
	VERIFY_UNFOUND	   /* in the mailbox, says the server, but its SEARCH leaves it out */
};

/* What is done about a problem. */
enum verify_remedy {
	VERIFY_NOTHING,
	VERIFY_MOVE,  /* the message moves where it belongs */
	VERIFY_NOTE,  /* the ledger learns where it is */
	VERIFY_LOAD,  /* a run of load finishes it */
	VERIFY_ADOPT, /* it becomes an entry, and stays where it is */
	VERIFY_ACCEPT /* nobody misses it any more */
};

struct verify_finding {
	enum verify_problem problem;
	enum verify_remedy remedy;
	const char *folder;    /* where the message lies, or should lie */
	uint32_t uid;	       /* there; 0 = not known */
	int64_t entry_id;      /* 0 = none */
	int64_t date_received; /* of a stray, seconds since 1970-01-01 UTC; 0 = not known */
};

struct verify_options {
	const char *database; /* path */
	const char *who;      /* accepts what is gone */
	bool repair;
	bool adopt;
	bool accept_missing;
	bool dry_run;	    /* findings say what would be done, and nothing is */
	int64_t since_ms;   /* adopt only what was received from then on; 0 = all */
	const char *search; /* adopt only what these IMAP search keys find; NULL = all */
	void (*report)(const struct verify_finding *finding, void *context);
	/* Told how many messages would be adopted, and from when; false: they are not. */
	bool (*confirm)(const char *what, void *context);
	void *context;
};

/* The messages of a folder; of the mailbox only the first ones are counted, and what is gone. */
struct verify_folder_count {
	const char *folder; /* borrowed for the call */
	uint64_t messages;
	uint64_t known;	    /* to the ledger */
	uint32_t first_uid; /* older messages were there before the queue; 0 = not known */
	uint64_t of_other_queues;
	uint64_t before_first_use; /* all that nothing is known of, where first_uid is 0 */
	uint64_t strays;
	uint64_t duplicates;
	uint64_t accepted_as_gone; /* not there any more */
};

struct verify_result {
	uint64_t messages; /* looked at */
	uint64_t problems;
	uint64_t repaired; /* of them */
	uint64_t missing;  /* of the problems */
	uint64_t strays;
	uint64_t repairable; /* `repair` finishes them, or did */
};

/* A word for it, and a sentence. */
const char *verify_problem_format(enum verify_problem problem);
const char *verify_problem_describe(enum verify_problem problem);

/* A word for what is done; NULL for VERIFY_NOTHING. */
const char *verify_remedy_format(enum verify_remedy remedy);

/*
 * Looks, and reports each problem. `repair` finishes what can be finished: moves are done, and a
 * run loads what the ledger has picked up. `adopt` makes entries of strays. `accept_missing` makes
 * missing messages no problem any more. `counted`, if not NULL, is told of the folders when all has
 * been looked at.
 */
int verify_run(struct store *store, const struct work_queue *queue,
	       const struct verify_options *options,
	       void (*counted)(const struct verify_folder_count *count, void *context),
	       struct verify_result *ret_result, struct error *err);

#endif
