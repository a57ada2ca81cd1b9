#include "loader/flow/check.h"

#include "loader/base/scoped.h"
#include "loader/flow/search.h"

SCOPED_DEFINE(struct mailbox *, mailbox_close)

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

static const char *check_moving(const struct imapc_session *session)
{
	if (imapc_has_capability(session, "MOVE"))
		return "MOVE";
	if (imapc_has_capability(session, "UIDPLUS"))
		return "COPY and UID EXPUNGE";
	return "COPY and \\Deleted; the server cannot expunge single messages";
}

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

int check_run(const struct work_queue *queue, const char *database,
	      void (*report)(const struct check_result *result, void *context), void *context,
	      struct error *err)
{
	scoped(mailbox_close) struct mailbox *mailbox = NULL;
	if (mailbox_open(queue, database, false, &mailbox, err) != 0 ||
	    mailbox_find_targets(mailbox, err) != 0)
		return -1;
	struct check_result result = {.host = mailbox->server->url,
				      .port = mailbox->server->port,
				      .creates_folders = mailbox->server->create_folders,
				      .moving = check_moving(mailbox->session)};
	imapc_describe(mailbox->session, &result.facts);
	if (check_folders(mailbox, &result, err) != 0 || check_waiting(mailbox, &result, err) != 0)
		return -1;
	report(&result, context);
	return check_verdict(mailbox, err);
}
