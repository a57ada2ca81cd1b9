/*
 * Checks a request, hands it to the part that does it, and says at the end what failed. With go_on
 * a failure is noted and the action continues; the first one decides the error of the whole.
 */
#include "loader/mailbox/mail_internal.h"

#include "loader/base/service.h"
#include "loader/imap/session/append.h"

#include <stdlib.h>

static const char *const action_names[] = {
    [MAIL_GET_HEADER_ONLY] = "getHeaderOnly",
    [MAIL_GET_ALL] = "getAll",
    [MAIL_MARK_READ] = "markRead",
    [MAIL_DELETE] = "delete",
    [MAIL_MOVE_MAIL] = "moveMail",
    [MAIL_CREATE_FOLDER] = "createFolder",
    [MAIL_DELETE_FOLDER] = "deleteFolder",
    [MAIL_RENAME_FOLDER] = "renameFolder",
    [MAIL_LIST_ALL_FOLDERS] = "listAllFolders",
    [MAIL_APPEND] = "append",
};

const char *mail_action_name(enum mail_action action)
{
	return action_names[action];
}

int mail_folder_missing(const char *name, struct error *err)
{
	return error_set(err, ERROR_NO,
			 "folder '%s' does not exist; `inqueue mail listAllFolders --recurse` "
			 "shows those that do",
			 name);
}

int mail_find_folder(struct mail *mail, const char *name, char **ret_wire, struct error *err)
{
	struct imapc_folder found;
	if (imapc_find_folder(mail->session, name, &found, err) != 0)
		return -1;
	if (!found.exists) {
		free(found.wire);
		return mail_folder_missing(name, err);
	}
	*ret_wire = found.wire;
	return 0;
}

int mail_select_folder(struct mail *mail, bool read_only, struct imapc_mailbox *ret_mailbox,
		       struct error *err)
{
	if (mail->wire == NULL && mail_find_folder(mail, mail->folder, &mail->wire, err) != 0)
		return -1;
	if (imapc_select(mail->session, mail->wire, mail->folder, read_only, ret_mailbox, err) != 0)
		return -1;
	/* Servers select a folder all the same, and refuse each change later. */
	if (!read_only && ret_mailbox->read_only)
		return error_set(err, ERROR_CREDENTIALS, "folder '%s' may only be read",
				 mail->folder);
	return 0;
}

/* The caller's error is told at once and kept as the first, if it is. */
int mail_pass_over(struct mail *mail, uint32_t uid, struct error *err)
{
	const bool ends = !mail->request->go_on || !imapc_is_alive(mail->session);
	mail->report->failure(uid, err, ends, mail->report->context);
	if (ends)
		return -1;
	if (mail->failure_count++ == 0)
		mail->first_failure = *err;
	return 0;
}

void mail_tell_progress(const struct mail *mail, uint64_t done, uint64_t total, uint64_t size_bytes)
{
	if (mail->report->progress != NULL)
		mail->report->progress(done, total, size_bytes, mail->report->context);
}

/* Changes of folders have names of their own to be checked (mail_check_names()). */
static bool mail_changes_messages(const struct mail_request *request)
{
	return request->action == MAIL_MARK_READ || request->action == MAIL_DELETE ||
	       request->action == MAIL_MOVE_MAIL;
}

/* Refuses what would garble an error text; the rest is checked where the name is encoded. */
static int mail_check_text(const char *name, const char *option, struct error *err)
{
	if (name == NULL)
		return 0;
	if (!g_utf8_validate(name, -1, NULL))
		return error_set(err, ERROR_USAGE, "--%s takes UTF-8 text", option);
	for (const char *at = name; *at != '\0'; at++) {
		if (g_ascii_iscntrl(*at))
			return error_set(err, ERROR_USAGE,
					 "--%s takes a name without control characters", option);
	}
	return 0;
}

static int mail_check_names(const struct mail_request *request, struct error *err)
{
	enum mail_action action = request->action;
	if ((action == MAIL_CREATE_FOLDER || action == MAIL_DELETE_FOLDER ||
	     action == MAIL_RENAME_FOLDER) &&
	    request->folder == NULL)
		return error_set(err, ERROR_USAGE, "--folder is needed");
	if ((action == MAIL_MOVE_MAIL || action == MAIL_RENAME_FOLDER) &&
	    request->new_folder == NULL)
		return error_set(err, ERROR_USAGE, "--new-folder is needed");
	if (request->flags != NULL && !append_flags_are_valid(request->flags))
		return error_set(err, ERROR_USAGE,
				 "--flags takes \\Seen, \\Answered, \\Flagged, \\Deleted, "
				 "\\Draft and keywords, with one blank between them");
	if (mail_check_text(request->folder, "folder", err) != 0)
		return -1;
	return mail_check_text(request->new_folder, "new-folder", err);
}

/* A filter is written out once here, so that what no server could be asked for costs no sign-in. */
static int mail_check_filter(const struct mail_request *request, struct error *err)
{
	g_autofree char *ignored = NULL;
	if (!mail_filter_is_given(&request->filter))
		return 0;
	if (request->uid != NULL || request->message_number != NULL)
		return error_set(err, ERROR_USAGE,
				 "--uid and --message-number name messages: leave the options out "
				 "that look for messages, such as --subject and --since");
	return mail_filter_format(&request->filter, &ignored, err);
}

static int mail_check_selection(const struct mail_request *request, struct error *err)
{
	g_autoptr(GArray) uids = NULL;
	g_autoptr(GArray) numbers = NULL;
	bool given = mail_selection_is_given(request);
	if ((request->uid != NULL && mail_selection_parse(request->uid, "uid", &uids, err) != 0) ||
	    (request->message_number != NULL &&
	     mail_selection_parse(request->message_number, "message-number", &numbers, err) != 0))
		return -1;
	if (given && request->all)
		return error_set(err, ERROR_USAGE,
				 "--all and a selection of messages exclude each other");
	/* Marking a whole folder as read destroys nothing, so it needs no --all. */
	if (mail_changes_messages(request) && !given && !request->all &&
	    request->action != MAIL_MARK_READ)
		return error_set(err, ERROR_USAGE,
				 "no message is named: --uid, --message-number, --start-row or "
				 "--max-rows selects some, --all the whole folder");
	return 0;
}

int mail_check(const struct mail_request *request, struct error *err)
{
	if (mail_check_names(request, err) != 0 || mail_check_filter(request, err) != 0 ||
	    mail_check_selection(request, err) != 0)
		return error_prefix(err, "%s", mail_action_name(request->action));
	return 0;
}

static int mail_dispatch(struct mail *mail, struct error *err)
{
	switch (mail->request->action) {
	case MAIL_GET_HEADER_ONLY:
	case MAIL_GET_ALL:
		return mail_read(mail, err);
	case MAIL_MARK_READ:
	case MAIL_DELETE:
	case MAIL_MOVE_MAIL:
		return mail_change(mail, err);
	case MAIL_CREATE_FOLDER:
		return mail_folder_create(mail, err);
	case MAIL_DELETE_FOLDER:
		return mail_folder_delete(mail, err);
	case MAIL_RENAME_FOLDER:
		return mail_folder_rename(mail, err);
	case MAIL_LIST_ALL_FOLDERS:
		return mail_folder_list(mail, err);
	case MAIL_APPEND:
		return mail_append(mail, err);
	}
	return error_set(err, ERROR_SOFTWARE, "unknown action %d", (int)mail->request->action);
}

/* One error for the whole: the first failure, with how many there were. */
int mail_run(struct imapc_session *session, const struct mail_request *request,
	     const struct mail_report *report, struct error *err)
{
	struct mail mail = {.session = session,
			    .request = request,
			    .report = report,
			    .folder = request->folder != NULL ? request->folder : "INBOX"};
	int failed = mail_dispatch(&mail, err);
	free(mail.wire);
	/* The action has ended between two sets: the rest is undone. */
	if (failed == 0 && stop_requested())
		failed = error_set(err, ERROR_TEMPORARY, "stopped by a signal before the end");
	if (failed == 0 && mail.failure_count > 0) {
		*err = mail.first_failure;
		failed = mail.failure_count == 1
			     ? -1
			     : error_prefix(err, "%llu failures, the first",
					    (unsigned long long)mail.failure_count);
	}
	return failed != 0 ? error_prefix(err, "%s", mail_action_name(request->action)) : 0;
}
