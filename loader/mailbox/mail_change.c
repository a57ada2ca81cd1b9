/*
 * markRead, delete and moveMail: resolves the selection to UIDs, asks before something is
 * destroyed, and changes the messages in large sets. A set that the server refuses is tried message
 * by message where the action is to go on; moving divides sets by itself
 * (loader/imap/session/move.h).
 */
#include "loader/mailbox/mail_internal.h"

#include "loader/base/service.h"
#include "loader/imap/session/move.h"
#include "queue/base/scoped.h"

#include <stdlib.h>
#include <string.h>

/* Servers do one large set faster than many small ones; between two of this size progress is
 * shown. */
enum { MAIL_CHANGE_AT_ONCE = 10000 };

struct mail_done {
	uint32_t uid;
	uint32_t new_uid; /* moveMail; 0 = not known */
};

struct mail_changing {
	struct mail *mail;
	char *new_wire;	     /* moveMail */
	GArray *done;	     /* struct mail_done */
	bool originals_left; /* the server cannot expunge them, or they must not go */
	struct move *move;   /* moveMail */
	GHashTable *copies;  /* UID -> UID of the copy, of originals that have to go */
};

/* --- one set ----------------------------------------------------------- */

/* The server's OK proves nothing: messages that it has removed must be gone. */
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

/* Flags messages as deleted, then expunges them by UID. A server without UIDPLUS could only expunge
 * all that is flagged, other people's choices among them: there they stay flagged. */
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

/* Messages that have moved are reported, whatever becomes of the others. */
static int mail_change_moved(enum move_fate fate, const uint32_t *uids, size_t count,
			     const struct imapc_copy *copy, void *context, struct error *err)
{
	struct mail_changing *job = context;
	(void)err;
	/* A copy is told first, and its original once more when it is gone. */
	if (fate == MOVE_COPIED) {
		for (size_t i = 0; i < count; i++)
			g_hash_table_insert(job->copies, GUINT_TO_POINTER(uids[i]),
					    GUINT_TO_POINTER(copy->uids[i]));
		return 0;
	}
	job->originals_left = job->originals_left || fate == MOVE_LEFT;
	for (size_t i = 0; i < count; i++) {
		gpointer known = g_hash_table_lookup(job->copies, GUINT_TO_POINTER(uids[i]));
		const struct mail_done done = {.uid = uids[i],
					       .new_uid = copy != NULL ? copy->uids[i]
								       : GPOINTER_TO_UINT(known)};
		g_array_append_val(job->done, done);
	}
	return 0;
}

static int mail_change_move(struct mail_changing *job, const uint32_t *uids, size_t count,
			    struct error *err)
{
	size_t returns;
	if (job->move == NULL)
		job->move = move_new(job->mail->session, job->new_wire,
				     job->mail->request->new_folder, mail_change_moved, job);
	move_forget(job->move);
	g_hash_table_remove_all(job->copies);
	if (move_messages(job->move, uids, count, err) != 0)
		return -1;
	const struct move_return *back = move_returns(job->move, &returns);
	return returns > 0 ? move_say_return(job->move, back, err) : move_verdict(job->move, err);
}

static int mail_change_set(struct mail_changing *job, const uint32_t *uids, size_t count,
			   struct error *err)
{
	int failed = -1;
	switch (job->mail->request->action) {
	case MAIL_MOVE_MAIL:
		return mail_change_move(job, uids, count, err);
	case MAIL_MARK_READ:
		failed = imapc_add_flags(job->mail->session, uids, count, "\\Seen", err);
		break;
	case MAIL_DELETE:
		failed = mail_change_delete(job, uids, count, err);
		break;
	default:
		return error_set(err, ERROR_SOFTWARE, "not a change of messages");
	}
	for (size_t i = 0; i < count && failed == 0; i++) {
		const struct mail_done done = {.uid = uids[i]};
		g_array_append_val(job->done, done);
	}
	return failed;
}

/* --- all of them ------------------------------------------------------- */

static int mail_change_explain(const struct mail_changing *job, uint32_t first, uint32_t last,
			       struct error *err)
{
	/* A move has named the messages. */
	if (job->move != NULL)
		return -1;
	if (first == last)
		return error_prefix(err, "UID %u of folder '%s'", first, job->mail->folder);
	return error_prefix(err, "UID %u to %u of folder '%s'", first, last, job->mail->folder);
}

/* A refused set says nothing about its single messages, so each is tried. A move has done so
 * already. */
static int mail_change_one_by_one(struct mail_changing *job, const uint32_t *uids, size_t count,
				  struct error *err)
{
	if (job->move != NULL)
		return mail_pass_over(job->mail, count == 1 ? uids[0] : 0, err);
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

/* In one report, however many sets there were: a script reads one row for its command. */
static void mail_change_report(const struct mail_changing *job, const uint32_t *uids,
			       const uint32_t *new_uids, size_t count)
{
	const struct mail_report *report = job->mail->report;
	const struct mail_request *request = job->mail->request;
	const struct mail_change change = {
	    .action = request->action,
	    .folder = job->mail->folder,
	    .new_folder = request->action == MAIL_MOVE_MAIL ? request->new_folder : NULL,
	    .uids = uids,
	    .new_uids = request->action == MAIL_MOVE_MAIL ? new_uids : NULL,
	    .count = count,
	    .note = job->originals_left
			? "the server has no UIDPLUS, or does not prove the copies: the originals "
			  "stay, marked \\Deleted"
			: NULL,
	};
	report->change(&change, report->context);
}

static int mail_change_compare(const void *left, const void *right)
{
	uint32_t first = ((const struct mail_done *)left)->uid;
	uint32_t second = ((const struct mail_done *)right)->uid;
	return (first > second) - (first < second);
}

static void mail_change_report_done(const struct mail_changing *job)
{
	guint count = job->done->len;
	g_autofree uint32_t *uids = g_new(uint32_t, count + 1);
	g_autofree uint32_t *new_uids = g_new(uint32_t, count + 1);
	/* Messages that were tried one by one come out of order. */
	g_array_sort(job->done, mail_change_compare);
	for (guint i = 0; i < count; i++) {
		const struct mail_done *done = &g_array_index(job->done, struct mail_done, i);
		uids[i] = done->uid;
		new_uids[i] = done->new_uid;
	}
	mail_change_report(job, uids, count > 0 ? new_uids : NULL, count);
}

/* Asked before mail is deleted, or a whole folder is moved: a few moved messages can be moved
 * back. */
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
	/* An empty selection is reported as a change of no message, so that a script has one
	 * case. */
	if (mail->request->dry_run || selection->count == 0) {
		mail_change_report(job, selection->uids, NULL, selection->count);
		return 0;
	}
	if (mail_change_asks(mail->request) && mail_change_confirm(mail, selection, err) != 0)
		return -1;
	int failed = mail_change_messages(job, selection, err);
	/* Also after a failure: a script must know which messages are changed. */
	if (failed == 0 || job->done->len > 0)
		mail_change_report_done(job);
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
	g_autoptr(GArray) done = g_array_new(FALSE, FALSE, sizeof(struct mail_done));
	g_autoptr(GHashTable) copies = g_hash_table_new(NULL, NULL);
	struct mail_changing job = {.mail = mail, .done = done, .copies = copies};
	int failed = mail_change_run(&job, err);
	move_free(job.move);
	free(job.new_wire);
	return failed;
}
