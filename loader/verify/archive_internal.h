/*
 * archive_internal.h - what the parts of a purge of the archive share: archive.c lists what may go,
 * archive_batch.c has it go.
 */
#ifndef LOADER_VERIFY_ARCHIVE_INTERNAL_H
#define LOADER_VERIFY_ARCHIVE_INTERNAL_H

#include "loader/source/mailbox.h"
#include "loader/verify/archive.h"
#include "queue/pickup_repair.h"

#include <glib.h>

/* One row of the ledger; several may stand for one message. */
struct archive_row {
	const char *source; /* interned */
	uint32_t row_uid_validity;
	struct pickup pickup;
	bool has_entry;
	bool of_header; /* digest and size are those of the message's header */
	bool fits;	/* its bytes are in the folder under its UID */
};

struct archive {
	struct store *store;
	const struct work_queue *queue;
	const struct archive_options *options;
	struct archive_result *result;
	struct mailbox *mailbox;
	uint32_t uid_validity; /* of the archive folder */
	uint32_t number;       /* by which the ledger names it; 0: it does not know it */
	GArray *rows;	       /* struct archive_row, by target UID */
	char *to_wire;	       /* NULL: messages are deleted */
	/* The batch that is at hand. */
	struct archive_row *batch;
	size_t batch_count;
};

static inline const char *archive_name(const struct archive *archive)
{
	return mailbox_folder_name(archive->mailbox, MAILBOX_DROPBOX);
}

/* Settles the messages of the batch: those that have gone are told and counted. PROTOCOL where some
 * stay that the server has said to have removed. */
int archive_batch(struct archive *archive, struct error *err);

#endif
