/*
 * check.h - would it work: a first connection to a queue's mailbox, and a look at the installation
 * (database, schema, leases, who can read the secrets, libraries). Both change nothing.
 */
#ifndef LOADER_DEFINE_CHECK_H
#define LOADER_DEFINE_CHECK_H

#include "loader/source/mailbox.h"
#include "queue/base/error.h"
#include "queue/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- a queue's mailbox ---- */

struct check_folder {
	const char *name; /* NULL: none is used, messages stay in the mailbox */
	bool exists;
	bool lacking; /* it is missing, and a run cannot begin without it */
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
	bool creates_folders;	 /* a missing dropbox or badmail is made */
	int64_t waiting;	 /* messages that the next run would look at */
	uint32_t unfound;	 /* that the search leaves out (search.h) */
	const GPtrArray *quirks; /* char *, a sentence for each that is in force or disabled */
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

/*
 * Tells, a sentence for each, where another queue has the same mailbox of the same account, or uses a folder
 * of this one for something else. No server is asked. Errors: those of queue/; CONFIGURATION where the
 * queue's connection string cannot be read.
 */
int check_neighbours(struct store *store, const struct work_queue *queue,
		     void (*report)(const char *words, void *context), void *context,
		     struct error *err);

/*
 * The same for all queues, a sentence for each folder that several of them have, however many these are; what is
 * told of one that cannot be read is nothing. Errors: those of queue/.
 */
int check_shared(struct store *store,
		 void (*report)(const char *folder, const char *words, void *context),
		 void *context, struct error *err);

/*
 * Tells, a sentence for each, what of that which the queue needs ends within `within_ms`, or has ended:
 * certificates of servers and of the queue, their authorities, and what else queue/upkeep.h has been told
 * of. Something that lives for less than four times as long counts in the last quarter of its life.
 * No server is asked. Errors: those of queue/.
 */
int check_ends(struct store *store, const struct work_queue *queue, int64_t now_ms,
	       int64_t within_ms, void (*report)(const char *words, void *context), void *context,
	       struct error *err);

/*
 * Tells, a sentence for each, what is wrong with the account of OAuth 2.0 that the queue signs in with, or what of
 * it ends soon (oauth_warnings()); nothing where it signs in otherwise. No server is asked.
 */
void check_account(const struct work_queue *queue, const char *database, int64_t now_ms,
		   void (*report)(const char *words, void *context), void *context);

/* ---- the installation; needs no server ---- */

struct check_disk {
	const char *what; /* "database", "log" */
	const char *path;
	const char *fault; /* why the file itself cannot be written; NULL: it can */
	uint64_t free_bytes;
	bool read_only;
};

/* The disks of the database and of the logs of `watch`. Texts are borrowed for the call. Errors: those of queue/. */
int check_disks(struct store *store, const char *database,
		void (*report)(const struct check_disk *disk, void *context), void *context,
		struct error *err);

/* What is wrong with it where so much must be free; NULL for nothing. Caller frees. */
char *check_disk_fault(const struct check_disk *disk, uint64_t least_bytes);

/* "300 MB", "1.5 GB". Caller frees. */
char *check_size_format(uint64_t bytes);

/* What must be free, and how long things must be good, unless somebody says otherwise. */
#define CHECK_MIN_FREE	"256MB"
#define CHECK_MIN_VALID "30d"

enum doctor_state { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_WRONG };

/* "ok", "note", "wrong". */
const char *doctor_state_format(enum doctor_state state);

typedef void doctor_report(enum doctor_state state, const char *what, const char *words,
			   void *context);

/* Lines: the program's version, the schema's, the libraries', those of the parser, which is started for
 * that. Caller frees. */
char *doctor_version(void);

/*
 * Looks at everything and reports one line each. Returns the number of wrong things, or -1 when the
 * database could not be read to its end (errors of queue/).
 */
int doctor_run(struct store *store, const char *database, doctor_report *report, void *context,
	       struct error *err);

#endif
