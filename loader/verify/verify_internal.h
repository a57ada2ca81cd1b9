/*
 * verify_internal.h - what the parts of a verification share: verify.c goes through them,
 * verify_ledger.c holds the ledger against the folders, verify_owner.c finds what is not this
 * queue's, verify_look.c tells the rest by its bytes, verify_repair.c finishes, verify_adopt.c
 * makes entries of strays.
 */
#ifndef LOADER_VERIFY_VERIFY_INTERNAL_H
#define LOADER_VERIFY_VERIFY_INTERNAL_H

#include "loader/verify/verify.h"
#include "queue/pickup_repair.h"

#include <glib.h>

enum verify_owner { VERIFY_UNKNOWN, VERIFY_OURS, VERIFY_OTHERS };

struct verify_folder {
	char *name;		    /* as pickup_repair.h has it */
	struct pickup_folder noted; /* all 0: this queue has not noted it */
	bool is_new;		    /* rows that name no folder lie in one that was used before */
	GPtrArray *sources; /* char *: the folder as a mailbox of other queues, by spelling */
	uint32_t uid_validity;
	uint32_t *uids; /* ascending */
	size_t count;
	unsigned char *owners; /* as long: enum verify_owner */
	uint32_t lowest_uid;   /* that the ledger has there; 0 = none */
	struct verify_folder_count counted;
};

/* A row that does not tell the UID of its message: only the bytes can. */
struct verify_row {
	char *source;
	uint32_t uid_validity;
	struct pickup pickup;
	enum mailbox_folder expected;
	bool has_entry;
	bool superseded;
	bool placed;   /* it has a UID in its folder, which is numbered as it was then */
	bool original; /* in the mailbox; a copy that a run has not noted may be in the folder */
};

/* A message of a target folder, to be brought where it belongs. */
struct verify_move {
	uint32_t uid;
	enum mailbox_folder from;
	enum mailbox_folder to; /* `from`: only its row is behind */
	char *source;		/* the row to be changed */
	uint32_t row_uid_validity;
	struct pickup pickup;
	bool adopted; /* its problem is settled already */
};

/* A message of a target folder, to become an entry. */
struct verify_stray {
	uint32_t uid;
	enum mailbox_folder folder;
	int64_t date_s;
};

struct verify {
	struct store *store;
	const struct work_queue *queue;
	const struct verify_options *options;
	struct verify_result *result;
	struct mailbox *mailbox;
	char *account; /* as pickup_repair.h has it */
	struct verify_folder folders[MAILBOX_FOLDER_COUNT];
	GHashTable *by_digest;	 /* char * -> GQueue of struct verify_row */
	uint64_t unplaced;	 /* of these rows, may lie anywhere in a folder */
	GHashTable *whole_sizes; /* uint64_t *: of messages known by their header alone */
	GHashTable *sizes;	 /* uint64_t *: of the unplaced rows */
	GArray *moves;		 /* struct verify_move */
	GArray *strays;		 /* struct verify_stray, to be adopted */
	bool run_needed;	 /* a run of load finishes something */
	uint64_t left_to_load;	 /* problems that only it can settle */
	uint64_t not_adopted;	 /* strays that could not be */
	struct error why_not;	 /* the first of them */
};

/* A message whose bytes are known. */
struct verify_facts {
	uint32_t uid;
	bool of_header; /* digest and size are those of its header */
	unsigned char raw_sha256[32];
	uint64_t raw_size;
	int64_t internal_date_s;
};

/* True if no run has noted yet that the message has left the mailbox. */
static inline bool verify_is_open(const struct pickup *pickup)
{
	return pickup->state == PICKUP_STORED || pickup->state == PICKUP_COPIED;
}

/* True if --repair was given and it is not a dry run. */
static inline bool verify_repairs(const struct verify *verify)
{
	return verify->options->repair && !verify->options->dry_run;
}

/* Counts and reports a problem, and what --repair does about it. */
void verify_report(struct verify *verify, enum verify_problem problem, enum verify_remedy repair,
		   enum mailbox_folder folder, uint32_t uid, int64_t entry_id);

/* The same for a problem that another option than --repair mends. */
void verify_report_finding(struct verify *verify, struct verify_finding finding);

/* Selects a folder read-only; TEMPORARY when it was numbered afresh since it was listed. */
int verify_select(struct verify *verify, enum mailbox_folder which,
		  struct imapc_mailbox *ret_selected, struct error *err);

/* True if the row's target UID is one of this folder: two folders may have one UIDVALIDITY. */
static inline bool verify_is_in(const struct verify_folder *folder, const struct pickup *pickup)
{
	return pickup->target_uid != 0 &&
	       (pickup->target_folder != 0 ? pickup->target_folder == folder->noted.number
					   : !folder->is_new);
}

/* The message's place in the folder, or -1. */
ssize_t verify_find(const struct verify_folder *folder, uint32_t uid);

/* verify_ledger.c */

/* Holds each row against the listed folders; rows whose message only its bytes can tell come into
 * by_digest. */
int verify_ledger(struct verify *verify, struct error *err);

/* The row's message was not found anywhere. */
int verify_miss(struct verify *verify, const struct verify_row *row, struct error *err);

/* Reports the message, and leaves to a run of load to find out what became of it. */
void verify_leave_to_load(struct verify *verify, const struct pickup *pickup);

void verify_row_free(void *row);
char *verify_digest_key(bool of_header, const unsigned char sha256[32]);

/* Has the message of a row moved, or its row brought up to date. Only with --repair. */
void verify_add_move(struct verify *verify, enum mailbox_folder from, enum mailbox_folder to,
		     uint32_t uid, const struct verify_row *row);

/* A run ended right after the move of this message, which is where it belongs. */
void verify_untold(struct verify *verify, enum mailbox_folder where, uint32_t uid,
		   const struct verify_row *row);

/* verify_owner.c */

/* Finds out which of the target folders are mailboxes of other queues. */
int verify_owner_find_sources(struct verify *verify, struct error *err);

/* Finds since when the queue uses a listed folder, and which of its messages other queues know. */
int verify_owner(struct verify *verify, enum mailbox_folder which, struct error *err);

/* *ret_others: another queue has a message of these bytes. *ret_own: what this queue has of it. */
int verify_owner_of_bytes(struct verify *verify, enum mailbox_folder which,
			  const struct verify_facts *facts, bool *ret_others,
			  enum pickup_own *ret_own, int64_t *ret_entry_id, struct error *err);

/* *ret_taken: another queue, whose mailbox the folder is, has picked the row's message up there; it
 * is counted as that queue's. */
int verify_owner_took(struct verify *verify, const struct verify_row *row, bool *ret_taken,
		      struct error *err);

/* USAGE where another queue uses the folder too, and --search does not say which of its
 * unknown messages are whose. */
int verify_owner_check_adopt(struct verify *verify, enum mailbox_folder which, struct error *err);

/* verify_look.c */

/* Tells the messages of a folder that neither ledger nor other queues know by UID. */
int verify_look_into(struct verify *verify, enum mailbox_folder which, struct error *err);

/* Settles the rows whose message no folder has shown. */
int verify_look_missing(struct verify *verify, struct error *err);

/* verify_repair.c */

/* Puts the ledger's row right for a message that is in the mailbox. Only with --repair. */
int verify_repair_row(struct verify *verify, const struct pickup_with_entry *row,
		      enum verify_problem problem, bool copy_is_there, struct error *err);

/* Moves what lies in the wrong folder, then runs load if needed. */
int verify_repair(struct verify *verify, struct error *err);

/* verify_adopt.c */

/* Asks, and makes entries of the strays. */
int verify_adopt(struct verify *verify, struct error *err);

/* Says, at the end, that some could not be adopted. */
int verify_adopt_verdict(const struct verify *verify, struct error *err);

#endif
