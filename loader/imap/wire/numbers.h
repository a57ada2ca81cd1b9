/*
 * numbers.h - keeps numbers away from libetpan that it would make others of: it reads 32 bits, drops what lies
 * above them, and takes the UID 4294967297 for 1.
 *
 * Life:    one struct numbers per connection, zero at its start; nesting.h feeds it.
 * Memory:  none but the struct.
 * Threads: one at a time.
 * Source:  RFC 3501, 9 (number, nz-number); RFC 4315 (COPYUID, APPENDUID). What may have 63 bits (RFC 7162, MODSEQ)
 *          is not looked at, nor are words for people.
 */
#ifndef LOADER_IMAP_WIRE_NUMBERS_H
#define LOADER_IMAP_WIRE_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

enum { NUMBERS_WORD_MAX = 16 };

struct numbers {
	char word[NUMBERS_WORD_MAX]; /* the one that is arriving; of a longer one, the beginning */
	uint32_t word_size;
	bool digits;	/* it has nothing else */
	uint64_t value; /* of these, or the largest there is */
	uint32_t words; /* that the answer has had before it */
	bool untagged;
	bool text;	  /* for people, but for a code between brackets */
	bool code;	  /* between them */
	bool wanted;	  /* what comes next is a number of 32 bits */
	bool series;	  /* all that come are */
	bool behind_code; /* a ']' was the last character: a '<' begins a place in a body */
};

/* The next character of an answer, outside of strings. Returns -1 when `value` is a number that is too large. */
int numbers_feed(struct numbers *numbers, char c);

#endif
