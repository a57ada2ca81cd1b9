/*
 * ascii.h - text that is nearly all ASCII, looked at eight bytes at a time.
 *
 * Life:    no state, and no errors.
 * Threads: any.
 */
#ifndef MIME_ASCII_H
#define MIME_ASCII_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ASCII_EACH UINT64_C(0x0101010101010101)
#define ASCII_HIGH (ASCII_EACH * 0x80)

enum { ASCII_WORD_BYTES = sizeof(uint64_t) };

/* The first byte is the lowest one. */
static inline uint64_t ascii_word(const unsigned char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return le64toh(word);
}

/* Not memcpy(): where the compiler knows how large the buffer is, that would be a call for each word,
 * which checks it once more (_FORTIFY_SOURCE). */
static inline void ascii_put_word(char *to, uint64_t word)
{
	word = htole64(word);
	__builtin_memcpy(to, &word, sizeof(word));
}

/* The lowest bit that is set is in the first byte that is not between blank and tilde. */
static inline uint64_t ascii_word_odd(uint64_t word)
{
	uint64_t below_blank = (word - ASCII_EACH * ' ') & ~word;
	uint64_t above_tilde = word | ((word & ~ASCII_HIGH) + ASCII_EACH);

	return (below_blank | above_tilde) & ASCII_HIGH;
}

static inline bool ascii_is_printable(unsigned char c)
{
	return c >= ' ' && c <= '~';
}

static inline bool ascii_is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

/* What may stand between two words of a field: its lines may be folded. */
static inline bool ascii_is_white(unsigned char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

/* How many bytes at the beginning are between blank and tilde. */
static inline size_t ascii_span(const unsigned char *bytes, size_t length)
{
	size_t span = 0;

	for (; length - span >= ASCII_WORD_BYTES; span += ASCII_WORD_BYTES) {
		uint64_t odd = ascii_word_odd(ascii_word(bytes + span));

		if (odd != 0)
			return span + (size_t)__builtin_ctzll(odd) / 8;
	}
	while (span < length && ascii_is_printable(bytes[span]))
		span++;
	return span;
}

/* How many bytes are above 127. */
static inline size_t ascii_count_high(const unsigned char *bytes, size_t length)
{
	size_t count = 0;
	size_t i = 0;

	for (; length - i >= ASCII_WORD_BYTES; i += ASCII_WORD_BYTES)
		count += ((ascii_word(bytes + i) & ASCII_HIGH) >> 7) * ASCII_EACH >> 56;
	for (; i < length; i++)
		count += bytes[i] >> 7;
	return count;
}

/* Capital letters A to Z become small ones. */
static inline uint64_t ascii_word_lower(uint64_t word)
{
	uint64_t low = word & ~ASCII_HIGH;
	uint64_t from_a = low + ASCII_EACH * (0x80 - 'A');
	uint64_t above_z = low + ASCII_EACH * (0x7f - 'Z');

	return word | (from_a & ~above_z & ~word & ASCII_HIGH) >> 2;
}

/*
 * How many bytes at the beginning are not above 127; writes them with small letters. `to` has room
 * for as many bytes as are there, and ASCII_WORD_BYTES more.
 */
static inline size_t ascii_lower_span(const unsigned char *bytes, size_t length, char *to)
{
	size_t span = 0;

	for (; length - span >= ASCII_WORD_BYTES; span += ASCII_WORD_BYTES) {
		uint64_t word = ascii_word(bytes + span);

		ascii_put_word(to + span, ascii_word_lower(word));
		if ((word & ASCII_HIGH) != 0)
			return span + (size_t)__builtin_ctzll(word & ASCII_HIGH) / 8;
	}
	for (; span < length && bytes[span] < 0x80; span++)
		to[span] =
		    (char)(bytes[span] | (bytes[span] >= 'A' && bytes[span] <= 'Z' ? 0x20 : 0));
	return span;
}

/* What a hexadecimal digit stands for; -1 for anything else. */
static inline int ascii_hex(unsigned char c)
{
	unsigned digit = c - (unsigned)'0';
	unsigned letter = (c | 0x20U) - 'a';

	if (digit < 10)
		return (int)digit;
	return letter < 6 ? (int)letter + 10 : -1;
}

#endif
