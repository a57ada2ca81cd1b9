/*
 * deliver.h - the entries of a queue to its target, over HTTP.
 *
 * An entry is claimed, posted, and then, with the attempt, written down as done, failed, or waiting
 * for its next attempt. A run that dies in between leaves a claim that the next run takes back: the
 * target gets the entry again, with the same idempotency key.
 *
 * Errors: of single entries they are part of the result; an error of the run is one of the
 *         database, of the definition (CONFIGURATION), or of the secret.
 */
#ifndef LOADER_DELIVER_DELIVER_H
#define LOADER_DELIVER_DELIVER_H

#include "queue/base/error.h"
#include "queue/delivery.h"
#include "queue/work_queue.h"

#include <stdbool.h>

struct deliver_result {
	uint64_t counts[DELIVERY_OUTCOMES];
	uint64_t given_up;	/* of RETRY and UNREACHABLE: it was the last attempt */
	bool stopped;		/* the queue's target has been stopped */
	int64_t pause_until_ms; /* the target wants no more before; 0 = it did not say */
	struct error last; /* of the last entry that was not delivered; kind ERROR_NONE = none */
};

/* The commands that give the secrets of the queue's target may be run after deliver_confine(). */
void deliver_allow(const struct work_queue *queue);

/* Takes from this process what deliveries do not need (confine.h); once. */
int deliver_confine(const char *database, struct error *err);

/* Delivers what is due, at most `limit` entries (0 = all). Another run on the queue: TEMPORARY. A
 * target that was unreachable three times in a row, or asks for a pause, gets no more in this run.
 */
int deliver_run(struct store *store, const struct work_queue *queue, uint64_t limit,
		struct deliver_result *ret_result, struct error *err);

/* Posts a made-up mail and writes what went over the wire, without credentials; the caller frees
 * the text. UNREACHABLE and others as of an entry, then the text is written too. */
int deliver_test(const struct work_queue *queue, char **ret_trace, struct error *err);

#endif
