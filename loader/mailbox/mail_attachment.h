/*
 * mail_attachment.h - attachments as files in one folder.
 *
 * A file appears whole or not at all, under a safe last component, inside the folder only. Without
 * `unique` an existing file is replaced; with it the name becomes stem + N + . + extension, N from
 * 1, split at the last dot, or name + N where there is none.
 *
 * Life:   mail_attachment_open() .. mail_attachment_close().
 * Errors: IO.
 */
#ifndef LOADER_MAILBOX_MAIL_ATTACHMENT_H
#define LOADER_MAILBOX_MAIL_ATTACHMENT_H

#include "mime/message.h"
#include "queue/base/error.h"
#include "queue/base/scoped.h"

struct mail_attachment_saver;

/* The folder is made if it is missing. */
int mail_attachment_open(const char *folder, bool unique, struct mail_attachment_saver **ret_saver,
			 struct error *err);

/* Takes NULL. */
void mail_attachment_close(struct mail_attachment_saver *saver);
SCOPED_DEFINE(struct mail_attachment_saver *, mail_attachment_close)

/* Saves one attachment, whose bytes lie in the file `content`. Caller frees *ret_path. */
int mail_attachment_save(struct mail_attachment_saver *saver, int content,
			 const struct mime_attachment *attachment, char **ret_path,
			 struct error *err);

/* The name's N-th variant; 0 is the name itself. Caller frees. */
char *mail_attachment_vary(const char *name, unsigned n);

#endif
