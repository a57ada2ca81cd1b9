/*
 * message_rows.h - what a mailbox says about its messages: flags, size, date, number, header.
 *
 * The selected mailbox of a session (session.h: life, errors, threads). Nothing here changes a
 * flag.
 *
 * Memory: 16 bytes for each UID of a call, and what the sink keeps.
 * Source: RFC 3501 6.4.5, 7.4.2.
 */
#ifndef LOADER_IMAP_SESSION_MESSAGE_ROWS_H
#define LOADER_IMAP_SESSION_MESSAGE_ROWS_H

#include "loader/imap/session/session.h"

enum imapc_flag {
	IMAPC_SEEN = 1,
	IMAPC_ANSWERED = 2,
	IMAPC_FLAGGED = 4,
	IMAPC_DELETED = 8,
	IMAPC_DRAFT = 16,
	IMAPC_RECENT = 32
};

struct imapc_row {
	uint32_t uid;
	uint32_t number;	 /* in the mailbox, from 1, when the row was fetched */
	unsigned flags;		 /* enum imapc_flag */
	uint64_t size_bytes;	 /* RFC822.SIZE */
	int64_t internal_date_s; /* since 1970-01-01 UTC, 0 if unknown */
};

/*
 * Takes rows as they arrive, in the server's order: `begin`, `write` for every piece of the header,
 * `end`. `row` is NULL where the server sent something that was not asked for: drop it. Callbacks
 * that are not needed for rows without a header may be NULL.
 */
struct imapc_row_sink {
	int (*begin)(void *context, struct error *err);
	int (*write)(void *context, const void *bytes, size_t size, struct error *err);
	int (*end)(void *context, const struct imapc_row *row, struct error *err);
	/* The server has the message and says nothing about it that can be read, which is in *err; 0: all goes
	 * on. NULL: that ends it. */
	int (*withheld)(void *context, uint32_t uid, struct error *err);
	void *context;
};

/*
 * UID FETCH (UID FLAGS INTERNALDATE RFC822.SIZE), with BODY.PEEK[HEADER] if `header`. UIDs that are
 * gone are passed over. An answer that libetpan cannot read (an odd flag, an odd date) is asked for
 * once more without these two; its flags then come from searches, its date is 0. Errors: PROTOCOL where
 * that cannot be read either, or does not come, unless the sink says otherwise.
 */
int imapc_fetch_rows(struct imapc_session *session, const uint32_t *uids, size_t count, bool header,
		     const struct imapc_row_sink *sink, struct error *err);

#endif
