/* Text that is compared: which of it is UTF-8, and how it reads whatever the case. Every mail whose body a rule asks for
 * comes through here, and most of it is ASCII, which is taken eight bytes at a time. */
#include "loader/rules/rules_internal.h"

#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static uint64_t word_at(const char *text)
{
	uint64_t word;
	memcpy(&word, text, sizeof word);
	return word;
}

static bool is_ascii(char byte)
{
	return byte != '\0' && (byte & 0x80) == 0;
}

/* How many bytes at the beginning are ASCII and not NUL. A word has the high bit of a byte set where it is another one, or
 * 0 turned into 0xff by the subtraction. */
static size_t ascii_length(const char *text, size_t size)
{
	size_t length = 0;
	while (size - length >= sizeof(uint64_t)) {
		const uint64_t word = word_at(text + length);
		if (((word | (word - EACH(1))) & EACH(0x80)) != 0)
			break;
		length += sizeof word;
	}
	while (length < size && is_ascii(text[length]))
		length++;
	return length;
}

static size_t other_length(const char *text, size_t size)
{
	size_t length = 0;
	while (length < size && (text[length] & 0x80) != 0)
		length++;
	return length;
}

size_t rule_text_valid(const char *text, size_t size)
{
	size_t length = 0;
	for (;;) {
		const char *end;
		length += ascii_length(text + length, size - length);
		const size_t other = other_length(text + length, size - length);
		if (other == 0)
			return length;
		const bool valid = g_utf8_validate(text + length, (gssize)other, &end);
		length = (size_t)(end - text);
		if (!valid)
			return length;
	}
}

/* No byte is above 0x7f, so that no sum carries into the next one: a high bit is set from 'A' on by the first, behind
 * 'Z' by the second. */
static uint64_t lower_word(uint64_t word)
{
	const uint64_t from_a = word + EACH(0x80 - 'A');
	const uint64_t behind_z = word + EACH(0x7f - 'Z');
	const uint64_t upper = (from_a ^ behind_z) & EACH(0x80);
	return word | (upper >> 2);
}

static void append_lower(GString *folded, const char *text, size_t size)
{
	const size_t begin = folded->len;
	size_t i = 0;
	g_string_append_len(folded, text, (gssize)size);
	char *to = folded->str + begin;
	for (; size - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		const uint64_t word = lower_word(word_at(text + i));
		memcpy(to + i, &word, sizeof word);
	}
	for (; i < size; i++)
		to[i] = g_ascii_tolower(text[i]);
}

/* A character is folded by itself, so that runs may be folded one after the other. */
char *rule_text_fold(const char *text)
{
	const size_t size = strlen(text);
	GString *folded = g_string_sized_new(size);
	for (size_t at = 0; at < size;) {
		const size_t ascii = ascii_length(text + at, size - at);
		append_lower(folded, text + at, ascii);
		at += ascii;
		const size_t other = other_length(text + at, size - at);
		g_autofree char *rest =
		    other > 0 ? g_utf8_casefold(text + at, (gssize)other) : NULL;
		if (rest != NULL)
			g_string_append(folded, rest);
		at += other;
	}
	return g_string_free(folded, FALSE);
}
