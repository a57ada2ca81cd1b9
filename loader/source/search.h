/*
 * search.h - how messages of a queue's mailbox are found: new ones, and one that was known before.
 *
 * Texts are IMAP search keys (RFC 3501 6.4.4); the caller frees them.
 *
 * Errors: those of the session.
 */
#ifndef LOADER_SOURCE_SEARCH_H
#define LOADER_SOURCE_SEARCH_H

#include "loader/imap/session/session.h"
#include "queue/pickup_repair.h"

#include <stdint.h>

/* The messages that a run looks at: search= and since=. */
char *search_format(const struct connection_string *server);

/*
 * Some servers' SEARCH leaves messages out. After search_format()'s keys have found `found`
 * messages of the open mailbox, writes how many are neither among them nor flagged \Deleted. Does
 * so only where the keys are those of the default, and asks the server nothing where the numbers
 * are equal.
 */
int search_count_unfound(struct imapc_session *session, const struct connection_string *server,
			 size_t found, uint32_t *ret_unfound, struct error *err);

/* "1 message of 'INBOX' is not found by the search". Caller frees. */
char *search_describe_unfound(const char *folder, uint32_t unfound);

/* Messages of this internal date or later, and some of the day before: the server counts days in
 * its own time zone. */
char *search_format_since(int64_t internal_date_s);

/*
 * Finds messages of the selected folder that may be the one of this row of the ledger, by its date
 * and size, and calls `each` with the digests of their bytes; for a message that was too large to
 * be loaded, of its header (BODY_DIGEST_HEADER_MAX).
 */
int search_digest_like(struct imapc_session *session, const struct pickup_with_entry *row,
		       body_digest_take each, void *context, struct error *err);

/* The day of a time, UTC, as IMAP writes it: "31-Jan-2026". Caller frees. */
char *search_format_day_s(int64_t time_s);

#endif
