/*
 * mail_internal.h - what the parts of an action share.
 *
 * mail.c opens folders and hands the action to its part: mail_read.c (getHeaderOnly, getAll),
 * mail_change.c (markRead, delete, moveMail), mail_folder.c (folders).
 */
#ifndef LOADER_MAILBOX_MAIL_INTERNAL_H
#define LOADER_MAILBOX_MAIL_INTERNAL_H

#include "loader/mailbox/mail.h"

struct mail {
	struct imapc_session *session;
	const struct mail_request *request;
	const struct mail_report *report;
	const char *folder; /* the operator's name */
	char *wire;
	uint64_t failure_count; /* that were passed over */
	struct error first_failure;
};

/* Finds a folder that must exist (NO). Caller frees *ret_wire. */
int mail_find_folder(struct mail *mail, const char *name, char **ret_wire, struct error *err);

/* Selects mail->folder. */
int mail_select_folder(struct mail *mail, bool read_only, struct imapc_mailbox *ret_mailbox,
		       struct error *err);

/*
 * What to do about a failure: returns -1, for the action to end with it, or 0 after noting it where
 * the action is to go on. A dead session always ends the action.
 */
int mail_pass_over(struct mail *mail, uint32_t uid, struct error *err);

void mail_tell_progress(const struct mail *mail, uint64_t done, uint64_t total,
			uint64_t size_bytes);

int mail_read(struct mail *mail, struct error *err);
int mail_change(struct mail *mail, struct error *err);

int mail_folder_create(struct mail *mail, struct error *err);
int mail_folder_delete(struct mail *mail, struct error *err);
int mail_folder_rename(struct mail *mail, struct error *err);
int mail_folder_list(struct mail *mail, struct error *err);

#endif
