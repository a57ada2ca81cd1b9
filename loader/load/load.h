/*
 * load.h - one run: the messages of a queue's mailbox become entries, and move to the archive
 * folder.
 *
 * What a crash leaves at any moment is finished by the next run: entries and ledger rows are
 * committed together, durably, before anything changes on the server; rows `stored` say what is
 * left to do there.
 *
 * Errors:  any of error.h; texts do not name the queue (the caller puts that in front). What was
 *          committed before the error stays.
 * Memory:  independent of the size of messages; 4 bytes for each message of the mailbox, and
 *          memory_bytes.
 * Threads: one run per process; it makes a thread of its own, which uses `store` and has ended when
 *          the run has. Callbacks come on the caller's thread.
 */
#ifndef LOADER_LOAD_LOAD_H
#define LOADER_LOAD_LOAD_H

#include "loader/source/mailbox.h"
#include "queue/base/error.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <stdint.h>

struct load_result {
	uint64_t loaded;	/* entries made, without the bad ones */
	uint64_t bad;		/* entries made in state bad */
	uint64_t finished;	/* messages stored by an earlier run and moved by this one */
	uint64_t size_bytes;	/* of the raw messages */
	int64_t not_collected;	/* messages still waiting in the mailbox; -1 = not known */
	uint32_t uid_next;	/* of the mailbox when the run began; 0 = not known */
	uint32_t worker_deaths; /* how often the worker died and was started again */
	/* The server did not send some message; kind NONE: it did. */
	struct error unsent;
	/* All that could be done was done: a failure is about single messages, which the next run
	 * tries again. */
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

enum { LOAD_POSITION_BATCHES = 6, LOAD_POSITION_UIDS = 2500 };

/* Which messages a run is at, for whoever watches the process from outside. */
struct load_position {
	char source[512];
	uint32_t uid_validity;
	struct {
		uint32_t count; /* 0: at none */
		uint32_t uids[LOAD_POSITION_UIDS];
	} batches[LOAD_POSITION_BATCHES];
};

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
	/* Told while messages arrive, and once more when the run has ended. */
	void (*progress)(const struct load_progress *progress, void *context);
	/* Told of each message as soon as its entry is committed; may be NULL. */
	void (*stored)(const struct load_stored *stored, void *context);
	/* Told once of what is not as it should be, but keeps nothing; may be NULL. */
	void (*noted)(const char *words, void *context);
	void *context;			/* of the callbacks */
	struct load_position *position; /* kept up to date; may be NULL */
};

/*
 * Runs once. *ret_result is filled also when it fails. The queue's row says what became of a run
 * that went well ("OK; N items."); who called notes the others. TEMPORARY when another process is
 * loading this queue.
 */
int load_run(struct store *store, const struct work_queue *queue,
	     const struct load_options *options, struct load_result *ret_result, struct error *err);

/* As load_run(), on a mailbox that is open already and stays open, for one run after the other. */
int load_mailbox(struct store *store, const struct work_queue *queue, struct mailbox *mailbox,
		 const struct load_options *options, struct load_result *ret_result,
		 struct error *err);

#endif
