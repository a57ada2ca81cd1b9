/*
 * queue_view.h - the definition of a work queue, for people and for programs.
 */
#ifndef LOADER_CLI_QUEUE_QUEUE_VIEW_H
#define LOADER_CLI_QUEUE_QUEUE_VIEW_H

#include "queue/work_queue.h"

#include <jansson.h>

void queue_view_print(const struct work_queue *queue);

/* The same as a document; the caller has the reference. */
json_t *queue_view_json(const struct work_queue *queue);

#endif
