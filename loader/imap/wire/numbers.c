/* Takes answers apart into words, and knows before which words, and where in an answer, numbers of 32 bits
 * stand. */
#include "loader/imap/wire/numbers.h"

#include <glib.h>
#include <string.h>

static bool is_word(const struct numbers *numbers, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strlen(*words) == numbers->word_size &&
		    g_ascii_strncasecmp(numbers->word, *words, numbers->word_size) == 0)
			return true;
	}
	return false;
}

static bool is_looked_at(const struct numbers *numbers)
{
	if (numbers->text && !numbers->code)
		return false;
	return numbers->wanted || numbers->series || (numbers->untagged && numbers->words == 1);
}

static void follow_place(struct numbers *numbers)
{
	static const char *const states[] = {"OK", "NO", "BAD", "BYE", "PREAUTH", NULL};
	static const char *const search[] = {"SEARCH", NULL};
	static const char *const copies[] = {"COPYUID", "APPENDUID", NULL};
	static const char *const before[] = {"UID",    "RFC822.SIZE", "UIDVALIDITY", "UIDNEXT",
					     "UNSEEN", "MESSAGES",    "RECENT",	     NULL};
	if (numbers->words == 0) {
		numbers->untagged = numbers->word_size == 1 && numbers->word[0] == '*';
		numbers->text = !numbers->untagged;
	} else if (numbers->words == 1 && numbers->untagged) {
		numbers->text = is_word(numbers, states);
		numbers->series = is_word(numbers, search);
	}
	numbers->series = numbers->series || is_word(numbers, copies);
	numbers->wanted = is_word(numbers, before);
	numbers->words++;
}

static int end_word(struct numbers *numbers)
{
	if (numbers->word_size == 0)
		return 0;
	if (numbers->digits && numbers->value > UINT32_MAX && is_looked_at(numbers))
		return -1;
	follow_place(numbers);
	numbers->word_size = 0;
	return 0;
}

static void add_to_word(struct numbers *numbers, char c)
{
	const bool digit = g_ascii_isdigit(c);
	if (numbers->word_size == 0) {
		numbers->digits = true;
		numbers->value = 0;
	}
	if (numbers->word_size < NUMBERS_WORD_MAX)
		numbers->word[numbers->word_size++] = c;
	numbers->digits = numbers->digits && digit;
	if (digit)
		numbers->value = numbers->value < UINT64_MAX / 10 - 1
				     ? numbers->value * 10 + (uint64_t)(c - '0')
				     : UINT64_MAX;
}

int numbers_feed(struct numbers *numbers, char c)
{
	const bool behind_code = numbers->behind_code;
	numbers->behind_code = c == ']';
	if (strchr(" ()[]<>{},:\"\r\n", c) == NULL) {
		add_to_word(numbers, c);
		return 0;
	}
	if (end_word(numbers) != 0)
		return -1;
	/* The code of an answer stands behind its state. */
	if (c == '[' || c == ']')
		numbers->code = c == '[' && numbers->words == 2;
	else if (c == '(')
		numbers->series = false;
	else if (c == '<' && behind_code)
		numbers->wanted = true;
	return 0;
}
