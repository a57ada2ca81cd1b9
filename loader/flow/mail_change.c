#include "loader/flow/mail_internal.h"

#include "loader/base/scoped.h"
#include "loader/base/stop.h"
#include "loader/flow/mail_selection.h"

#include <stdlib.h>
#include <string.h>

/* Servers do one large set faster than many small ones; this many leave room for a progress bar. */
enum { MAIL_CHANGE_AT_ONCE = 10000 };

SCOPED_DEFINE(struct mail_selection *, mail_selection_clear)
SCOPED_DEFINE(struct imapc_copy *, imapc_copy_free)

struct mail_changing {
	struct mail *mail;
	char *new_wire; /* moveMail */
	GArray *uids;	/* uint32_t: done */
	GArray *new_uids;
	bool originals_left; /* on a server that cannot expunge single messages */
};

/* --- one set ----------------------------------------------------------- */

/* An OK is only the server's word. */
static int mail_change_check_gone(const struct mail_changing *job, const uint32_t *uids,
				  size_t count, struct error *err)
{
	g_autofree uint32_t *present = NULL;
	size_t present_count;
	if (imapc_search_present(job->mail->session, uids, count, &present, &present_count, err) !=
	    0)
		return -1;
	if (present_count == 0)
		return 0;
	return error_set(err, ERROR_PROTOCOL,
			 "the server said that UID %u was removed, but it is still there",
			 present[0]);
}

/* Flagged, then expunged by UID; where the server cannot do that they stay flagged. */
static int mail_change_remove(struct mail_changing *job, const uint32_t *uids, size_t count,
			      struct error *err)
{
	struct imapc_session *session = job->mail->session;
	if (imapc_add_flags(session, uids, count, "\\Deleted", err) != 0)
		return -1;
	if (!imapc_has_capability(session, "UIDPLUS")) {
		job->originals_left = true;
		return 0;
	}
	if (imapc_expunge(session, uids, count, err) != 0)
		return -1;
	return mail_change_check_gone(job, uids, count, err);
}

static int mail_change_delete(struct mail_changing *job, const uint32_t *uids, size_t count,
			      struct error *err)
{
	if (mail_change_remove(job, uids, count, err) != 0)
		return -1;
	if (!job->originals_left)
		return 0;
	return error_set(err, ERROR_PROTOCOL,
			 "the server cannot remove single messages (it has no UIDPLUS): they are "
			 "marked \\Deleted, and the next mail program that expunges the folder "
			 "removes them");
}

static bool mail_change_is_told(const struct imapc_copy *copy, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (copy->uids[i] == 0)
			return false;
	}
	return copy->uid_validity != 0;
}

static int mail_change_move(struct mail_changing *job, const uint32_t *uids, size_t count,
			    struct error *err)
{
	struct imapc_session *session = job->mail->session;
	const char *name = job->mail->request->new_folder;
	struct imapc_copy copy = {0};
	scoped(imapc_copy_free) struct imapc_copy *release = &copy;
	int failed;
	if (imapc_has_capability(session, "MOVE")) {
		failed = imapc_move(session, uids, count, job->new_wire, name, release, err);
		if (failed == 0 && !mail_change_is_told(release, count))
			failed = mail_change_check_gone(job, uids, count, err);
	} else {
		failed = imapc_copy(session, uids, count, job->new_wire, name, release, err);
		if (failed == 0)
			failed = mail_change_remove(job, uids, count, err);
	}
	if (failed != 0)
		return -1;
	g_array_append_vals(job->new_uids, copy.uids, (guint)count);
	return 0;
}

static int mail_change_set(struct mail_changing *job, const uint32_t *uids, size_t count,
			   struct error *err)
{
	int failed = -1;
	switch (job->mail->request->action) {
	case MAIL_MARK_READ:
		failed = imapc_add_flags(job->mail->session, uids, count, "\\Seen", err);
		break;
	case MAIL_DELETE:
		failed = mail_change_delete(job, uids, count, err);
		break;
	case MAIL_MOVE_MAIL:
		failed = mail_change_move(job, uids, count, err);
		break;
	default:
		return error_set(err, ERROR_SOFTWARE, "not a change of messages");
	}
	if (failed == 0)
		g_array_append_vals(job->uids, uids, (guint)count);
	return failed;
}

/* --- all of them ------------------------------------------------------- */

static int mail_change_explain(const struct mail_changing *job, uint32_t first, uint32_t last,
			       struct error *err)
{
	if (first == last)
		return error_prefix(err, "UID %u of folder '%s'", first, job->mail->folder);
	return error_prefix(err, "UID %u to %u of folder '%s'", first, last, job->mail->folder);
}

/* A refused set says nothing about its single messages. */
static int mail_change_one_by_one(struct mail_changing *job, const uint32_t *uids, size_t count,
				  struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (mail_change_set(job, &uids[i], 1, err) == 0)
			continue;
		mail_change_explain(job, uids[i], uids[i], err);
		if (mail_pass_over(job->mail, uids[i], err) != 0)
			return -1;
	}
	return 0;
}

static int mail_change_messages(struct mail_changing *job, const struct mail_selection *selection,
				struct error *err)
{
	for (size_t first = 0; first < selection->count && !stop_requested();
	     first += MAIL_CHANGE_AT_ONCE) {
		const uint32_t *uids = selection->uids + first;
		size_t count = MIN((size_t)MAIL_CHANGE_AT_ONCE, selection->count - first);
		if (mail_change_set(job, uids, count, err) != 0) {
			if (!job->mail->request->go_on || !imapc_is_alive(job->mail->session))
				return mail_change_explain(job, uids[0], uids[count - 1], err);
			if (mail_change_one_by_one(job, uids, count, err) != 0)
				return -1;
		}
		mail_tell_progress(job->mail, first + count, selection->count, 0);
	}
	return 0;
}

static void mail_change_report(const struct mail_changing *job, const uint32_t *uids, size_t count)
{
	const struct mail_report *report = job->mail->report;
	const struct mail_request *request = job->mail->request;
	const struct mail_change change = {
	    .action = request->action,
	    .folder = job->mail->folder,
	    .new_folder = request->action == MAIL_MOVE_MAIL ? request->new_folder : NULL,
	    .uids = uids,
	    .new_uids =
		job->new_uids->len == count && count > 0 ? (void *)job->new_uids->data : NULL,
	    .count = count,
	    .note = job->originals_left
			? "the server has no UIDPLUS: the originals stay, marked \\Deleted"
			: NULL,
	};
	report->change(&change, report->context);
}

/* Moving single messages destroys nothing. */
static bool mail_change_asks(const struct mail_request *request)
{
	return request->action == MAIL_DELETE ||
	       (request->action == MAIL_MOVE_MAIL && request->all);
}

static int mail_change_confirm(const struct mail *mail, const struct mail_selection *selection,
			       struct error *err)
{
	bool deletes = mail->request->action == MAIL_DELETE;
	uint32_t first = selection->uids[0];
	uint32_t last = selection->uids[selection->count - 1];
	g_autofree char *range = first == last ? g_strdup_printf("UID %u", first)
					       : g_strdup_printf("UID %u to %u", first, last);
	g_autofree char *what = g_strdup_printf(
	    "%s %s%zu message%s of folder '%s' (%s)%s%s%s", deletes ? "Delete for good" : "Move",
	    mail->request->all ? "all " : "", selection->count, selection->count == 1 ? "" : "s",
	    mail->folder, range, deletes ? "" : " to '", deletes ? "" : mail->request->new_folder,
	    deletes ? "" : "'");
	return mail->report->confirm(what, mail->report->context, err);
}

static int mail_change_do(struct mail_changing *job, const struct mail_selection *selection,
			  struct error *err)
{
	struct mail *mail = job->mail;
	if (mail->request->dry_run || selection->count == 0) {
		mail_change_report(job, selection->uids, selection->count);
		return 0;
	}
	if (mail_change_asks(mail->request) && mail_change_confirm(mail, selection, err) != 0)
		return -1;
	int failed = mail_change_messages(job, selection, err);
	if (failed == 0 || job->uids->len > 0)
		mail_change_report(job, (void *)job->uids->data, job->uids->len);
	return failed;
}

static int mail_change_find_target(struct mail_changing *job, struct error *err)
{
	struct mail *mail = job->mail;
	if (mail->request->action != MAIL_MOVE_MAIL)
		return 0;
	if (mail_find_folder(mail, mail->request->new_folder, &job->new_wire, err) != 0)
		return -1;
	if (imapc_is_same_folder(mail->session, job->new_wire, mail->wire))
		return error_set(err, ERROR_USAGE, "'%s' is both --folder and --new-folder",
				 mail->folder);
	return 0;
}

static int mail_change_run(struct mail_changing *job, struct error *err)
{
	struct mail *mail = job->mail;
	struct imapc_mailbox mailbox;
	struct mail_selection selection = {0};
	scoped(mail_selection_clear) struct mail_selection *release = &selection;
	if (mail_find_folder(mail, mail->folder, &mail->wire, err) != 0 ||
	    mail_change_find_target(job, err) != 0 ||
	    mail_select_folder(mail, mail->request->dry_run, &mailbox, err) != 0 ||
	    mail_selection_resolve(mail->session, &mailbox, mail->request, release, err) != 0 ||
	    mail_selection_refuse_unknown(mail, release, err) != 0)
		return -1;
	return mail_change_do(job, release, err);
}

int mail_change(struct mail *mail, struct error *err)
{
	g_autoptr(GArray) uids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autoptr(GArray) new_uids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	struct mail_changing job = {.mail = mail, .uids = uids, .new_uids = new_uids};
	int failed = mail_change_run(&job, err);
	free(job.new_wire);
	return failed;
}
