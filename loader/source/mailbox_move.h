/*
 * mailbox_move.h - messages from one folder of a queue's mailbox to another, outside of a run: for
 * those who put things in order.
 */
#ifndef LOADER_SOURCE_MAILBOX_MOVE_H
#define LOADER_SOURCE_MAILBOX_MOVE_H

#include "loader/source/mailbox.h"

/*
 * Moves messages of the selected folder as loader/imap/session/move.h does; a problem with one of them is
 * an error. ret_copy tells where they are now, where the server does; the caller releases it with
 * imapc_copy_free(). CONFIGURATION when the server can do neither.
 */
int mailbox_move(struct mailbox *mailbox, const uint32_t *uids, size_t count,
		 enum mailbox_folder to, struct imapc_copy *ret_copy, struct error *err);

#endif
