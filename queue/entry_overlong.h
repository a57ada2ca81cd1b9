/*
 * entry_overlong.h - leases that end later than any lease can: claimed while a clock was ahead.
 *
 * Nobody would get such an entry for years; an operator takes it back (ENTRY_TAKE_BACK in
 * entry_operate.h). Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_ENTRY_OVERLONG_H
#define QUEUE_ENTRY_OVERLONG_H

#include "queue/store.h"

/* Borrowed for the call that hands it out. */
struct entry_overlong {
	int64_t entry_id;
	const char *queue_name;
	const char *worker;
	int64_t until_ms;
};

/*
 * Calls `each` for those of the queue (0 = all queues), the last to end first, at most `limit`; a
 * non-zero return ends the list and is returned. No lock is held meanwhile.
 */
int entry_overlong_list(struct store *store, int64_t queue_id, int64_t now_ms, int64_t limit,
			int (*each)(const struct entry_overlong *overlong, void *context),
			void *context, struct error *err);

/* One line for people: who has the entry until when, and the way out. Caller frees with g_free().
 */
char *entry_overlong_format(const struct entry_overlong *overlong);

#endif
