/*
 * upkeep.h - what an administrator has to see to before mail stops: what ends at a time that is known,
 * and the files that `watch` writes its logs to.
 *
 * Ends:      whoever learns until when something is good (a certificate, a refresh token) notes it
 *            here. A change of the queue's definition forgets them all; the next sign-in notes what is
 *            true then.
 * Logs:      only a service knows the names of its logs, and only it learns that one of them cannot be
 *            written; it notes both here, and forgets them when it ends.
 * Ownership: in a list all texts are borrowed for the call.
 * Calls:     those that note make their own transaction unless one is open, and write nothing where
 *            nothing is new.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_UPKEEP_H
#define QUEUE_UPKEEP_H

#include "queue/base/error.h"
#include "queue/store.h"

#include <stdint.h>

struct upkeep_end {
	const char *what;  /* "certificate of imap.example.com"; one end of a name for each queue */
	int64_t begins_ms; /* since when it has been good; 0 = not known */
	int64_t ends_ms;   /* 0, in upkeep_note_end(): it does not end, or is no more */
	int64_t noted_ms;  /* read only: when it was seen so first */
};

/* Keeps until when something is good, in place of what was kept by that name. */
int upkeep_note_end(struct store *store, int64_t queue_id, const struct upkeep_end *end,
		    int64_t now_ms, struct error *err);

/* The queue's ends, the soonest first; a non-zero return of `each` ends the list and is returned.
 * Nothing may be written meanwhile. */
int upkeep_list_ends(struct store *store, int64_t queue_id,
		     int (*each)(const struct upkeep_end *end, void *context), void *context,
		     struct error *err);

struct upkeep_log {
	const char *kind;  /* "events" or "protocol" */
	const char *path;  /* absolute; NULL, in upkeep_note_log(): there is none any more */
	const char *error; /* why it could not be written last; NULL: it could */
};

/* The last `watch` that notes a kind of log is the one that counts. */
int upkeep_note_log(struct store *store, const struct upkeep_log *log, int64_t now_ms,
		    struct error *err);

/* As upkeep_list_ends(). */
int upkeep_list_logs(struct store *store, int (*each)(const struct upkeep_log *log, void *context),
		     void *context, struct error *err);

#endif
