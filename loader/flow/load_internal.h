/*
 * load_internal.h - what the parts of a run share.
 *
 * load.c lists the work and cuts it into batches; load_batch.c brings one batch from the server
 * (load_fetch.c) into the database (load_store.c); load_move.c brings the server up to date with
 * the database.
 */
#ifndef LOADER_FLOW_LOAD_INTERNAL_H
#define LOADER_FLOW_LOAD_INTERNAL_H

#include "loader/flow/load.h"
#include "loader/flow/mailbox.h"
#include "loader/flow/parser.h"
#include "queue/entry.h"
#include "queue/pickup.h"

#include <glib.h>

struct load {
	struct store *store;
	const struct work_queue *queue;
	const struct load_options *options;
	struct mailbox *mailbox;
	struct pickup_source source;
	int spool; /* raw messages of the batch */
	uint64_t spool_end;
	struct parser *parser;
	struct load_result *result;
	struct load_progress progress;
	uint64_t withheld;     /* messages that are there, but that the server did not send */
	uint32_t withheld_uid; /* the first of them */
	bool suspecting;       /* the batch is one message that a run has failed at before */
	GStringChunk *reasons; /* texts of load_item.refused */
	/* UIDNEXT of the target folders after our last move; 0 = not known. */
	uint32_t target_uid_next[2];
	size_t missing[2]; /* moved, the server says, but not arrived there */
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
	bool too_large;	     /* only the header was kept */
	bool not_fetched;    /* given up: there are no bytes of it */
	bool suspect;	     /* the ledger has failures of it */
	const char *refused; /* why none of its content can be stored; NULL where it can */
	size_t parser_index;
};

/*
 * Fetches, parses and commits the messages of `sizes` (which hold UID and size), then moves them. A
 * message that is gone by now is passed over.
 */
int load_batch(struct load *load, const struct imapc_size *sizes, size_t count, struct error *err);

/* Makes spool and parser; to be closed also when it fails. */
int load_open_tools(struct load *load, struct error *err);
void load_close_tools(struct load *load);

/* A message that failed alone this often becomes a bad entry. */
enum { LOAD_MAX_TRIES = 3 };

/* Stores a message that cannot be fetched as a bad entry without content, and moves it. */
int load_give_up(struct load *load, const struct imapc_size *size, const char *reason,
		 struct error *err);

/* Brings messages into the spool and to the parser; `items` (struct load_item) gets those that
 * arrive. */
int load_fetch(struct load *load, const struct imapc_size *sizes, size_t count, GArray *items,
	       struct error *err);

/* Stores messages and their rows of the ledger in one transaction; `rows` (struct pickup) gets the
 * latter. */
int load_store(struct load *load, GArray *items, GArray *rows, struct error *err);

/*
 * Makes the entry of a message that the parser is through with, and hands it to `put`. *ret_bad:
 * it could not be loaded. Errors: DATA and SOFTWARE where the fault is the message's own.
 */
int load_make_entry(struct load *load, const struct load_item *item,
		    int (*put)(struct load *load, const struct entry *entry,
			       const struct entry_contents *contents, void *context,
			       struct error *err),
		    void *context, bool *ret_bad, struct error *err);

/* Tells whoever watches how far the run is. */
void load_tell(struct load *load);

/* Brings the ledger up to date; `copy` is NULL or as long as `uids`. */
int load_mark(struct load *load, const uint32_t *uids, size_t count, enum pickup_state state,
	      const struct imapc_copy *copy, struct error *err);

/*
 * Does for rows of the ledger (struct pickup) what is left to do on the server: `stored` messages
 * are marked \Seen and moved to their target, the originals of `copied` ones go. The ledger
 * follows.
 */
int load_move(struct load *load, const GArray *rows, struct error *err);

/* Where messages of a target go. */
enum mailbox_folder load_target_folder(enum pickup_target target);

/* Finishes on the server what an earlier run has committed. */
int load_finish_earlier(struct load *load, struct error *err);

static inline struct pickup *load_pickup_at(const GArray *rows, guint index)
{
	return &g_array_index(rows, struct pickup, index);
}

#endif
