/*
 * deliver_post.h - an entry, or a made-up mail, as the post that a target gets.
 *
 * Life:   deliver_post_of_entry() or deliver_post_sample() .. deliver_post_free(). The store
 *         outlives it: bodies and attachments are read while they are sent.
 * Errors: as in queue/base/error.h, and NO for an entry that has not what its format needs.
 */
#ifndef LOADER_DELIVER_DELIVER_POST_H
#define LOADER_DELIVER_DELIVER_POST_H

#include "loader/http/post.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"
#include "queue/work_queue.h"

struct deliver_post {
	struct body *body;
	char *content_type;
	uint64_t size_bytes; /* of the body */
	char *key;	     /* the same for each attempt at this entry, and for no other entry */
	/* What the body is made from. */
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

int deliver_post_of_entry(struct store *store, const struct work_queue *queue, int64_t entry_id,
			  struct deliver_post **ret_post, struct error *err);

int deliver_post_sample(const struct work_queue *queue, struct deliver_post **ret_post,
			struct error *err);

/* Takes NULL. */
void deliver_post_free(struct deliver_post *post);
SCOPED_DEFINE(struct deliver_post *, deliver_post_free)

#endif
