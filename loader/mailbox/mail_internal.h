/*
 * mail_internal.h - what the parts of an action share.
 *
 * mail.c opens folders and hands the action to its part: mail_read.c (getHeaderOnly, getAll),
 * mail_change.c (markRead, delete, moveMail), mail_folder.c (folders), mail_append.c (append).
 * mail_selection.c finds the messages that are meant, mail_attachment.c saves attachments.
 */
#ifndef LOADER_MAILBOX_MAIL_INTERNAL_H
#define LOADER_MAILBOX_MAIL_INTERNAL_H

#include "loader/mailbox/mail.h"
#include "queue/base/scoped.h"

#include <glib.h>

struct mail {
	struct imapc_session *session;
	const struct mail_request *request;
	const struct mail_report *report;
	const char *folder; /* the operator's name */
	char *wire;
	uint64_t failure_count; /* that were passed over */
	struct error first_failure;
};

/* NO: there is no folder of this name. */
int mail_folder_missing(const char *name, struct error *err);

/* Finds a folder that must exist (NO). Caller frees *ret_wire. */
int mail_find_folder(struct mail *mail, const char *name, char **ret_wire, struct error *err);

/* Selects mail->folder. */
int mail_select_folder(struct mail *mail, bool read_only, struct imapc_mailbox *ret_mailbox,
		       struct error *err);

/*
 * After a failure: returns -1, for the action to end with it, or 0 after noting it where the action
 * is to go on. A dead session always ends the action.
 */
int mail_pass_over(struct mail *mail, uint32_t uid, struct error *err);

/* Tells the report where the action is, if it wants to know. */
void mail_tell_progress(const struct mail *mail, uint64_t done, uint64_t total,
			uint64_t size_bytes);

/* The parts, each for the actions named above. Errors: those of mail.h. */
int mail_read(struct mail *mail, struct error *err);
int mail_change(struct mail *mail, struct error *err);
int mail_append(struct mail *mail, struct error *err);

int mail_folder_create(struct mail *mail, struct error *err);
int mail_folder_delete(struct mail *mail, struct error *err);
int mail_folder_rename(struct mail *mail, struct error *err);
int mail_folder_list(struct mail *mail, struct error *err);

/* --- which messages are meant ------------------------------------------ */

/* From the operator's words to UIDs. A selection belongs to the caller, who clears it with
 * mail_selection_clear(). Errors: USAGE (words that cannot be read), and those of the session. */

/* "17", or "20:25"; "20:*" ends at UINT32_MAX. */
struct mail_range {
	uint32_t first;
	uint32_t last;
};

/*
 * Reads a list of numbers and ranges into an array of struct mail_range; `option` is for the error.
 * A range that runs downwards is turned round.
 */
int mail_selection_parse(const char *text, const char *option, GArray **ret_ranges,
			 struct error *err);

struct mail_selection {
	uint32_t *uids; /* ascending; NULL where there is none */
	size_t count;
	char **unknown; /* named and not there: "UID 17", "message number 99"; or NULL */
};
void mail_selection_clear(struct mail_selection *selection);
SCOPED_DEFINE(struct mail_selection *, mail_selection_clear)

/* True if the request names messages; otherwise the whole folder is meant. */
bool mail_selection_is_given(const struct mail_request *request);

/* Looks the selection up in the selected mailbox. Changes nothing. */
int mail_selection_resolve(struct imapc_session *session, const struct imapc_mailbox *mailbox,
			   const struct mail_request *request, struct mail_selection *ret_selection,
			   struct error *err);

/* `found`, which is sorted, as a selection: ascending, each once. */
void mail_selection_take(GArray *found, struct mail_selection *selection);

/* True if anything is asked. */
bool mail_filter_is_given(const struct mail_filter *filter);

/* As keys for a search. USAGE where they cannot be. Caller frees. */
int mail_filter_format(const struct mail_filter *filter, char **ret_criteria, struct error *err);

/* Those of the selected mailbox that fit, and of them the rows that are asked for. */
int mail_filter_resolve(struct imapc_session *session, const struct mail_request *request,
			struct mail_selection *selection, struct error *err);

/* Messages that were named and are not there: an error (NO), or noted where the action goes on. */
int mail_selection_refuse_unknown(struct mail *mail, const struct mail_selection *selection,
				  struct error *err);

/* --- attachments ------------------------------------------------------- */

/*
 * Attachments as files in one folder. A file appears whole or not at all, under a safe last
 * component, inside the folder only, which folder_open() finds. An existing file is an error, or is
 * replaced, or the new one gets a number: "scan.pdf" becomes "scan1.pdf", then "scan2.pdf"; a name
 * without a dot gets the number at its end. Errors: IO, CONFIGURATION for a folder of another user.
 */
struct mail_attachment_saver;

/* The folder is made if it is missing. */
int mail_attachment_open(const char *folder, enum mail_existing existing, mode_t mode,
			 struct mail_attachment_saver **ret_saver, struct error *err);

/* Takes NULL. */
void mail_attachment_close(struct mail_attachment_saver *saver);
SCOPED_DEFINE(struct mail_attachment_saver *, mail_attachment_close)

/* Saves one attachment, whose bytes lie in the file `content`. Caller frees *ret_path. */
int mail_attachment_save(struct mail_attachment_saver *saver, int content,
			 const struct mime_attachment *attachment, char **ret_path,
			 struct error *err);

/* The name's N-th variant, "scan1.pdf" of "scan.pdf"; 0 is the name itself. Caller frees. */
char *mail_attachment_vary(const char *name, unsigned n);

#endif
