/*
 * verify_internal.h - what the parts of a verification share: verify.c looks, verify_repair.c
 * finishes.
 */
#ifndef LOADER_FLOW_VERIFY_INTERNAL_H
#define LOADER_FLOW_VERIFY_INTERNAL_H

#include "loader/flow/verify.h"
#include "queue/pickup_repair.h"

#include <glib.h>

struct verify_folder {
	uint32_t uid_validity;
	uint32_t *uids; /* ascending */
	size_t count;
	bool *known; /* as long: a row of the ledger stands for it */
};

/* A message of a target folder, to be brought where it belongs. */
struct verify_move {
	uint32_t uid;
	enum mailbox_folder from;
	enum mailbox_folder
	    to;	      /* MAILBOX_SOURCE: it has no entry; `from`: only its row is behind */
	char *source; /* the row to be changed; NULL for none */
	uint32_t row_uid_validity;
	struct pickup pickup;
};

struct verify {
	struct store *store;
	const struct work_queue *queue;
	const struct verify_options *options;
	struct verify_result *result;
	struct mailbox *mailbox;
	struct verify_folder folders[MAILBOX_FOLDER_COUNT];
	GHashTable
	    *by_digest; /* char * -> GQueue of struct verify_row: known only by their bytes */
	GHashTable *whole_sizes; /* uint64_t *: of messages known by their header alone */
	GArray *moves;		 /* struct verify_move */
	bool run_needed;	 /* a run of load finishes something */
	uint64_t left_to_load;	 /* problems that only it can settle */
};

/* Counts and reports a problem. */
void verify_report(struct verify *verify, enum verify_problem problem, enum mailbox_folder folder,
		   uint32_t uid, int64_t entry_id);

/* Puts the ledger's row right for a message that is in the mailbox. Only with options->repair. */
int verify_repair_row(struct verify *verify, const struct pickup_with_entry *row,
		      enum verify_problem problem, bool copy_is_there, struct error *err);

/* Moves what lies in the wrong folder, then runs load if needed. */
int verify_repair(struct verify *verify, struct error *err);

#endif
