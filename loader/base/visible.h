/*
 * visible.h - what strangers have written, as a terminal, a table or a log may show it: nothing in it
 * moves the cursor, turns a line around, or cannot be seen.
 *
 * Shown:   C0 characters and DEL as "\x1b", bytes that are not UTF-8 as "\xff"; C1 characters, what
 *          turns the direction of writing, and what is invisible as "\u202e" or "\U000e0041". A
 *          joiner stays behind a letter of a script, or a picture, that is written with it
 *          (Persian, Hindi, emoji). A backslash stays as it is: this is for people; programs read
 *          JSON.
 * JSON:    the same characters in JSON's own escapes, "\u202e", so that the value is exact.
 * Pieces:  a text may come in pieces that end inside of a character; visible_end() comes last.
 * Life:    a struct visible begins as {.form = …}; there is nothing to release.
 * Errors:  none. A stream that cannot be written keeps its error, as ferror() tells.
 * Threads: no shared state.
 */
#ifndef LOADER_BASE_VISIBLE_H
#define LOADER_BASE_VISIBLE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum visible_form {
	VISIBLE_LINE,	    /* one line: newlines and tabs become blanks */
	VISIBLE_TEXT,	    /* newlines and tabs stay; CRLF becomes a newline */
	VISIBLE_QUOTED,	    /* inside of "…": \" and \\ for its signs, "\x0a" for a newline */
	VISIBLE_JSON,	    /* a document that is JSON already */
	VISIBLE_JSON_STRING /* the inside of a string of it */
};

struct visible {
	enum visible_form form;
	unsigned char held[4]; /* the beginning of a character, or a CR */
	size_t held_size;
	bool joins; /* the character before takes a joiner */
};

/* Appends a piece. */
void visible_append(struct visible *visible, const char *bytes, size_t size, GString *out);

/* Appends what the last piece has left open. */
void visible_end(struct visible *visible, GString *out);

/* Both on a stream. */
void visible_put(struct visible *visible, const char *bytes, size_t size, FILE *out);
void visible_put_end(struct visible *visible, FILE *out);

/* A whole text. */
void visible_write(enum visible_form form, const char *text, FILE *out);

/* A whole text in one line; NULL is "". Caller frees with g_free(). */
char *visible_line(const char *text);

#endif
