/*
 * Sorts UIDs and writes them as sets of IMAP: "1:3,7". A set ends at a number of messages or at a
 * length that every server's command line has room for. libetpan's sets are lists of single items
 * that it neither sorts nor cuts.
 */
#include "loader/imap/names/uid_set.h"

#include <stdlib.h>

/* Servers accept command lines of 8,192 bytes; the rest of the command needs some. */
#define PART_BYTES_MAX 6000

static int compare_rows(const void *one, const void *other)
{
	const struct uid_row *a = one;
	const struct uid_row *b = other;

	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* Doubles stay: each row stands for a place in the caller's array. */
struct uid_set *uid_set_new(const uint32_t *uids, size_t count)
{
	struct uid_set *set = g_new0(struct uid_set, 1);

	set->rows = g_new(struct uid_row, count);
	for (size_t i = 0; i < count; i++) {
		if (uids[i] != 0)
			set->rows[set->count++] = (struct uid_row){.uid = uids[i], .index = i};
	}
	if (set->count > 0)
		qsort(set->rows, set->count, sizeof *set->rows, compare_rows);
	return set;
}

void uid_set_free(struct uid_set *set)
{
	if (!set)
		return;
	g_free(set->rows);
	g_free(set);
}

/* The last row of the run of following UIDs that begins at `first`, among the rows before `end`. */
static size_t find_run_end(const struct uid_set *set, size_t first, size_t end)
{
	size_t last = first;

	/* Doubles belong to the run: they differ by 0. */
	while (last + 1 < end && set->rows[last + 1].uid - set->rows[last].uid <= 1)
		last++;
	return last;
}

bool uid_set_next(struct uid_set *set, size_t part_max, GString *text, size_t *ret_part)
{
	size_t first = set->next;
	size_t end = first + MIN(set->count - first, part_max);

	g_string_truncate(text, 0);
	while (set->next < end && text->len < PART_BYTES_MAX) {
		size_t last = find_run_end(set, set->next, end);
		uint32_t from = set->rows[set->next].uid;
		uint32_t to = set->rows[last].uid;

		g_string_append_printf(text, "%s%u", text->len > 0 ? "," : "", from);
		if (to != from)
			g_string_append_printf(text, ":%u", to);
		set->next = last + 1;
	}
	*ret_part = set->next - first;
	return *ret_part > 0;
}

/* bsearch() would find any of several rows with this UID; callers go on from the first. */
struct uid_row *uid_set_find(const struct uid_set *set, uint32_t uid)
{
	size_t low = 0;
	size_t high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->rows[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->count && set->rows[low].uid == uid ? &set->rows[low] : NULL;
}

int uid_compare(const void *one, const void *other)
{
	const uint32_t *a = one;
	const uint32_t *b = other;

	return *a < *b ? -1 : *a > *b;
}

bool uid_is_among(const uint32_t *uids, size_t count, uint32_t uid)
{
	/* bsearch() must not be given NULL, which an empty list may be. */
	return count > 0 && bsearch(&uid, uids, count, sizeof uid, uid_compare) != NULL;
}
