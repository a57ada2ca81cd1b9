/*
 * archive.h - old messages leave a queue's archive folder (dropbox): only those that the ledger of the
 * queue has put there, told by folder, UIDVALIDITY and UID, and then by their bytes.
 *
 * Messages whose entry is new or claimed stay. Before a message goes the ledger notes that nobody misses
 * it any more (pickup_accept_gone()), so that a purge that ends at any moment leaves nothing that a
 * verification calls missing, and the next one goes on. Messages are removed by UID EXPUNGE, or moved as
 * loader/imap/session/move.h does.
 *
 * Errors: those of mailbox_open() and of the database; TEMPORARY while the queue is being loaded;
 *         CONFIGURATION where the queue has no archive, the folder to move to is one of its own, or the
 *         server can neither MOVE nor UID EXPUNGE; PROTOCOL where messages stay that the server has
 *         said to have removed.
 * Memory: 150 bytes for each message that goes.
 */
#ifndef LOADER_VERIFY_ARCHIVE_H
#define LOADER_VERIFY_ARCHIVE_H

#include "queue/base/error.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <stdint.h>

struct archive_message {
	uint32_t uid; /* in the archive folder */
	int64_t entry_id;
	int64_t date_received_s; /* since 1970-01-01 UTC */
	uint64_t size_bytes;
};

struct archive_options {
	const char *database; /* path */
	const char *who;      /* for the entries' history */
	const char *to;	      /* folder that they are moved to; NULL: they are deleted */
	int64_t before_ms;    /* only what was received before */
	bool dry_run;	      /* tell the messages that would go, and change nothing */
	/* Told of each message that has gone, or would. */
	void (*gone)(const struct archive_message *message, void *context);
	/* Told what would be done; false: nothing is. Not asked in a dry run, nor about nothing. */
	bool (*confirm)(const char *what, void *context);
	void *context;
};

struct archive_result {
	uint64_t gone;	     /* or would go */
	uint64_t unfinished; /* old enough, but the entry is new or claimed */
	uint64_t changed;    /* their bytes are not those that were put there: they stay */
};

/* *ret_result is filled in also where it fails. */
int archive_purge(struct store *store, const struct work_queue *queue,
		  const struct archive_options *options, struct archive_result *ret_result,
		  struct error *err);

#endif
