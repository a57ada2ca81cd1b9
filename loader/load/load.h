/*
 * load.h - runs: the messages of a queue's mailbox become entries, and move to the archive folder.
 *
 * A run may end at any moment, by a crash, too; the next one finishes what it left. Entries and
 * ledger rows are committed together, durably, before anything changes on the server; rows `stored`
 * say what is left to do there. One message is loaded outside of a run, too.
 *
 * Errors:  any of error.h; texts do not name the queue (the caller puts that in front). Entries
 *          that were committed before the error stay.
 * Memory:  independent of the size of messages; 4 bytes for each message of the mailbox, and
 *          memory_bytes.
 * Threads: one run per process; it makes a thread of its own, which uses `store` and has ended when
 *          the run has. Callbacks come on the caller's thread.
 */
#ifndef LOADER_LOAD_LOAD_H
#define LOADER_LOAD_LOAD_H

#include "loader/make/make_entry.h"
#include "loader/source/mailbox.h"
#include "queue/base/error.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <stdint.h>

struct load_result {
	uint64_t loaded;   /* entries made, without the bad ones */
	uint64_t bad;	   /* entries made in state bad */
	uint64_t skipped;  /* messages that a rule has skipped: they are moved without an entry */
	uint64_t refused;  /* the same of those whose reference another entry has */
	uint64_t finished; /* messages stored by an earlier run and moved by this one */
	uint64_t moved;	   /* messages stored and moved by this run */
	int64_t began_ms;
	uint64_t size_bytes;	/* of the raw messages */
	int64_t not_collected;	/* messages still waiting in the mailbox; -1 = not known */
	uint32_t uid_next;	/* of the mailbox when the run began; 0 = not known */
	uint32_t worker_deaths; /* how often the worker died and was started again */
	/* The server did not send some message; kind NONE: it did. */
	struct error unsent;
	/* Why messages are moved without being marked as read; kind NONE: they are. */
	struct error unmarked;
	/* The run came to its end: an error is about single messages, which the next run tries
	 * again. */
	bool went_through;
};

/* A message whose entry is committed. */
struct load_stored {
	uint32_t uid;
	int64_t entry_id;
	uint64_t size_bytes; /* of the raw message */
	bool bad;
};

struct load_progress {
	uint64_t done; /* messages that have arrived */
	uint64_t total;
	uint64_t size_bytes; /* received */
	bool ended;
};

#define LOAD_MEMORY_BYTES ((uint64_t)128 * 1024 * 1024)

struct load_position;

struct load_options {
	const char *database;  /* path */
	uint64_t limit;	       /* messages at most; 0 = all */
	uint64_t items_before; /* that the queue's row is to count with those of this run */
	/* For mail on its way, in memory that the run's processes share; twice as much where all of
	 * it is large. 0 = LOAD_MEMORY_BYTES. */
	uint64_t memory_bytes;
	bool dry_run;	     /* change nothing anywhere; `plan` is told what would be done */
	bool leave_suspects; /* messages that a run has failed at before are for a later one */
	void (*plan)(const char *step, void *context);
	/* Told by load_run() when the server has let it in, while messages arrive, and once more when the
	 * run has ended. */
	void (*progress)(const struct load_progress *progress, void *context);
	/* Told of each message as soon as its entry is committed; may be NULL. */
	void (*stored)(const struct load_stored *stored, void *context);
	/* Told once of a fault that does not stop the run, such as a folder whose messages cannot
	 * be marked as read; may be NULL. */
	void (*noted)(const char *words, void *context);
	void *context;			/* of the callbacks */
	struct load_position *position; /* kept up to date; may be NULL */
};

/*
 * Runs once. *ret_result is filled also when it fails. A run that goes well writes so into the
 * queue's row ("OK; 3 items, 1 of them bad."); worker_note_failure() is for the others. TEMPORARY when another
 * process is loading this queue.
 */
int load_run(struct store *store, const struct work_queue *queue,
	     const struct load_options *options, struct load_result *ret_result, struct error *err);

/* As load_run(), on a mailbox that is open already and stays open, for one run after the other. */
int load_mailbox(struct store *store, const struct work_queue *queue, struct mailbox *mailbox,
		 const struct load_options *options, struct load_result *ret_result,
		 struct error *err);

/* "1 item", "3 items, 1 of them bad", "2 items, bad", "3 items; 2 skipped by rules; 1 refused". The caller frees it. */
char *load_format_items(uint64_t items, uint64_t bad, uint64_t skipped, uint64_t refused);

/* --- the worker -------------------------------------------------------- */

/*
 * Loads the named queue once in a child process, so that a server or a message that takes the
 * process down touches no other queue. Waits for the child, passes TERM and INT on to it, and
 * starts it again when it dies. The queue's row keeps the outcome ("OK; N items." or "Error: …")
 * unless it was a dry run. The caller has no database open. Refused sign-ins are counted, and a
 * queue that was stopped is left alone (loader/source/mailbox.h). Errors: those of load_run(), with
 * "load 'NAME'" in front; SOFTWARE when the child died.
 */
int worker_load(const char *queue_name, const struct load_options *options,
		struct load_result *ret_result, struct error *err);

/* Keeps in the queue's row why a run, or a look at the mailbox, failed, and what else `result` has to
 * say; NULL: nothing. */
int worker_note_failure(struct store *store, const struct work_queue *queue,
			const struct load_result *result, const struct error *failure,
			struct error *err);

/* --- what a dead worker was at ----------------------------------------- */

enum { LOAD_POSITION_BATCHES = 6, LOAD_POSITION_UIDS = 2500 };

/*
 * Which messages a run is at, in memory that a supervisor shares with its worker: the messages that
 * a dead worker leaves here are suspected to have killed it. Life: load_position_new() in the
 * supervisor, before the fork; load_options.position in the worker.
 */
struct load_position {
	char source[512];
	uint32_t uid_validity;
	struct {
		uint32_t count; /* 0: at none */
		uint32_t uids[LOAD_POSITION_UIDS];
	} batches[LOAD_POSITION_BATCHES];
};

/* At no message. NULL where there is no memory: then deaths are not counted. */
struct load_position *load_position_new(void);

/* Takes NULL. */
void load_position_free(struct load_position *position);

/* Counts a death against the messages the worker was at, if any, and forgets them. A failure to
 * write that down is passed over: the next run meets the same messages. `position` may be NULL. */
void load_position_blame(struct load_position *position, struct store *store, int64_t queue_id,
			 const char *reason);

/* --- one message, outside of a run ------------------------------------------ */

/*
 * One message that lies in a folder already becomes an entry.
 *
 * A reload replaces a bad entry; a verification adopts mail that has no entry. Both know the
 * message by its UID and decide themselves where its entry and its row of the ledger are stored.
 *
 * Life:      load_single_open() .. load_single_close(), with a folder of the mailbox open. For each
 *            message load_single_fetch(), then load_single_make().
 * Ownership: what is handed to load_single_open() is borrowed until load_single_close().
 * Errors:    those of session.h and of the parser (IO, SOFTWARE).
 */

struct load_single;

/* `database` is the path, beside which the messages lie on their way. */
int load_single_open(struct store *store, const struct work_queue *queue, struct mailbox *mailbox,
		     const char *database, struct load_single **ret_single, struct error *err);

/* Takes NULL. */
void load_single_close(struct load_single *single);
SCOPED_DEFINE(struct load_single *, load_single_close)

/* What is known of a message once it has come. */
struct load_single_facts {
	uint32_t uid;
	unsigned char raw_sha256[32];
	uint64_t size_bytes;
	int64_t internal_date_s; /* 0: the server gives none */
};

/* Fetches a message of the open folder and parses it. `folder` names the folder in errors. Errors:
 * NO: the message is not there any more; PROTOCOL: the server does not send it. */
int load_single_fetch(struct load_single *single, const char *folder, uint32_t uid,
		      struct load_single_facts *ret_facts, struct error *err);

/*
 * Makes the entry of the message that was fetched last, as received at `internal_date_s`, and hands
 * it to `put`. *ret_bad: it could not be loaded, and the entry says why. Errors: those of `put`;
 * DATA and SOFTWARE where the fault is the message's own.
 */
int load_single_make(struct load_single *single, int64_t internal_date_s, make_put put,
		     void *context, bool *ret_bad, struct error *err);

/*
 * Loads a bad entry again, after the cause is gone: fetches its message from the bad-mail folder;
 * when it can be loaded now, the entry is replaced under its id, is new, and the message moves to
 * the archive folder. A reload that was interrupted before that move is finished by the next one.
 * Errors: NO (no such entry, it is not bad, its message is gone), DATA (it still cannot be loaded;
 * the entry says why), those of a run.
 */
int reload_entry(struct store *store, int64_t entry_id, const char *database, struct error *err);

#endif
