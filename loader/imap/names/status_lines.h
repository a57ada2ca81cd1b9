/*
 * status_lines.h - the untagged STATUS answers among the lines of an answer.
 *
 * LIST-STATUS brings one for each folder, and libetpan keeps only the last: this reads them all
 * from the bytes. Pure. Lines that make no sense are passed over.
 *
 * Source: RFC 3501 7.2.4, RFC 5819.
 */
#ifndef LOADER_IMAP_NAMES_STATUS_LINES_H
#define LOADER_IMAP_NAMES_STATUS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct status_line {
	char *wire; /* the folder; the caller's to g_free() */
	uint32_t messages;
	uint32_t unseen;
	uint32_t recent;
};

/* The next one in [*at, end); moves *at behind it. false at the end. */
bool status_lines_next(const char **at, const char *end, struct status_line *ret_line);

#endif
