/*
 * import_internal.h - what the parts of an import share.
 *
 * import_walk.c finds and reads files; import_mbox.c and import_tar.c push their messages into
 * import_take.c, which writes them to the spool of a batch and hands them to its parser. There are
 * as many batches as jobs: while their parsers work, import_store.c stores the oldest. Batches are
 * stored in the order in which they were filled, so the number of jobs changes nothing of what is
 * stored. import_move.c moves files whose messages are all committed.
 */
#ifndef LOADER_IMPORT_IMPORT_INTERNAL_H
#define LOADER_IMPORT_IMPORT_INTERNAL_H

#include "loader/base/crlf.h"
#include "loader/imap/names/connection_string.h"
#include "loader/import/import.h"
#include "loader/parse/parser.h"
#include "loader/rules/rules.h"
#include "queue/rule.h"

#include <glib.h>
#include <nettle/sha2.h>
#include <sys/stat.h>

/* Of a file at a time: memory does not grow with it. */
enum { IMPORT_PIECE_BYTES = 64 * 1024 };

/* A file with messages. It is counted by who reads it and by each message that is not committed;
 * the last one to let go moves it. */
struct import_file {
	unsigned holders;
	char *path;	    /* for people, and to move it */
	struct stat status; /* as it was read */
	bool stays;	    /* it is no file of its own, or was not read to its end */
	bool bad;	    /* a message of it became a bad entry */
};

struct import_item {
	struct import_file *file;
	uint64_t offset; /* in the spool */
	uint64_t size_bytes;
	uint64_t spooled_bytes; /* kept there: all, or of a message that is too large its header */
	int64_t received_s;	/* 0: not known */
	bool received_is_guess; /* it is the file's time, or not known */
	unsigned char raw_sha256[SHA256_DIGEST_SIZE];
	size_t parser_index;
	bool too_large;
	bool known;	     /* the queue has an entry of it */
	bool bad;	     /* its entry is a bad one */
	bool skipped;	     /* by a rule */
	bool not_taken;	     /* another entry has its reference */
	const char *refused; /* why none of its content can be stored; NULL where it can */
};

struct import_batch {
	int spool;
	int output;
	uint64_t spool_end;
	struct parser *parser;
	GArray *items; /* struct import_item */
	GStringChunk *reasons;
};

struct import {
	struct store *store;
	const struct work_queue *queue;
	const struct import_options *options;
	struct import_result *result;
	struct connection_string *definition;
	struct rules *rules;	      /* of the queue; NULL: it has none */
	GHashTable *known;	      /* digests that the queue has -> is its entry a bad one? */
	struct import_batch *batches; /* one for each job */
	unsigned turn;		      /* the batch that is being filled */
	/* The message that is arriving. */
	struct import_item item;
	struct sha256_ctx hash;
	struct crlf lines;
	uint64_t taken;	    /* new messages, for the limit */
	struct error fault; /* the first */
};

static inline struct import_item *import_item_at(const struct import_batch *batch, guint index)
{
	return &g_array_index(batch->items, struct import_item, index);
}

/* The run is to end: a signal has come, or the limit is reached. */
bool import_is_over(const struct import *import);

/* Notes a fault with one file, in *fault, that stops nothing. */
void import_note_fault(struct import *import, const struct error *fault);

/* The queue has, or is to have, an entry of the message with this digest. */
void import_know(const struct import *import, const unsigned char sha256[SHA256_DIGEST_SIZE],
		 bool is_bad);

/* --- messages on their way (import_take.c) ----------------------------- */

int import_batch_open(const struct import *import, struct import_batch *batch, struct error *err);
void import_batch_close(struct import_batch *batch);

/* A message arrives: begin, write for each piece, end. Errors: IO of this machine, and those of a
 * batch that is stored meanwhile. */
void import_begin(struct import *import, struct import_file *file);
int import_write(struct import *import, const char *bytes, size_t size, struct error *err);
/* `name` is the message's for people. `received_s` is when it arrived (0: not known), or, as a
 * guess, the time of its file. */
int import_end(struct import *import, const char *name, int64_t received_s, bool is_guess,
	       struct error *err);

/* Stores all that has arrived. */
int import_drain(struct import *import, struct error *err);

/* --- storing (import_store.c) ------------------------------------------ */

/* Commits the messages of a batch in one transaction, lets go of their files, and empties it. */
int import_store(struct import *import, struct import_batch *batch, struct error *err);

/* --- files (import_walk.c, import_mbox.c, import_tar.c, import_move.c) --------- */

int import_walk(struct import *import, const char *path, struct error *err);

/* Pushes the message, or the messages, of one file. A file that cannot be read is a fault. */
int import_read(struct import *import, const char *path, struct error *err);

int import_read_mbox(struct import *import, struct import_file *file, int descriptor,
		     struct error *err);

/* Pushes the messages of a tar on standard input. */
int import_read_tar(struct import *import, struct error *err);

/* Is it mail in a Maildir with the flag T? It is deleted, and a load does not take it either
 * (search=UNDELETED). */
bool import_name_is_deleted(const char *name);

/* Faults: errno `number` of a file that is being read; one that should be an mbox. The file stays. */
void import_note_unread(struct import *import, struct import_file *file, int number);
void import_note_no_mbox(struct import *import, struct import_file *file);

/* Does a name end so, in any case? */
bool import_name_ends(const char *name, const char *end);

struct import_file *import_file_new(const char *path, const struct stat *status);

/* Moves the file where it is to go if nobody else holds it, and frees it. Where it cannot be moved,
 * that is a fault. */
void import_file_let_go(struct import *import, struct import_file *file);

/* Moves a file into a folder, under a name that is free there, unless it lies in that folder already;
 * never replaces a file. Errors: IO. */
int import_move(const char *path, const struct stat *status, const char *folder, struct error *err);

#endif
