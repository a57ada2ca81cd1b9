/*
 * queue_json.h - how a queue stands, and what has happened to an entry, as JSON: the same for commands and for answers
 * over HTTP.
 *
 * Ownership: documents are the caller's to release.
 * Errors:    those of the database.
 */
#ifndef LOADER_ENTRY_QUEUE_JSON_H
#define LOADER_ENTRY_QUEUE_JSON_H

#include "queue/base/error.h"
#include "queue/entry_operate.h"
#include "queue/work_queue.h"

#include <jansson.h>

/* All that the database knows of how the queue stands. */
int queue_json_status(struct store *store, const struct work_queue *queue, int64_t now_ms,
		      json_t **ret_document, struct error *err);

/* An event of an entry's history. */
json_t *entry_json_event(const struct entry_event *event);

#endif
