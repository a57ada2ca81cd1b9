/*
 * search_criteria.h - the IMAP search keys an operator may write (RFC 3501 6.4.4).
 *
 * Pure. Keys that pass can be put into a command line: they are one line of printable ASCII without
 * a literal, their quotes and parentheses are closed, and they name no charset and no result
 * option. Whether the server understands the keys is for the server to say.
 */
#ifndef LOADER_IMAP_NAMES_SEARCH_CRITERIA_H
#define LOADER_IMAP_NAMES_SEARCH_CRITERIA_H

#include "queue/base/error.h"

/* Errors: CONFIGURATION, saying what is wrong and where. */
int search_criteria_check(const char *criteria, struct error *err);

#endif
