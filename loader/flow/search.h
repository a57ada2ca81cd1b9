/*
 * search.h - IMAP search keys (RFC 3501 6.4.4) for what a run looks for. Callers free the texts.
 */
#ifndef LOADER_FLOW_SEARCH_H
#define LOADER_FLOW_SEARCH_H

#include "loader/imap/connection_string.h"

#include <stdint.h>

/* The messages that a run looks at: search= and since=. */
char *search_format(const struct connection_string *server);

/* Messages of this size (in bytes), and of this internal date give or take a day for the server's
 * zone. */
char *search_format_like(int64_t internal_date_s, uint64_t size_bytes);

#endif
