/* Looks at a queue's mailbox without changing anything: its folders, how many messages wait, how
 * they will be moved, and whether the user has the rights that a run needs. */
#include "loader/define/check.h"

#include "loader/imap/names/connection_string.h"
#include "loader/imap/names/mailbox_name.h"
#include "loader/imap/session/session.h"
#include "loader/source/search.h"
#include "queue/base/scoped.h"

#include <string.h>

/* A folder that is missing is no error here: the verdict comes after the report. */
static int check_folders(struct mailbox *mailbox, struct check_result *result, struct error *err)
{
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++) {
		struct check_folder *folder = &result->folders[i];
		struct imapc_status status;
		if (i == MAILBOX_DROPBOX && mailbox->stays)
			continue;
		folder->name = mailbox_folder_name(mailbox, i);
		folder->exists = mailbox->folders[i].exists;
		folder->lacking = i != MAILBOX_SOURCE && mailbox_lacks_folder(mailbox, i);
		if (!folder->exists)
			continue;
		if (imapc_status(mailbox->session, mailbox->folders[i].wire, folder->name, &status,
				 err) != 0)
			return -1;
		folder->messages = status.messages;
		folder->unseen = status.unseen;
	}
	return 0;
}

/* Counts by the search of a run, so that the number is that of messages which a run would look
 * at. The mailbox is opened read-only (EXAMINE): looking must not take \Recent from messages. */
static int check_waiting(struct mailbox *mailbox, struct check_result *result, struct error *err)
{
	struct imapc_mailbox selected;
	g_autofree char *criteria = search_format(mailbox->server);
	g_autofree uint32_t *uids = NULL;
	size_t count;
	if (!mailbox->folders[MAILBOX_SOURCE].exists)
		return 0;
	if (imapc_select(mailbox->session, mailbox->folders[MAILBOX_SOURCE].wire,
			 mailbox->server->mailbox, true, &selected, err) != 0 ||
	    imapc_search(mailbox->session, criteria, &uids, &count, err) != 0)
		return -1;
	result->waiting = (int64_t)count;
	return search_count_unfound(mailbox->session, mailbox->server, count, &result->unfound,
				    err);
}

/* The same order of preference as a run has: what comes first leaves the fewest ways to fail
 * between two commands. */
static const char *check_moving(const struct imapc_session *session)
{
	if (imapc_has_capability(session, "MOVE"))
		return "MOVE";
	if (imapc_has_capability(session, "UIDPLUS"))
		return "COPY and UID EXPUNGE";
	return "COPY and \\Deleted; the server cannot expunge single messages";
}

/* A run moves mail away: it needs the rights to read (r), to mark messages as deleted (t) and to
 * expunge them (e). Where mail stays in the mailbox, a run only marks it as read (s). */
static int check_source_rights(const struct mailbox *mailbox, char **ret_lacking, struct error *err)
{
	return rights_find_lacking(mailbox->session, mailbox->folders[MAILBOX_SOURCE].wire,
				   mailbox->stays ? "rs" : "rte", ret_lacking, err);
}

/* An administrator who reads this knows the right by its letter and by its name. */
static int check_say_lacking(const struct mailbox *mailbox, enum mailbox_folder folder,
			     const char *lacking, struct error *err)
{
	g_autofree char *described = rights_describe(lacking);
	return error_set(err, ERROR_CREDENTIALS, "%s in folder '%s': ask for %s on %s", described,
			 mailbox_folder_name(mailbox, folder), lacking[1] == '\0' ? "it" : "them",
			 mailbox->server->url);
}

/* A server without rights (RFC 4314) tells by opening a folder whether it can be changed. */
static int check_can_be_changed(struct mailbox *mailbox, struct error *err)
{
	struct imapc_mailbox selected;
	const char *name = mailbox->server->mailbox;
	if (imapc_select(mailbox->session, mailbox->folders[MAILBOX_SOURCE].wire, name, false,
			 &selected, err) != 0)
		return -1;
	if (!selected.read_only)
		return 0;
	return error_set(err, ERROR_CREDENTIALS,
			 "mailbox '%s' may only be read: messages could not be moved away; ask for "
			 "the right to delete mail in it",
			 name);
}

/* The report has been given by now; what is missing is the verdict. */
static int check_rights(struct mailbox *mailbox, struct error *err)
{
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++) {
		const struct imapc_folder *folder = &mailbox->folders[i];
		g_autofree char *lacking = NULL;
		if (!folder->exists || (i == MAILBOX_DROPBOX && mailbox->stays))
			continue;
		if ((i == MAILBOX_SOURCE ? check_source_rights(mailbox, &lacking, err)
					 : rights_find_lacking(mailbox->session, folder->wire, "i",
							       &lacking, err)) != 0)
			return -1;
		if (lacking != NULL)
			return check_say_lacking(mailbox, i, lacking, err);
	}
	return mailbox->folders[MAILBOX_SOURCE].exists ? check_can_be_changed(mailbox, err) : 0;
}

/* A mailbox that is missing is never created; the two target folders are, unless the operator
 * forbids it. */
static int check_verdict(const struct mailbox *mailbox, struct error *err)
{
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++) {
		const bool needed = i == MAILBOX_SOURCE ? !mailbox->folders[i].exists
							: mailbox_lacks_folder(mailbox, i);
		if (!needed || (i != MAILBOX_SOURCE && mailbox->server->create_folders))
			continue;
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "folder '%s' does not exist on %s: create it there, or correct the "
		    "connection string",
		    mailbox_folder_name(mailbox, i), mailbox->server->url);
	}
	return 0;
}

/* What is known of servers of this kind, by its name and by what it offers: of Gmail that All Mail is no source. */
static GPtrArray *check_quirks(const struct mailbox *mailbox, const struct imapc_facts *facts)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
	for (enum quirk i = 0; i < QUIRK_COUNT; i++) {
		char *words = quirk_describe(i, mailbox->server, facts->capabilities);
		if (words != NULL)
			g_ptr_array_add(list, words);
	}
	return list;
}

/* Reports first and judges then: the operator sees what was found also when the verdict is bad. The process gives
 * its rights up before it hears the server. */
int check_run(const struct work_queue *queue, const char *database,
	      void (*report)(const struct check_result *result, void *context), void *context,
	      struct error *err)
{
	scoped(mailbox_close) struct mailbox *mailbox = NULL;
	if (mailbox_confine(queue, database, err) != 0 ||
	    mailbox_open(queue, database, false, &mailbox, err) != 0 ||
	    mailbox_find_targets(mailbox, err) != 0)
		return -1;
	struct check_result result = {.host = mailbox->server->url,
				      .port = mailbox->server->port,
				      .creates_folders = mailbox->server->create_folders,
				      .moving = check_moving(mailbox->session)};
	imapc_describe(mailbox->session, &result.facts);
	g_autoptr(GPtrArray) quirks = check_quirks(mailbox, &result.facts);
	result.quirks = quirks;
	if (check_folders(mailbox, &result, err) != 0 || check_waiting(mailbox, &result, err) != 0)
		return -1;
	report(&result, context);
	return check_verdict(mailbox, err) != 0 ? -1 : check_rights(mailbox, err);
}
