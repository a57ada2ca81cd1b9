/*
 * search.h - IMAP search keys (RFC 3501 6.4.4) for what a run looks for. Callers free the texts.
 */
#ifndef LOADER_SOURCE_SEARCH_H
#define LOADER_SOURCE_SEARCH_H

#include "loader/imap/session/session.h"

#include <stdint.h>

/* The messages that a run looks at: search= and since=. */
char *search_format(const struct connection_string *server);

/*
 * There are servers whose SEARCH leaves messages out. After search_format()'s keys have found
 * `found` messages of the open mailbox: how many are neither among them nor flagged \Deleted. Asks
 * nothing where the numbers are equal, and counts only where all messages but these are looked for.
 */
int search_count_unfound(struct imapc_session *session, const struct connection_string *server,
			 size_t found, uint32_t *ret_unfound, struct error *err);

/* "1 message of 'INBOX' is not found by the search". Caller frees. */
char *search_describe_unfound(const char *folder, uint32_t unfound);

/* Messages of this internal date or later, and some of the day before, for the server's zone. */
char *search_format_since(int64_t internal_date_s);

/* Messages of this size (in bytes), and of this internal date give or take a day for the server's
 * zone; 0: of any date. */
char *search_format_like(int64_t internal_date_s, uint64_t size_bytes);

#endif
