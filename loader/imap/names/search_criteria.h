/*
 * search_criteria.h - the IMAP search keys an operator may write (RFC 3501 6.4.4).
 *
 * Pure. Keys that pass can be put into a command line: they are one line of UTF-8 without a literal,
 * their quotes and parentheses are closed, and they name no charset and no result option. What of
 * them is not ASCII goes as literals, with CHARSET UTF-8. Whether the server understands the keys is
 * for the server to say.
 */
#ifndef LOADER_IMAP_NAMES_SEARCH_CRITERIA_H
#define LOADER_IMAP_NAMES_SEARCH_CRITERIA_H

#include "queue/base/error.h"

#include <stdbool.h>

/* Errors: CONFIGURATION, saying what is wrong and where. */
int search_criteria_check(const char *criteria, struct error *err);

bool search_criteria_is_ascii(const char *criteria);

/* Takes checked keys apart: text, literal, text, literal … text; each text is ASCII and goes into the
 * line as it is, each literal is a word with other letters. Ends with NULL; caller frees with
 * g_strfreev(). */
char **search_criteria_split(const char *criteria);

/* A word of keys, in quotes. Caller frees with g_free(). */
char *search_criteria_quote(const char *text);

#endif
