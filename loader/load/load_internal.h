/*
 * load_internal.h - what the parts of a run share.
 *
 * load.c lists the work and cuts it into batches. load_pipeline.c keeps several of them going: they
 * come from the server (load_batch.c, load_fetch.c) ahead of a thread (load_store.c) that waits
 * for their parsers and stores them, and when that has enough to do, what is stored
 * moves on the server (load_move.c). A set that the server does not send is divided
 * (load_divide.c); messages that it does not send alone are noted (load_unsent.c), and asked for
 * again by a later run (load_suspect.c).
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
#include "loader/load/load_batch_internal.h"
#include "loader/rules/rules.h"
#include "loader/source/mailbox.h"
#include "queue/entry.h"
#include "queue/pickup.h"

#include <glib.h>

/* Moves to one target. */
struct load_mover {
	struct load *load;
	enum mailbox_folder folder;
	struct move *move; /* NULL: nothing has been moved there yet */
};

struct load {
	struct store *store;
	const struct work_queue *queue;
	const struct load_options *options;
	struct mailbox *mailbox;
	struct pickup_source source;
	struct rules *rules; /* of the queue; NULL: it has none */
	struct load_result *result;
	struct load_progress progress;
	GArray *unsent;	     /* struct load_unsent: messages that the server did not send */
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
	GArray *unmoved;  /* struct pickup: committed, but the server has not been told */
	size_t move_max;  /* so many are moved at once */
	GPtrArray *moved; /* what the ledger does not know of yet; NULL: it learns at once */
	size_t left;	  /* to be pushed after the batch at hand */
	struct load_mover movers[2]; /* by target */
	uint64_t settled;	     /* messages that the server is done with */
	size_t mark_max;	     /* more cannot be marked \Seen at once; 0: nobody knows */
	bool stops;		     /* the queue is not to be loaded again by itself */
};

/* Tells the caller's progress callback how far the run is. */
void load_tell(struct load *load);

/* --- the pipeline (load_pipeline.c) ------------------------------------ */

/* load_close_pipeline() comes after it. */
void load_open_pipeline(struct load *load);

/*
 * Brings messages as load_batch_bring() does, and lets them be stored while the next ones come.
 * Errors may be those of batches before.
 */
int load_push(struct load *load, const struct imapc_size *sizes, size_t count, struct error *err);

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

/* --- where the run is (load_suspect.c) --------------------------------- */

/* Until they have arrived (count 0), a crash is put down to these messages. */
void load_take_position(const struct load *load, const struct load_batch *batch,
			const struct imapc_size *sizes, size_t count);

/* While they are stored, too. Not while they wait for that: a message that is blamed comes alone in
 * the next run, which takes time. */
void load_take_position_to_store(const struct load *load, const struct load_batch *batch);

/* --- asking the server (load_divide.c) --------------------------------- */

/* A question about a set of messages. Where the server refuses it or hangs up, load_divide() asks
 * it again about fewer, until the messages that it does not answer for are known and the others are
 * there. */
struct load_question {
	/* Errors: those of the session, and of this machine. */
	int (*ask)(struct load *load, struct imapc_size *sizes, size_t count, void *context,
		   struct error *err);
	/* After a failure: takes out what has been answered, and returns how many are left. */
	size_t (*leave)(struct imapc_size *sizes, size_t count, void *context);
	/* Told of a message that was asked about alone and not answered. */
	void (*in_vain)(struct load *load, struct imapc_size *size, const struct error *failure,
			void *context);
	/* True if asking again after this failure is of no use; may be NULL. */
	bool (*is_final)(const struct error *failure, const void *context);
	void *context;
	unsigned *in_vain_run; /* so many messages in a row; the caller sets it back */
};

/*
 * Goes over `sizes`, whose order may change. Connects again where the server has hung up, some
 * times in a run. Errors: where the server answers for nothing at all its own, and what has
 * nothing to do with a message.
 */
int load_divide(struct load *load, struct imapc_size *sizes, size_t count,
		const struct load_question *question, struct error *err);

/* Opens the mailbox once more. TEMPORARY: the messages have other numbers now. */
int load_select_again(struct load *load, struct error *err);

/* Makes a lost connection again, and opens the mailbox, as load_select_again() does. Where that has
 * been done too often in this run, it fails and leaves *err as it is. */
int load_reconnect(struct load *load, struct error *err);

/* Fills in the sizes, UINT64_MAX where the server does not say it. */
int load_sizes(struct load *load, struct imapc_size *sizes, size_t count, struct error *err);

/* --- messages that were not sent (load_unsent.c) ----------------------- */

/*
 * The server refuses a message, sends no body, or hangs up. A try counts against the message only
 * where the server has sent another one after that: in the same run, or when it is asked for one
 * that lies in the archive folder. Where it sends none it is an outage, and no message's fault.
 */
GArray *load_unsent_new(void);

/* The message was asked for alone, or others came and it did not. */
void load_unsent_add(struct load *load, uint32_t uid, const struct error *failure);

/* The server has sent a message. */
void load_unsent_confirm(struct load *load);

/* After several messages in vain, *in_vain in a row: true where the server sends no other message
 * either, else *in_vain is set back. */
bool load_unsent_is_outage(struct load *load, unsigned *in_vain);

/* Keeps in the database what the run has learned, at its end. A failure to do so shows in the next
 * run. */
void load_unsent_note(struct load *load);

/* -1 if something was not sent: *err says what, and *ret_failure is the same. */
int load_unsent_verdict(const struct load *load, struct error *ret_failure, struct error *err);

/* --- suspects (load_suspect.c) ----------------------------------------- */

/*
 * Messages that a run has failed at before come last and one by one, so that none of them keeps the
 * others; one that fails alone LOAD_MAX_TRIES times is given up as a bad entry.
 */

/* Lists those that the ledger knows of the mailbox. The caller unrefs the array. */
int load_list_suspects(struct load *load, GArray **ret_suspects, struct error *err);

/* Takes the suspects out of `uids` (ascending) and returns how many are left there; suspects that
 * are not among them are dropped. The least suspect come first then. */
size_t load_part_suspects(GArray *suspects, uint32_t *uids, size_t count);

/* Loads at most `limit` of them. */
int load_suspects(struct load *load, const GArray *suspects, size_t limit, struct error *err);

/* --- on the server (load_move.c, load_finish.c) ------------------------ */

/* Brings the ledger up to date, at once; `copies` as pickup_mark() takes it. */
int load_mark(struct load *load, const uint32_t *uids, size_t count, enum pickup_state state,
	      const struct pickup_copies *copies, struct error *err);

/* Lists of what the server has moved and the ledger does not know of yet. */
GPtrArray *load_moved_list_new(void);
void load_moved_hand_over(GPtrArray *from, GPtrArray *to);

/* Brings the ledger up to date. The database is the caller's. */
int load_moved_store(struct load *load, const GPtrArray *list, struct error *err);

/*
 * Does for rows of the ledger (struct pickup) what is left to do on the server: `stored` messages
 * are marked \Seen and moved to their target, the originals of `copied` ones go. The ledger
 * follows. A problem with single messages ends nothing: load_move_verdict() says it.
 */
int load_move(struct load *load, const GArray *rows, struct error *err);
int load_move_verdict(const struct load *load, struct error *err);

/* Ends all moving. */
void load_move_close(struct load *load);

/* The folder that messages of a target go to. */
enum mailbox_folder load_target_folder(enum pickup_target target);

/* Finishes on the server what an earlier run has committed. */
int load_finish_earlier(struct load *load, struct error *err);

/*
 * Queues whose mail is acknowledged by its delivery: a message stays in its mailbox, unread, until
 * the target has answered for its entry. The ledger's row is `awaiting` until then. The transaction
 * that finishes the entry makes it `stored` (queue/schema.sql, trigger pickup_answered); from there
 * on the next run treats the message as any stored one: marks it \Seen, and moves it where it has
 * somewhere to go.
 */

/* Fills in the state in which a message begins; `found`: `pickup` is the row of the same message
 * under another UIDVALIDITY; `answered`: no target of this queue will ever answer for it. */
void load_acknowledge_begin(const struct load *load, bool found, bool answered,
			    struct pickup *pickup);

/* Takes \Seen away from messages that still wait for an answer. */
int load_acknowledge_unread(struct load *load, struct error *err);

/* The next step of a message that is loaded now, for plans: "move to 'Archive'". Caller frees. */
char *load_acknowledge_plan(const struct load *load);

/* --- mail that comes back (load_return.c) ------------------------------ */

/*
 * A message that was moved away and is in the mailbox again. Folders can be one whatever their
 * names say (aliases, labels, links), and rules and other programs can put mail back. A queue that
 * goes on would make entry after entry of one message, for ever: it is stopped instead
 * (queue/queue_health.h), until its definition changes or an operator resumes it.
 */

/*
 * After a move of `rows` (struct pickup): CONFIGURATION, and the queue is to be stopped, when
 * messages lie in the mailbox again under new UIDs. The ledger knows them by these then, so that
 * they are not loaded again.
 */
int load_take_returns(struct load *load, const GArray *rows, const struct move *move,
		      struct error *err);

/*
 * A new message that this queue has moved away LOAD_RETURNS_MAX times since it was defined, altered
 * or resumed last: CONFIGURATION, and the queue is to be stopped. A person puts a message back once
 * or twice to have it worked on again; a rule or a program that does so goes on for ever. The
 * database is the caller's.
 */
enum { LOAD_RETURNS_MAX = 5 };
int load_refuse_return(struct load *load, const struct load_item *item, struct error *err);

/* Stops the queue if it is to be, after a run that failed with *err, which says so then. */
void load_stop(struct load *load, struct error *err);

static inline struct pickup *load_pickup_at(const GArray *rows, guint index)
{
	return &g_array_index(rows, struct pickup, index);
}

#endif
