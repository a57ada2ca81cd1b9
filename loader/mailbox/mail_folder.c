/*
 * createFolder, deleteFolder, renameFolder and listAllFolders. A folder is deleted with all below
 * it, from the leaves up, after the operator has been told how many folders and messages that are;
 * INBOX is neither deleted nor renamed.
 */
#include "loader/mailbox/mail_internal.h"

#include "loader/base/service.h"
#include "queue/base/scoped.h"

#include <stdlib.h>
#include <string.h>

/* A folder as it was looked for; the wire name is freed with it. */
static void mail_folder_clear(struct imapc_folder *folder)
{
	if (folder != NULL)
		free(folder->wire);
}
SCOPED_DEFINE(struct imapc_folder *, mail_folder_clear)

static void mail_folder_report(const struct mail *mail, size_t count)
{
	const struct mail_change change = {.action = mail->request->action,
					   .folder = mail->folder,
					   .new_folder = mail->request->new_folder,
					   .count = count};
	mail->report->change(&change, mail->report->context);
}

/* Looks for the folder and for those below it: a level without mail does not exist for the server,
 * but has folders below. */
static int mail_folder_look(struct mail *mail, const char *name, struct imapc_folder *ret_folder,
			    struct imapc_folder_rows *ret_below, struct error *err)
{
	if (imapc_find_folder(mail->session, name, ret_folder, err) != 0)
		return -1;
	return imapc_folder_list(mail->session, ret_folder->wire, true, false, ret_below, err);
}

static int mail_folder_refuse_inbox(const struct imapc_folder *folder, const char *what,
				    struct error *err)
{
	if (g_ascii_strcasecmp(folder->wire, "INBOX") != 0)
		return 0;
	return error_set(err, ERROR_USAGE, "INBOX cannot be %s", what);
}

/* --- create ------------------------------------------------------------ */

int mail_folder_create(struct mail *mail, struct error *err)
{
	struct imapc_folder folder = {0};
	scoped(mail_folder_clear) struct imapc_folder *release = &folder;
	if (imapc_find_folder(mail->session, mail->folder, release, err) != 0)
		return -1;
	if (folder.exists)
		return error_set(err, ERROR_NO, "folder '%s' exists already", mail->folder);
	if (!mail->request->dry_run &&
	    (imapc_create_parents(mail->session, folder.wire, err) != 0 ||
	     imapc_create_folder(mail->session, folder.wire, mail->folder, err) != 0))
		return -1;
	mail_folder_report(mail, 1);
	return 0;
}

/* --- delete ------------------------------------------------------------ */

static int mail_folder_confirm_delete(struct mail *mail, const struct imapc_folder *folder,
				      const struct imapc_folder_rows *below, struct error *err)
{
	uint64_t messages = 0;
	struct imapc_folder_row self = {.wire = folder->wire, .name = (char *)mail->folder};
	if (folder->exists && imapc_folder_count(mail->session, &self, err) != 0)
		return -1;
	messages = self.messages;
	for (size_t i = 0; i < below->count; i++) {
		struct imapc_folder_row *row = &below->rows[i];
		if (row->selectable && !row->has_counts &&
		    imapc_folder_count(mail->session, row, err) != 0)
			return -1;
		messages += row->messages;
	}
	g_autofree char *what = g_strdup_printf(
	    "Delete folder '%s' for good, with %zu folder%s below it and %llu message%s",
	    mail->folder, below->count, below->count == 1 ? "" : "s", (unsigned long long)messages,
	    messages == 1 ? "" : "s");
	return mail->report->confirm(what, mail->report->context, err);
}

/* A level without mail may go with the last folder below it, and servers refuse to delete it then:
 * that refusal is no failure. */
static int mail_folder_delete_one(struct mail *mail, const char *wire, const char *name,
				  bool selectable, struct error *err)
{
	if (imapc_folder_delete(mail->session, wire, name, err) == 0)
		return 0;
	return selectable || !imapc_is_alive(mail->session) ? -1 : 0;
}

/* From the leaves up: rows are in the order of the tree, a folder before those below it. */
static int mail_folder_delete_tree(struct mail *mail, const struct imapc_folder *folder,
				   const struct imapc_folder_rows *below, struct error *err)
{
	for (size_t i = below->count; i > 0; i--) {
		const struct imapc_folder_row *row = &below->rows[i - 1];
		if (mail_folder_delete_one(mail, row->wire, row->name, row->selectable, err) != 0 &&
		    mail_pass_over(mail, 0, err) != 0)
			return -1;
		mail_tell_progress(mail, below->count - i + 1, below->count + 1, 0);
	}
	return mail_folder_delete_one(mail, folder->wire, mail->folder, folder->exists, err);
}

int mail_folder_delete(struct mail *mail, struct error *err)
{
	struct imapc_folder folder = {0};
	struct imapc_folder_rows below = {0};
	scoped(mail_folder_clear) struct imapc_folder *release = &folder;
	scoped(imapc_folder_rows_free) struct imapc_folder_rows *release_below = &below;
	if (mail_folder_look(mail, mail->folder, release, release_below, err) != 0 ||
	    mail_folder_refuse_inbox(release, "deleted", err) != 0)
		return -1;
	if (!folder.exists && below.count == 0)
		return mail_folder_missing(mail->folder, err);
	if (!mail->request->dry_run &&
	    (mail_folder_confirm_delete(mail, release, release_below, err) != 0 ||
	     imapc_unselect(mail->session, err) != 0 ||
	     mail_folder_delete_tree(mail, release, release_below, err) != 0))
		return -1;
	mail_folder_report(mail, below.count + 1);
	return 0;
}

/* --- rename ------------------------------------------------------------ */

static int mail_folder_check_rename(const struct mail *mail, const struct imapc_folder *from,
				    const struct imapc_folder *to, char delimiter,
				    struct error *err)
{
	size_t size = strlen(from->wire);
	if (mail_folder_refuse_inbox(from, "renamed", err) != 0 ||
	    mail_folder_refuse_inbox(to, "the new name of a folder", err) != 0)
		return -1;
	if (to->exists)
		return error_set(err, ERROR_NO, "folder '%s' exists already",
				 mail->request->new_folder);
	/* Servers disagree on what becomes of a folder below itself. */
	if (delimiter != '\0' && strncmp(to->wire, from->wire, size) == 0 &&
	    to->wire[size] == delimiter)
		return error_set(err, ERROR_USAGE, "folder '%s' cannot move below itself",
				 mail->folder);
	return 0;
}

/* Servers disagree on what becomes of a selected folder that is renamed, so none is selected. */
static int mail_folder_do_rename(struct mail *mail, const struct imapc_folder *from,
				 const struct imapc_folder *to, struct error *err)
{
	if (imapc_unselect(mail->session, err) != 0 ||
	    imapc_create_parents(mail->session, to->wire, err) != 0)
		return -1;
	return imapc_folder_rename(mail->session, from->wire, to->wire, mail->folder, err);
}

int mail_folder_rename(struct mail *mail, struct error *err)
{
	struct imapc_folder from = {0};
	struct imapc_folder to = {0};
	struct imapc_folder_rows below = {0};
	scoped(mail_folder_clear) struct imapc_folder *release_from = &from;
	scoped(mail_folder_clear) struct imapc_folder *release_to = &to;
	scoped(imapc_folder_rows_free) struct imapc_folder_rows *release_below = &below;
	char delimiter;
	if (mail_folder_look(mail, mail->folder, release_from, release_below, err) != 0 ||
	    imapc_find_folder(mail->session, mail->request->new_folder, release_to, err) != 0 ||
	    imapc_folder_delimiter(mail->session, &delimiter, err) != 0 ||
	    mail_folder_check_rename(mail, release_from, release_to, delimiter, err) != 0)
		return -1;
	if (!from.exists && below.count == 0)
		return mail_folder_missing(mail->folder, err);
	if (!mail->request->dry_run &&
	    mail_folder_do_rename(mail, release_from, release_to, err) != 0)
		return -1;
	mail_folder_report(mail, below.count + 1);
	return 0;
}

/* --- list -------------------------------------------------------------- */

/* The wire name of the folder whose tree is wanted; NULL for the root. */
static int mail_folder_find_top(struct mail *mail, char **ret_wire, struct error *err)
{
	struct imapc_folder folder = {0};
	struct imapc_folder_rows below = {0};
	scoped(mail_folder_clear) struct imapc_folder *release = &folder;
	scoped(imapc_folder_rows_free) struct imapc_folder_rows *release_below = &below;
	if (mail->request->folder == NULL)
		return 0;
	if (mail_folder_look(mail, mail->request->folder, release, release_below, err) != 0)
		return -1;
	if (!folder.exists && below.count == 0)
		return mail_folder_missing(mail->request->folder, err);
	*ret_wire = steal(&folder.wire);
	return 0;
}

/* A folder that refuses to be counted keeps its row out of the list, not the others. */
static int mail_folder_count_row(struct mail *mail, struct imapc_folder_row *row, struct error *err)
{
	if (row->has_counts || imapc_folder_count(mail->session, row, err) == 0)
		return 0;
	return mail_pass_over(mail, 0, err);
}

static int mail_folder_list_rows(struct mail *mail, const struct imapc_folder_rows *rows,
				 struct error *err)
{
	uint64_t first = MAX(mail->request->start_row, 1);
	uint64_t left = mail->request->max_rows != 0 ? mail->request->max_rows : UINT64_MAX;
	uint64_t number = 0;
	for (size_t i = 0; i < rows->count && left > 0 && !stop_requested(); i++) {
		/* Rows are counted as they are shown: levels without mail are not. */
		if (!rows->rows[i].selectable || ++number < first)
			continue;
		left--;
		if (mail_folder_count_row(mail, &rows->rows[i], err) != 0 ||
		    mail->report->folder(&rows->rows[i], mail->report->context, err) != 0)
			return -1;
		mail_tell_progress(mail, i + 1, rows->count, 0);
	}
	return 0;
}

int mail_folder_list(struct mail *mail, struct error *err)
{
	g_autofree char *top = NULL;
	struct imapc_folder_rows rows = {0};
	scoped(imapc_folder_rows_free) struct imapc_folder_rows *release = &rows;
	if (mail_folder_find_top(mail, &top, err) != 0 ||
	    imapc_folder_list(mail->session, top, mail->request->recurse, true, release, err) != 0)
		return -1;
	return mail_folder_list_rows(mail, release, err);
}
