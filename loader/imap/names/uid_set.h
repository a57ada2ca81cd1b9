/*
 * uid_set.h - lists of UIDs: in order, and as few commands in ranges, cut where a line gets long.
 *
 * Pure:   no state.
 * Memory: 16 bytes for a UID of a set.
 */
#ifndef LOADER_IMAP_NAMES_UID_SET_H
#define LOADER_IMAP_NAMES_UID_SET_H

#include "queue/base/scoped.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uid_row {
	uint32_t uid;
	size_t index; /* where it stands in the caller's array */
};

struct uid_set {
	struct uid_row *rows; /* ascending by uid; 0, which names no message, is left out */
	size_t count;
	size_t next; /* the first row that uid_set_next() has not given out */
};

/* Releases with uid_set_free(). */
struct uid_set *uid_set_new(const uint32_t *uids, size_t count);

/* Takes NULL. */
void uid_set_free(struct uid_set *set);
SCOPED_DEFINE(struct uid_set *, uid_set_free)

/*
 * The next part as "1:3,7": at most `part_max` UIDs and some 6,000 bytes. *ret_part counts its
 * UIDs. false at the end, `text` is then empty.
 */
bool uid_set_next(struct uid_set *set, size_t part_max, GString *text, size_t *ret_part);

/* The first row of this UID, or NULL. Doubles follow it. */
struct uid_row *uid_set_find(const struct uid_set *set, uint32_t uid);

/* The order of two uint32_t, for sorting and searching. */
int uid_compare(const void *one, const void *other);

/* True if the UID is among `uids`, which are ascending. */
bool uid_is_among(const uint32_t *uids, size_t count, uint32_t uid);

#endif
