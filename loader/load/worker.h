/*
 * worker.h - a run in a process of its own, so that what one queue's server or mail does to it
 * never touches another queue.
 */
#ifndef LOADER_LOAD_WORKER_H
#define LOADER_LOAD_WORKER_H

#include "loader/load/load.h"

/*
 * Loads the named queue once in a child process, waits for it (passing on TERM and INT), and keeps
 * the outcome in the queue's row ("OK; N items." or "Error: …") unless it was a dry run. The caller
 * has no database open. Refused sign-ins are counted, and a queue that is stopped because of them
 * is left alone (refusal.h). Errors: those of load_run(), with "load 'NAME'" in front; SOFTWARE
 * when the child died.
 */
int worker_load(const char *queue_name, const struct load_options *options,
		struct load_result *ret_result, struct error *err);

/* Keeps in the queue's row why a run, or a look at the mailbox, failed; `not_collected` as in
 * struct load_result. */
int worker_note_failure(struct store *store, const struct work_queue *queue, int64_t not_collected,
			const struct error *failure, struct error *err);

#endif
