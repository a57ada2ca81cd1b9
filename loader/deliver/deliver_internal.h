/*
 * deliver_internal.h - what the parts of a delivery share: the post that is made of an entry, and the
 * run at hand.
 *
 * Parts:  deliver.c decides what happens next, deliver_post.c makes posts, deliver_reply.c finds
 *         their replies, deliver_send.c sends posts, deliver_turn.c writes down what became of
 *         them, many in one transaction.
 * Life:   deliver_post_of_entry() or deliver_post_sample() .. deliver_post_free(). The store
 *         outlives a post: bodies and attachments are read while they are sent.
 * Errors: as in queue/base/error.h; NO for an entry that lacks what its format needs.
 */
#ifndef LOADER_DELIVER_DELIVER_INTERNAL_H
#define LOADER_DELIVER_DELIVER_INTERNAL_H

#include "loader/define/target_secret.h"
#include "loader/deliver/deliver.h"
#include "loader/http/client.h"
#include "loader/http/post.h"
#include "queue/base/scoped.h"
#include "queue/delivery.h"
#include "queue/entry.h"
#include "queue/work_queue.h"

#include <glib.h>

/* ---- a post ---- */

struct deliver_post {
	struct body *body;
	char *content_type;
	uint64_t size_bytes; /* of the body */
	char *key;	     /* the same for each attempt at this entry, and for no other entry */
	/* The parts that the body is made from. */
	struct entry *entry;
	struct post post;
	char *to;
	char *from;
	char *reply;
	void *headers; /* the document that the header fields are borrowed from */
	void *fields;  /* arrays */
	void *files;
	void *places;
};

/* The post of an entry, in the format of the queue's target. NO where the format needs the raw
 * message and the entry has none; errors of the database. */
int deliver_post_of_entry(struct store *store, const struct work_queue *queue, int64_t entry_id,
			  struct deliver_post **ret_post, struct error *err);

/* The post of a made-up mail, for `deliver --test`. */
int deliver_post_sample(const struct work_queue *queue, struct deliver_post **ret_post,
			struct error *err);

/* What an entry's text says beside the mail that it quotes, "" for nothing; it is stored when mail is loaded.
 * Errors of the database and of the parser. Caller frees. */
int deliver_reply_find(struct store *store, int64_t entry_id, char **ret_reply, struct error *err);

/* Takes NULL. */
void deliver_post_free(struct deliver_post *post);
SCOPED_DEFINE(struct deliver_post *, deliver_post_free)

/* ---- a run ---- */

/* A turn writes down what has ended after this long at the latest, with all else that has ended
 * by then. */
#define DELIVER_TURN_MS INT64_C(100)

/* A claimed entry. */
struct deliver_item {
	struct entry_lease lease;
	struct deliver_post *post; /* NULL until it is sent */
	struct http_answer answer; /* once it has ended, as the next */
	enum delivery_outcome outcome;
	int64_t ended_ms;
	int64_t not_before_ms; /* of the next attempt; 0 = the queue's delay decides */
};

struct deliver {
	struct store *store;
	const struct work_queue *queue;
	struct http_client *client;
	struct delivery_places *places;
	const struct target_secrets *secrets;
	int64_t began_ms; /* an entry that fails in this run is not tried again in it */
	uint64_t left;	  /* may still be claimed */
	bool enough;	  /* no more are to be posted */
	bool drained;	  /* there was no more to claim */
	bool blamed;	  /* an answer that has ended may be the one that stops the target */
	int unreachable_run;
	GQueue ready;	   /* items to be posted, as the next two */
	GQueue ended;	   /* to be written down */
	GQueue unused;	   /* to be given back */
	size_t batch;	   /* claimed at a time */
	int64_t turned_ms; /* monotonic: the last turn */
	struct deliver_result *result;
};

void deliver_item_free(struct deliver_item *item); /* takes NULL */

/* CONFIGURATION where the queue has no target, or a file of it cannot be read. */
int deliver_check_target(const struct work_queue *queue, struct error *err);

/* A client with the limits and files of the target; `trace` keeps what goes over the wire. Errors:
 * CONFIGURATION for the files. */
int deliver_connect(const struct work_queue_target *target, bool trace,
		    struct http_client **ret_client, struct error *err);

/* Begins a post; `context` comes back from http_client_wait(). */
int deliver_send(struct http_client *client, const struct work_queue *queue,
		 const struct target_secrets *secrets, const struct deliver_post *post,
		 void *context, struct error *err);

/* 2xx: delivered. 408, 425, 429, 5xx, and a body that could not be made: retry. Any other
 * status: rejected. No answer: unreachable. */
enum delivery_outcome deliver_judge(const struct http_answer *answer);

/* Makes one durable transaction: it writes down what has ended, gives unused entries back to the
 * queue, and claims the next ones unless there are enough. */
int deliver_turn(struct deliver *deliver, struct error *err);

SCOPED_DEFINE(struct deliver_item *, deliver_item_free)

#endif
