/*
 * mailbox_internal.h - what the parts of a source share: sign_in.c signs in, mailbox.c finds the
 * folders.
 */
#ifndef LOADER_SOURCE_MAILBOX_INTERNAL_H
#define LOADER_SOURCE_MAILBOX_INTERNAL_H

#include "loader/source/mailbox.h"

/* Connects and signs in; the session is the mailbox's. */
int mailbox_sign_in(struct mailbox *mailbox, const struct work_queue *queue, const char *database,
		    struct error *err);

#endif
