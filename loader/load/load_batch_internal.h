/*
 * load_batch_internal.h - messages on their way from the server to the database, and the thread
 * that stores them.
 *
 * load_fetch.c writes the raw messages of a batch one after the other into its spool and hands each
 * to the batch's parser, which writes the decoded contents into its output file. load_store.c waits
 * for the parser and makes the entries.
 *
 * Life:      load_batch_open() once, load_batch_bring() for each use, load_batch_close().
 * Ownership: from load_storer_put() to load_storer_take() a batch is the thread's.
 */
#ifndef LOADER_LOAD_LOAD_BATCH_INTERNAL_H
#define LOADER_LOAD_LOAD_BATCH_INTERNAL_H

#include "loader/load/load.h"
#include "loader/parse/parser.h"
#include "queue/pickup.h"

#include <glib.h>
#include <pthread.h>

struct load;

/* Some take turns in memory, and those from LOAD_BATCH_LARGE on where a message is very large, or
 * suspect. */
enum { LOAD_BATCHES = LOAD_POSITION_BATCHES, LOAD_BATCH_LARGE = LOAD_BATCHES - 2 };

/* A message on its way. */
struct load_item {
	uint32_t uid;
	uint64_t announced_size_bytes;
	uint64_t size_bytes;	/* received */
	uint64_t offset;	/* in the spool */
	uint64_t spooled_bytes; /* kept there: all, or of a message that is too large its header */
	int64_t internal_date_s;
	unsigned char raw_sha256[32];
	bool hashed;	     /* raw_sha256 is there */
	bool too_large;	     /* only the header was kept */
	bool not_fetched;    /* given up: there are no bytes of it */
	bool suspect;	     /* the ledger has failures of it */
	const char *refused; /* why none of its content can be stored; NULL where it can */
	size_t parser_index;
};

struct load_batch {
	bool on_disk; /* files beside the database; else in memory */
	int spool;    /* raw messages */
	uint64_t spool_end;
	int output; /* what the parser made of them */
	struct parser *parser;
	GArray *items;	       /* struct load_item */
	GStringChunk *reasons; /* texts of load_item.refused */
	GPtrArray *moved;      /* from load.moved: the ledger learns of it with this batch */
	bool overrun;	       /* more has come than there is room for */
	/* Written by load_store(). */
	GArray *rows; /* struct pickup, committed */
	struct load_result stored;
	int failed;
	struct error err;
};

/* Makes the files and the parser of a batch; to be closed also when it fails. */
int load_batch_open(const struct load *load, bool on_disk, struct load_batch *batch,
		    struct error *err);
void load_batch_close(struct load_batch *batch);

/* Forgets the messages that an open batch holds. */
int load_batch_begin(struct load_batch *batch, struct error *err);

/*
 * Fetches the messages of `sizes` (which hold UID and size) into an open batch, and hands them to
 * its parser. A message that is gone by now is passed over; one that the server does not send is
 * noted by load_unsent_add().
 */
int load_batch_bring(struct load *load, struct load_batch *batch, const struct imapc_size *sizes,
		     size_t count, struct error *err);

/* Brings messages into the batch's spool and to its parser; batch->items gets those that arrive. */
int load_fetch(struct load *load, struct load_batch *batch, const struct imapc_size *sizes,
	       size_t count, struct error *err);

/* Makes the digests of messages that were not made while they arrived. */
int load_batch_hash(struct load_batch *batch, struct error *err);

/* The batch has stored nothing. */
void load_batch_forget_stored(struct load_batch *batch);

/* Stores the batch's messages and their rows of the ledger in one transaction, and writes into the
 * batch what became of them. */
void load_store(struct load *load, struct load_batch *batch);

/*
 * Makes the entry of a message that the parser is through with, and hands it to `put`. *ret_bad: it
 * could not be loaded. Errors: those of `put`; DATA and SOFTWARE where the fault is the message's
 * own.
 */
int load_make_entry(struct load *load, struct load_batch *batch, const struct load_item *item,
		    make_put put, void *context, bool *ret_bad, struct error *err);

/* --- the thread that stores -------------------------------------------- */

/*
 * Stores batches one after the other, in the order they are put. Once one has failed, those behind
 * it fail the same way and are not stored. The counts are of batches since the beginning.
 */
struct load_storer {
	bool started; /* something was put */
	pthread_t thread;
	struct load_batch *queue[LOAD_BATCHES];
	unsigned put;
	unsigned taken;		  /* back; only the run's own thread reads it */
	pthread_mutex_t database; /* locked by the thread that uses it */
	pthread_mutex_t mutex;	  /* of all that follows, and of `put` */
	pthread_cond_t changed;
	unsigned through;
	bool ended;
	bool failed; /* the thread's, as `err` */
	struct error err;
};

void load_storer_open(struct load *load);

/* Waits for what was put, and ends the thread. */
void load_storer_close(struct load *load);

/* The thread is started by the first batch. Errors: IO. */
int load_storer_put(struct load *load, struct load_batch *batch, struct error *err);

/* The first batch that was put and not taken yet, when it is through; NULL if there is none, or,
 * unless `wait`, if it is not through. */
struct load_batch *load_storer_take(struct load *load, bool wait);

/* True if this batch was put, and not taken yet. */
bool load_storer_has(const struct load *load, const struct load_batch *batch);

/* Waits until nothing is being stored: from then to load_go_on() the database is the caller's. */
void load_hold(struct load *load);
void load_go_on(struct load *load);

#endif
