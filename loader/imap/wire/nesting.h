/*
 * nesting.h - keeps answers away from libetpan that are nested too deeply, since its parser calls
 * itself for each level of parentheses and so crashes at some 20,000 of them; and literals that are
 * larger, and answers that are more, than those that were to come; and numbers that are none to it.
 *
 * Life:    one struct nesting per connection, zero at its start; every byte of the server passes
 *          through nesting_feed() before libetpan sees it.
 * Memory:  none but the struct.
 * Threads: one at a time.
 * Source:  RFC 3501, 4.3 (quoted strings and literals) and 9 (responses).
 */
#ifndef LOADER_IMAP_WIRE_NESTING_H
#define LOADER_IMAP_WIRE_NESTING_H

#include "loader/imap/wire/numbers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Levels of one answer. Answers that this program asks for have three; the structure of the deepest
 * message seen in practice, sent unasked, would have some dozens. */
enum { NESTING_MAX = 200 };

/* The same with parentheses between quotes counted, too, for answers whose quotes never end. */
enum { NESTING_QUOTED_MAX = 2000 };

enum nesting_fault {
	NESTING_NO_FAULT,
	NESTING_DEEP,	      /* deeper than these */
	NESTING_LONG_LITERAL, /* larger than literal_max, or than any may be */
	NESTING_MANY_ANSWERS, /* more than answers_max */
	NESTING_LARGE_NUMBER  /* numbers.value */
};

struct nesting {
	uint64_t literal_max; /* bytes; 0: any number, as the next */
	uint32_t answers_max; /* since answers was 0 */
	uint32_t answers;
	enum nesting_fault fault;
	uint64_t literal_left; /* bytes of a literal that are still to come */
	uint64_t number;       /* between '{' and '}' */
	char start[16];	       /* how the answer begins */
	uint8_t start_size;
	uint8_t brace;	/* what a line's end has of "{12}" or "{12+}"; an enum brace */
	bool in_answer; /* behind a line whose literal belongs to the answer that began before it */
	bool quoted;
	bool escaped;
	uint32_t depth;
	uint32_t quoted_depth; /* with those between quotes */
	struct numbers numbers;
};

/* Follows `size` bytes of the server. Returns -1 and sets `fault` when they are beyond a limit, else
 * 0. The bytes of a literal count for nothing. */
int nesting_feed(struct nesting *nesting, const char *bytes, size_t size);

#endif
