/*
 * address_bare.h - addresses that stand among words, without brackets: "Ann Lee ann@example.com".
 *
 * Pure. Takes blanks around dots as RFC 5322, section 4.4, did: "ann . lee @ example . com".
 */
#ifndef MIME_ADDRESS_BARE_H
#define MIME_ADDRESS_BARE_H

#include <stdbool.h>
#include <stddef.h>

/* An address in a text: [begin, end), with the "@" between. */
struct address_bare {
	size_t begin;
	size_t end;
};

/* The first address at or behind `from` in the text; false when there is none. */
bool address_bare_find(const char *text, size_t from, struct address_bare *ret_bare);

/* Without blanks, closing dots, "mailto:" and single quotes around it. Caller frees. */
char *address_bare_clean(const char *text, size_t length);

#endif
