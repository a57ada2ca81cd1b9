/*
 * address.h - lists of mailboxes as mail writes them (RFC 5322, section 3.4, with its obsolete
 * forms).
 *
 * Rules:  groups are flattened; comments go, except an old-style name behind a bare address; ","
 *         and ";" separate, but a word without an address before a comma belongs to the mailbox
 *         behind it (Lee, Ann <ann@example.com>); encoded words are decoded in names, quoted or
 *         not; junk is kept as text.
 * Output: "Name <addr>", or the bare address; a name that holds one of , ; < > @ " or a backslash
 *         stands in quotes.
 */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include "mime/defects.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* --- lists as text ----------------------------------------------------------- */
/* What a mailbox is known by: the better, the higher. */
enum address_kind {
	ADDRESS_ABSENT, /* there is no mailbox */
	ADDRESS_NAME,	/* a name, or junk */
	ADDRESS_LOCAL,	/* an address without a domain: MAILER-DAEMON */
	ADDRESS_FULL,
};

/* The mailboxes of a field's raw value joined with "; "; NULL when there is none. Caller frees. */
char *address_list_format(const char *raw, size_t length, const char *hint, const char *what,
			  struct defects *defects);

/* Only one of them: the first of the best kind. */
char *address_first_format(const char *raw, size_t length, const char *hint, const char *what,
			   struct defects *defects, enum address_kind *ret_kind);

/* --- lists, one mailbox after the other -------------------------------------- */
/*
 * A list of mailboxes, one after the other, as it is written.
 *
 * Life: address_reader_open(), address_reader_next() while it returns true, address_reader_close().
 *
 * Text: raw but for folds, quotes and comments: encoded words are not decoded.
 */

/* Stands for an "@" in quotes or in an encoded word, which begins no address. */
#define ADDRESS_QUOTED_AT '\x01'

/* Where an address in brackets follows another, and a comma is missing. */
#define ADDRESS_NO_SEPARATOR ' '

struct address_reader {
	const char *at;
	const char *end;
	GString *carried;  /* the beginning of the next phrase */
	GString *phrase;   /* words outside of < > */
	GString *comment;  /* the last comment, unless words follow it */
	size_t comment_at; /* length of the phrase before it */
	GString *angle;	   /* what stands in < >, without comments and blanks */
	size_t angle_at;   /* length of the phrase before it */
	bool has_angle;	   /* there are brackets, though they may be empty */
	bool has_double_brackets;
	bool no_quotes;	  /* no quote is closed any more: quotes are taken for letters */
	bool no_comments; /* the same for parentheses */
	char separator; /* what ended the mailbox; ":" ends a group's name, a zero byte the list */
};

void address_reader_open(struct address_reader *reader, const char *text, size_t length);
void address_reader_close(struct address_reader *reader);

/* Reads a mailbox, which may have nothing in it; false at the end of the list. */
bool address_reader_next(struct address_reader *reader);

/* --- addresses among words --------------------------------------------------- */
/*
 * Addresses that stand among words, without brackets: "Ann Lee ann@example.com".
 *
 * Pure. Takes blanks around dots as RFC 5322, section 4.4, did: "ann . lee @ example . com".
 */

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
