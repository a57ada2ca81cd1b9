/*
 * choice.h - the words that choose entries: options of commands, and parameters of requests, which have the same
 * names.
 *
 * Errors: USAGE names the word; MISSING the queue.
 */
#ifndef LOADER_ENTRY_CHOICE_H
#define LOADER_ENTRY_CHOICE_H

#include "queue/base/error.h"
#include "queue/entry.h"

/* Where the words stand. */
struct choice {
	/* The value of a word, borrowed; NULL where it was not given. */
	const char *(*value)(const char *name, const void *context);
	const void *context;
	const char *mark; /* what stands in front of a name: "--" or "" */
};

/* Reads a filter: queue, state, sender, subject, text, error, worker, tag, reference, since, until, older-than, held,
 * overdue, thread, auto-class. Texts are borrowed as their values are. */
int choice_read(const struct choice *choice, struct store *store, int64_t now_ms,
		struct entry_filter *ret_filter, struct error *err);

/* UTF-8 without control characters but newlines and tabs; NULL where it was not given. */
int choice_line(const struct choice *choice, const char *name, const char **ret_text,
		struct error *err);

/* Why an order has left an entry as it is. `until` is the end of its lease, for a reader. Caller frees. */
char *choice_unfit(const struct entry_order *order, const struct entry *entry, const char *until,
		   int64_t now_ms);

#endif
