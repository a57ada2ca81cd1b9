/*
 * work_queue.h - definitions of work queues, what is known of each as a whole, and the right of one
 * process to load, deliver or watch it.
 *
 * Ownership: work_queue_find() hands out a queue that the caller frees; in work_queue_list() the
 *            queue is borrowed for the call. Strings are UTF-8.
 * Calls:     functions that write make their own transaction unless one is open.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_WORK_QUEUE_H
#define QUEUE_WORK_QUEUE_H

#include "queue/base/error.h"
#include "queue/base/scoped.h"
#include "queue/store.h"
#include "queue/work_queue_target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a sign-in is worth. */
struct work_queue_sign_in {
	char *mechanism; /* "SCRAM-SHA-256"; NULL: there was none yet */
	bool tls;
};

/* What becomes of a second mail with a reference: an entry like any other; none, unless all entries with the reference
 * have failed; or an entry, for which those that are in state new are discarded. */
enum work_queue_same { WORK_QUEUE_LINK, WORK_QUEUE_REFUSE, WORK_QUEUE_REPLACE };

/* "link", "refuse", "replace". */
const char *work_queue_same_format(enum work_queue_same same);
/* -1 for any other text. */
int work_queue_same_parse(const char *text, enum work_queue_same *ret_same);

/* What workers get first of entries with one priority: what has been due longest; what has to be done first. */
enum work_queue_order { WORK_QUEUE_DUE, WORK_QUEUE_DEADLINE };

/* "due", "deadline". */
const char *work_queue_order_format(enum work_queue_order order);
/* -1 for any other text. */
int work_queue_order_parse(const char *text, enum work_queue_order *ret_order);

struct work_queue {
	int64_t id;
	char *name; /* unique; 1 to 100 bytes: letters, digits, '.', '_', '-', printing non-ASCII;
		     * the first neither '.' nor '-' */
	char *class_name;	    /* "Mail" */
	char *external_source;	    /* "IMAP", or "File": mail comes by imports alone */
	char *connection_string;    /* as the operator wrote it; never holds a secret */
	char *user_name;	    /* "" where there is no mailbox, as connection_string may be */
	char *credential_source;    /* prompt, file, env, command, credential, token-command, … */
	char *credential_reference; /* path, variable, name, or JSON argv; NULL for none */
	bool paused;
	int32_t max_attempts;	/* an entry fails for good after these; 0: work_queue_attempts() */
	int64_t retry_delay_ms; /* before the second attempt, doubled before each further one */
	char *
	    reference; /* where mail says what it is about, 'subject:Order (\d+)'; NULL: nobody looks */
	enum work_queue_same same_reference;
	enum work_queue_order order;
	struct work_queue_target target;
	bool on_delivery;   /* messages stay unread in the mailbox until the target has answered */
	char *last_message; /* "OK; 3 items." or "Error: …"; NULL before the first run */
	int64_t last_action_ms; /* 0 before the first run */
	int64_t not_collected;	/* messages that the last run has left in the mailbox to be
				 * collected; -1 = not known */
	struct work_queue_sign_in last_sign_in; /* read only */
	int64_t record_created_ms;
	int64_t record_updated_ms;
};

/* How often an entry is tried unless the operator says otherwise. */
#define WORK_QUEUE_MAX_ATTEMPTS	  3
#define WORK_QUEUE_MAX_DELIVERIES 60 /* of a queue with a target: that takes over two days */

struct work_queue_counts {
	uint64_t new_entries;
	uint64_t claimed; /* by workers whose lease has not ended */
	uint64_t expired; /* claimed, but the lease has ended: the next worker may have it */
	uint64_t done;
	uint64_t failed;    /* without the next */
	uint64_t discarded; /* also in state failed: an operator has given them up */
	uint64_t bad;
	uint64_t overdue; /* new or claimed, and their deadline is over */
	uint64_t at_risk; /* new or claimed, to be looked after by now, and not overdue */
	uint64_t unfinished_pickups; /* stored, but not yet moved on the server */
	uint64_t undelivered;	     /* new, and posted to the target in vain; 0 without a target */
	int64_t oldest_new_ms;	     /* record_created of the oldest entry in state new; 0 = none */
};

/* max_attempts, or the default of such a queue. */
int32_t work_queue_attempts(const struct work_queue *queue);

/* False where mail comes from files alone. */
bool work_queue_has_mailbox(const struct work_queue *queue);

/* INVALID for a name that breaks the rule above. */
int work_queue_check_name(const char *name, struct error *err);

/* Stores a new definition; id and the read-only members are ignored. EXISTS when the name is taken,
 * INVALID when the name breaks the rule above. */
int work_queue_put(struct store *store, const struct work_queue *queue, int64_t now_ms,
		   int64_t *ret_id, struct error *err);

/* Replaces the definition members (name to order) of the queue with this id. MISSING,
 * EXISTS. */
int work_queue_alter(struct store *store, const struct work_queue *queue, int64_t now_ms,
		     struct error *err);

/* MISSING names the queue. */
int work_queue_find(struct store *store, const char *name, struct work_queue **ret_queue,
		    struct error *err);

/* The two members about references of the queue with this id; the caller frees *ret_reference with g_free(). MISSING. */
int work_queue_find_reference(struct store *store, int64_t queue_id, char **ret_reference,
			      enum work_queue_same *ret_same, struct error *err);

/* Releases; takes NULL. */
void work_queue_free(struct work_queue *queue);
SCOPED_DEFINE(struct work_queue *, work_queue_free)

/* Calls `each` for every queue, by name; a non-zero return ends the list and is returned. -1 with
 * *err on an error of the database. No lock is held meanwhile: `each` may take its time, and write.
 */
int work_queue_list(struct store *store, int (*each)(const struct work_queue *queue, void *context),
		    void *context, struct error *err);

/*
 * Deletes a queue, its entries, attachments, ledger, and content no other entry uses, in one
 * transaction. REFUSED when it has open entries (new, claimed) or unfinished pickups and `force` is
 * false; the text says how many.
 */
int work_queue_drop(struct store *store, int64_t queue_id, bool force, struct error *err);

/* Keeps the result of a run. not_collected: messages in the mailbox that have no entry; those that
 * wait there for the answer of the target are added. -1 leaves it unknown. */
int work_queue_note_action(struct store *store, int64_t queue_id, const char *last_message,
			   int64_t not_collected, int64_t now_ms, struct error *err);

/* Keeps what a sign-in was worth; writes nothing where that is not new. */
int work_queue_note_sign_in(struct store *store, int64_t queue_id,
			    const struct work_queue_sign_in *sign_in, int64_t now_ms,
			    struct error *err);

/* The next sign-in may be worth less than the last one. */
int work_queue_forget_sign_in(struct store *store, int64_t queue_id, struct error *err);

/* Counts entries by state. MISSING when there is no such queue. */
int work_queue_count(struct store *store, int64_t queue_id, struct work_queue_counts *ret_counts,
		     struct error *err);

/*
 * The right to load a queue, held by one process at a time and given up when that process ends,
 * however it ends. BUSY when another holds it, or this one already.
 *
 * It is the process's own: a child made by fork() does not hold it, does not keep it alive after
 * its parent's death, and does not give it up by closing what it inherited. It must be unlocked
 * before store_close(), and a process that holds one must not open a second store on the same
 * database and lock there: closing that would give up both.
 */
struct work_queue_lock;

/* Makes the file that locks stand in, where there is none; for who will lock when it may make files no more.
 * Whoever locks says why it could not be made. */
void work_queue_lock_make(const char *location);

int work_queue_lock(struct store *store, int64_t queue_id, struct work_queue_lock **ret_lock,
		    struct error *err);
void work_queue_unlock(struct work_queue_lock *lock);
SCOPED_DEFINE(struct work_queue_lock *, work_queue_unlock)

/* The right to deliver the entries of a queue, in the same way and beside the right to load it. */
int work_queue_lock_delivery(struct store *store, int64_t queue_id,
			     struct work_queue_lock **ret_lock, struct error *err);

/* ---- the right to watch ---- */

struct work_queue_watch;

/* The database exists. */
int work_queue_watch_open(const char *location, struct work_queue_watch **ret_watch,
			  struct error *err);

/* Gives all up; takes NULL. */
void work_queue_watch_close(struct work_queue_watch *watch);
SCOPED_DEFINE(struct work_queue_watch *, work_queue_watch_close)

/* 1: this process has the right, now or already; 0: another has it, *ret_holder is its id, 0 where
 * that cannot be known. */
int work_queue_watch_take(struct work_queue_watch *watch, int64_t queue_id, int *ret_holder,
			  struct error *err);
void work_queue_watch_give(struct work_queue_watch *watch, int64_t queue_id);

#endif
