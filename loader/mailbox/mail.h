/*
 * mail.h - one action on a mailbox, asked for by a person or a script; needs no work queue.
 *
 * Life:      mail_run() does one action over a session that is open before and after it; nothing
 *            stays selected in the operator's view: each action selects what it needs.
 * Order:     a selection is resolved to UIDs before anything is changed. A selection that matches
 *            nothing changes nothing.
 * Ownership: a request is borrowed for the call; arguments of callbacks are borrowed for theirs.
 * Errors:    NO (no such folder, no such message, a folder that exists already), USAGE (a selection
 *            that cannot be read, the whole folder without `all`, INBOX where it may not be), DATA
 *            (a file that is no mail, or too large for the server), and those of session.h. Texts
 *            name the folder, the UID and the server's words.
 * Memory:    4 bytes for each message of the selection, and a batch of at most 16 MiB on disk.
 */
#ifndef LOADER_MAILBOX_MAIL_H
#define LOADER_MAILBOX_MAIL_H

#include "loader/imap/session/folder_tree.h"
#include "loader/imap/session/message_rows.h"
#include "loader/mailbox/mail_session.h"
#include "mime/message.h"
#include "queue/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum mail_action {
	MAIL_GET_HEADER_ONLY,
	MAIL_GET_ALL,
	MAIL_MARK_READ,
	MAIL_DELETE,
	MAIL_MOVE_MAIL,
	MAIL_CREATE_FOLDER,
	MAIL_DELETE_FOLDER,
	MAIL_RENAME_FOLDER,
	MAIL_LIST_ALL_FOLDERS,
	MAIL_APPEND
};

/* "getHeaderOnly", "getAll" … */
const char *mail_action_name(enum mail_action action);

/* What becomes of a file that is there already, where an attachment has its name. */
enum mail_existing { MAIL_EXISTING_REFUSED, MAIL_EXISTING_REPLACED, MAIL_EXISTING_NUMBERED };

/* Which messages getHeaderOnly and getAll take: those for which all holds that is given. */
struct mail_filter {
	const char *subject; /* these four are contained, in any case; NULL: not asked */
	const char *from;
	const char *to;
	const char *text; /* in the header or in the bodies */
	const char *flag; /* "unseen,flagged" */
	int64_t since_ms; /* received from then on, and before; 0: not asked */
	int64_t until_ms;
	int64_t sent_since_ms; /* days, UTC: sent on that day or later, and before it */
	int64_t sent_until_ms;
};

struct mail_request {
	const char *folder;	     /* NULL: INBOX, for listAllFolders the root */
	const char *new_folder;	     /* moveMail, renameFolder */
	const char *uid;	     /* "17,20:25"; NULL: none */
	const char *message_number;  /* the same; `uid` wins */
	struct mail_filter filter;   /* not together with `uid` or `message_number` */
	uint64_t start_row;	     /* from 1; 0: not given; of the messages that fit the filter */
	uint64_t max_rows;	     /* 0: all */
	const char *attachment_path; /* NULL: attachments are not saved */
	char *const *files;	     /* append: paths; "-" is standard input */
	size_t file_count;
	const char *flags; /* append: "\\Seen $Forwarded"; NULL: none */
	bool has_date;	   /* append: date_s counts, else what each message says */
	int64_t date_s;	   /* the internal date */
	/* append: opens another session for the account, which the caller closes, to look for a
	 * message with whose answer the first was lost. */
	int (*reopen)(const void *context, struct mail_session **ret_session, struct error *err);
	const void *reopen_context;
	enum mail_action action;
	bool recurse;
	bool all;		     /* the whole folder is meant */
	enum mail_existing existing; /* files of attachments */
	mode_t mode;		     /* of them; 0 = FOLDER_FILE_MODE */
	bool go_on;		     /* stopOnError=no */
	bool dry_run;
};

/* A message that was read. */
struct mail_message {
	const struct imapc_row *row;
	const struct mime_message *parsed;
	const char *failure; /* NULL, or what is missing and why */
	int64_t lines;	     /* of the body as it was sent; -1: not known */
	bool has_bodies;     /* getAll */
	int content;	     /* the file that the parsed contents lie in */
	char *const *files;  /* paths, in the order of the attachments, NULL: not saved; or NULL */
};

/* A change that was made, or with dry_run would be. */
struct mail_change {
	enum mail_action action;
	const char *folder;
	const char *new_folder; /* NULL where there is none */
	const uint32_t *uids;	/* of messages, ascending; NULL for folders */
	/* moveMail, append: where the server told them, else 0; or NULL. */
	const uint32_t *new_uids;
	size_t count;	  /* of messages, or of folders with those below */
	const char *note; /* NULL, or a warning for the operator */
	/* append, which tells of each message: */
	const char *file;
	uint64_t size_bytes;   /* as it was sent */
	int64_t date_s;	       /* the internal date */
	uint32_t uid_validity; /* of the folder; 0: the server did not tell */
};

struct mail_report {
	int (*message)(const struct mail_message *message, void *context, struct error *err);
	int (*folder)(const struct imapc_folder_row *row, void *context, struct error *err);
	void (*change)(const struct mail_change *change, void *context);
	/* Something failed; uid 0: not about one message. `ends`: the action ends with it, and its error is
	 * this one. */
	void (*failure)(uint32_t uid, const struct error *failure, bool ends, void *context);
	/* Asked before something is destroyed; -1 with *err: it is not to be. */
	int (*confirm)(const char *what, void *context, struct error *err);
	void (*progress)(uint64_t done, uint64_t total, uint64_t size_bytes, void *context);
	void *context;
};

/* Checks a request before anything is connected. Errors: USAGE. */
int mail_check(const struct mail_request *request, struct error *err);

/* Does the action. With go_on the first failure decides the error, after all has been tried. */
int mail_run(struct imapc_session *session, const struct mail_request *request,
	     const struct mail_report *report, struct error *err);

#endif
