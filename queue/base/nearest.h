/*
 * nearest.h - which of the known words somebody meant who wrote another one.
 *
 * Life:    a struct nearest is begun with the word, gets every known word in turn, and then has the
 *          nearest one. It borrows all of them.
 * Errors:  none.
 * Threads: no shared state.
 */
#ifndef QUEUE_BASE_NEAREST_H
#define QUEUE_BASE_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *word;
	const char *best; /* NULL while no word is near enough */
	size_t distance;  /* of `best`; before, one more than may be */
};

struct nearest nearest_begin(const char *word);

/* Case, hyphens, underlines and blanks do not count; a letter more, less, other or swapped does. Of
 * two words that are as near, the first one counts. */
void nearest_try(struct nearest *nearest, const char *known);

#endif
