/*
 * from_queue.h - errors of the database as errors of the program.
 */
#ifndef LOADER_FLOW_FROM_QUEUE_H
#define LOADER_FLOW_FROM_QUEUE_H

#include "loader/base/error.h"
#include "queue/error.h"

void error_take_queue(struct error *err, const struct queue_error *queue_err);

/* Takes over the text; the kind follows from the status. Always returns -1. */
static inline int error_from_queue(struct error *err, const struct queue_error *queue_err)
{
	error_take_queue(err, queue_err);
	return -1;
}

#endif
