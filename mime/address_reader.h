/*
 * address_reader.h - a list of mailboxes, one after the other, as it is written.
 *
 * Life: address_reader_open(), address_reader_next() while it returns true, address_reader_close().
 *
 * Text: raw but for folds, quotes and comments: encoded words are not decoded.
 */
#ifndef MIME_ADDRESS_READER_H
#define MIME_ADDRESS_READER_H

#include <glib.h>
#include <stdbool.h>

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

#endif
