/*
 * load_internal.h - what the parts of a run share.
 *
 * load.c lists the work and cuts it into batches. load_pipeline.c keeps several of them going: they
 * come from the server (load_batch.c, load_fetch.c) ahead of a thread (load_storer.c) that waits
 * for their parsers and stores them (load_store.c), and when that has enough to do, what is stored
 * moves on the server (load_move.c).
 *
 * Threads: there is one besides the run's own. It has the database, and the batches that were put
 *          to it, to itself; whatever else of the run uses the database stands between load_hold()
 *          and load_go_on(). It is the only thread of the program because nothing else keeps
 *          server, parsers and disk busy at once: a second process could not use the worker's
 *          connection or its transaction.
 */
#ifndef LOADER_LOAD_LOAD_INTERNAL_H
#define LOADER_LOAD_LOAD_INTERNAL_H

#include "loader/imap/session/move.h"
#include "loader/load/load.h"
#include "loader/load/load_single.h"
#include "loader/parse/parser.h"
#include "loader/source/mailbox.h"
#include "queue/entry.h"
#include "queue/pickup.h"

#include <glib.h>
#include <pthread.h>

/* Some take turns in memory, and those from LOAD_BATCH_LARGE on where a message is very large, or
 * suspect. */
enum { LOAD_BATCHES = LOAD_POSITION_BATCHES, LOAD_BATCH_LARGE = LOAD_BATCHES - 2 };

/* Messages on their way from the server to the database, and the files they lie in meanwhile. */
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

/* load_storer.c's own; the counts are of batches since the beginning, and differ by the batches
 * there are at most. */
struct load_storer {
	bool started; /* something was put */
	pthread_t thread;
	struct load_batch *queue[LOAD_BATCHES];
	unsigned put;
	unsigned taken;	       /* back; the run's own thread alone knows of it */
	pthread_mutex_t mutex; /* of all that follows, and of `put` */
	pthread_cond_t changed;
	unsigned through;
	bool busy;
	bool held;
	bool needs_process;	  /* for its parser; only the run's own thread may make one */
	struct load_batch *spent; /* being stored; its files are not needed any more */
	bool ended;
	bool failed; /* the thread's, as `err` */
	struct error err;
};

struct load {
	struct store *store;
	const struct work_queue *queue;
	const struct load_options *options;
	struct mailbox *mailbox;
	struct pickup_source source;
	struct load_result *result;
	struct load_progress progress;
	GArray *unsent;	     /* load_unsent.h: messages that the server did not send */
	unsigned in_vain;    /* messages in a row that it did not send */
	bool outage;	     /* nor any other */
	unsigned reconnects; /* in this run */
	uint32_t unfound;    /* messages that the search leaves out */
	bool suspecting;     /* the batch is one message that a run has failed at before */
	/* The pipeline. */
	struct load_batch batches[LOAD_BATCHES];
	unsigned turn;	     /* which of those in memory comes next */
	unsigned large_turn; /* which of the others, counted from LOAD_BATCH_LARGE */
	struct load_storer storer;
	GArray *unmoved;       /* struct pickup: committed, but the server has not been told */
	size_t move_max;       /* so many are moved at once */
	GPtrArray *moved;      /* what the ledger does not know of yet; NULL: it learns at once */
	size_t left;	       /* to be pushed after the batch at hand */
	struct move *moves[2]; /* by target; NULL: nothing has been moved there yet */
	uint64_t settled;      /* messages that the server is done with */
	size_t mark_max;       /* more cannot be marked \Seen at once; 0: nobody knows */
	char *unmarked;	       /* why messages are not marked \Seen; NULL: they are */
	bool stops;	       /* the queue is not to be loaded again by itself */
};

/* A message on its way. */
struct load_item {
	uint32_t uid;
	uint64_t announced_size_bytes;
	uint64_t size_bytes; /* received */
	uint64_t offset;     /* in the spool */
	uint64_t
	    spooled_bytes; /* kept there; less than size_bytes where the message is too large */
	int64_t internal_date_s;
	unsigned char raw_sha256[32];
	bool hashed;	     /* raw_sha256 is there */
	bool too_large;	     /* only the header was kept */
	bool not_fetched;    /* given up: there are no bytes of it */
	bool suspect;	     /* the ledger has failures of it */
	const char *refused; /* why none of its content can be stored; NULL where it can */
	size_t parser_index;
};

/* Makes the files and the parser of a batch; to be closed also when it fails. */
int load_batch_open(const struct load *load, bool on_disk, struct load_batch *batch,
		    struct error *err);
void load_batch_close(struct load_batch *batch);

/* Forgets the messages that an open batch holds. */
int load_batch_begin(struct load_batch *batch, struct error *err);

/*
 * Fetches the messages of `sizes` (which hold UID and size) into an open batch, and hands them to
 * its parser. A message that is gone by now is passed over, and one that the server does not send
 * noted (load_unsent.h).
 */
int load_batch_bring(struct load *load, struct load_batch *batch, const struct imapc_size *sizes,
		     size_t count, struct error *err);

/* Makes the digests of messages that were not made while they arrived. */
int load_batch_hash(struct load_batch *batch, struct error *err);

/* Empties its files, which nobody needs any more: for large ones that takes time. */
void load_batch_empty(const struct load_batch *batch);

/* The batch has stored nothing. */
void load_batch_forget_stored(struct load_batch *batch);

/* load_close_pipeline() comes after it. */
void load_open_pipeline(struct load *load);

/* Until they have arrived (count 0), a crash is put down to these messages. */
void load_take_position(const struct load *load, const struct load_batch *batch,
			const struct imapc_size *sizes, size_t count);

/* While they are stored, too. Not while they wait for that: whoever is blamed comes alone in the
 * next run, which takes time. */
void load_take_position_to_store(const struct load *load, const struct load_batch *batch);

/*
 * Brings messages as load_batch_bring() does, and lets them be stored while the next ones come.
 * Errors may be those of batches before.
 */
int load_push(struct load *load, const struct imapc_size *sizes, size_t count, struct error *err);

/* Waits until nothing is being stored: from then to load_go_on() no other thread is at work, and
 * the database is the caller's. */
void load_hold(struct load *load);
void load_go_on(struct load *load);

/* Everything that was pushed is stored and moved when this returns 0. */
int load_drain(struct load *load, struct error *err);

/* The run went well: its row says so, and the ledger learns of what load_drain() has moved. */
int load_note(struct load *load, struct error *err);

/* Ends the pipeline. After a failure what is committed is moved if that can still be done. */
void load_close_pipeline(struct load *load, bool failed);

/* A message that failed alone this often becomes a bad entry. */
enum { LOAD_MAX_TRIES = 3 };

/* Stores a message that cannot be fetched as a bad entry without content, and moves it. */
int load_give_up(struct load *load, const struct imapc_size *size, const char *reason,
		 struct error *err);

/* Brings messages into the batch's spool and to its parser; batch->items gets those that arrive. */
int load_fetch(struct load *load, struct load_batch *batch, const struct imapc_size *sizes,
	       size_t count, struct error *err);

/* Stores the batch's messages and their rows of the ledger in one transaction. What became of them
 * stands in the batch. */
void load_store(struct load *load, struct load_batch *batch);

/*
 * Makes the entry of a message that the parser is through with, and hands it to `put`. *ret_bad:
 * it could not be loaded. Errors: DATA and SOFTWARE where the fault is the message's own.
 */
int load_make_entry(struct load *load, struct load_batch *batch, const struct load_item *item,
		    load_put_entry put, void *context, bool *ret_bad, struct error *err);

/* Tells whoever watches how far the run is. */
void load_tell(struct load *load);

/* Brings the ledger up to date, at once; `copy` is NULL or as long as `uids`. */
int load_mark(struct load *load, const uint32_t *uids, size_t count, enum pickup_state state,
	      const struct imapc_copy *copy, struct error *err);

/*
 * The same for messages that the server has moved, when the next batch is stored, or the end of the
 * run noted: a transaction of its own would be one more wait for the disk, and for the storer. A
 * run that ends before that leaves what one leaves that ends right after the move.
 */
int load_mark_moved(struct load *load, const uint32_t *uids, size_t count,
		    const struct imapc_copy *copy, struct error *err);

/* Lists of what load_mark_moved() was told. */
GPtrArray *load_moved_list_new(void);
void load_moved_hand_over(GPtrArray *from, GPtrArray *to);

/* Brings the ledger up to date. The database is the caller's. */
int load_moved_store(struct load *load, const GPtrArray *list, struct error *err);

/*
 * Does for rows of the ledger (struct pickup) what is left to do on the server: `stored` messages
 * are marked \Seen and moved to their target, the originals of `copied` ones go. The ledger
 * follows. What is wrong with single messages ends nothing: load_move_verdict() says it.
 */
int load_move(struct load *load, const GArray *rows, struct error *err);
int load_move_verdict(const struct load *load, struct error *err);

/* Ends all moving. */
void load_move_close(struct load *load);

/* Marks messages \Seen. That the server refuses it is noted, and keeps nothing. */
int load_mark_seen(struct load *load, const uint32_t *uids, size_t count, struct error *err);

enum { LOAD_TOGETHER_MIN = 1000 };

/*
 * How many messages come together at most, when so many are left. Many, so that there is enough to
 * store while the server moves a large set; fewer towards the end, where nothing else is done while
 * the last ones are stored.
 */
static inline size_t load_together_max(size_t left)
{
	return CLAMP(left / 10, (size_t)LOAD_TOGETHER_MIN, (size_t)LOAD_POSITION_UIDS);
}

/* Of messages that come together; a larger one comes alone. Each batch has two files. */
static inline uint64_t load_batch_bytes(const struct load *load)
{
	uint64_t memory_bytes = load->options->memory_bytes;
	return (memory_bytes != 0 ? memory_bytes : LOAD_MEMORY_BYTES) /
	       ((uint64_t)2 * LOAD_BATCH_LARGE);
}

/* A message up to this size lies in memory on its way. */
static inline uint64_t load_memory_max(const struct load *load)
{
	return 2 * load_batch_bytes(load);
}

/* Where messages of a target go. */
enum mailbox_folder load_target_folder(enum pickup_target target);

/* Finishes on the server what an earlier run has committed. */
int load_finish_earlier(struct load *load, struct error *err);

static inline struct pickup *load_pickup_at(const GArray *rows, guint index)
{
	return &g_array_index(rows, struct pickup, index);
}

#endif
