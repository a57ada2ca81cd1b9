/* Counts the letters that one word must be changed by to be another. */
#include "queue/base/nearest.h"

#include <glib.h>
#include <string.h>

/* A longer word is no slip of the finger. */
enum { NEAREST_WORD_MAX = 32 };

/* "User_Name" and "user-name" are one word. Returns its length. */
static size_t nearest_plain(const char *word, char plain[static NEAREST_WORD_MAX + 1])
{
	size_t length = 0;
	for (; *word != '\0' && length < NEAREST_WORD_MAX; word++) {
		if (strchr("-_ ", *word) == NULL)
			plain[length++] = g_ascii_tolower(*word);
	}
	plain[length] = '\0';
	return length;
}

/* The optimal string alignment distance: two letters that are swapped count as one change. */
static size_t nearest_distance(const char *left, size_t left_length, const char *right,
			       size_t right_length)
{
	size_t rows[NEAREST_WORD_MAX + 1][NEAREST_WORD_MAX + 1];
	for (size_t i = 0; i <= left_length; i++)
		rows[i][0] = i;
	for (size_t j = 0; j <= right_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= left_length; i++) {
		for (size_t j = 1; j <= right_length; j++) {
			const size_t other = left[i - 1] != right[j - 1];
			rows[i][j] = MIN(MIN(rows[i - 1][j], rows[i][j - 1]) + 1,
					 rows[i - 1][j - 1] + other);
			if (i > 1 && j > 1 && left[i - 1] == right[j - 2] &&
			    left[i - 2] == right[j - 1])
				rows[i][j] = MIN(rows[i][j], rows[i - 2][j - 2] + 1);
		}
	}
	return rows[left_length][right_length];
}

/* A third of the letters may be wrong. */
struct nearest nearest_begin(const char *word)
{
	char plain[NEAREST_WORD_MAX + 1];
	return (struct nearest){.word = word, .distance = nearest_plain(word, plain) / 3 + 1};
}

void nearest_try(struct nearest *nearest, const char *known)
{
	char left[NEAREST_WORD_MAX + 1];
	char right[NEAREST_WORD_MAX + 1];
	const size_t left_length = nearest_plain(nearest->word, left);
	const size_t right_length = nearest_plain(known, right);
	const size_t distance = nearest_distance(left, left_length, right, right_length);
	if (distance >= nearest->distance)
		return;
	nearest->best = known;
	nearest->distance = distance;
}
