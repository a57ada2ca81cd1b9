/*
 * Opens a queue's mailbox: signs in, looks for the three folders, and refuses a definition in which two
 * of them are one. Creates a missing target folder where the operator allows that.
 */
#include "loader/source/mailbox_internal.h"

#include "loader/base/folder.h"
#include "loader/base/starter.h"
#include "loader/confine/confine.h"
#include "loader/imap/names/mailbox_name.h"
#include "queue/base/scoped.h"

#include <string.h>

const char *mailbox_folder_name(const struct mailbox *mailbox, enum mailbox_folder folder)
{
	const char *const names[] = {
	    [MAILBOX_SOURCE] = mailbox->server->mailbox,
	    [MAILBOX_DROPBOX] = mailbox->server->dropbox,
	    [MAILBOX_BADMAIL] = mailbox->server->badmail,
	};
	return names[folder];
}

/* What is wrong with the definition is said by who opens the mailbox. */
int mailbox_confine(const struct work_queue *queue, const char *database, struct error *err)
{
	enum secret_source source;
	g_autofree char *reference = NULL;
	scoped(connection_string_free) struct connection_string *server = NULL;
	struct error ignored;
	if (mailbox_find_secret(queue, database, &source, &reference, &ignored) == 0)
		mailbox_allow_secret(source, reference);
	if (connection_string_parse(queue->connection_string, &server, &ignored) == 0) {
		confine_allow(server->ca_file);
		confine_allow(server->crl_file);
		confine_allow(server->client_certificate);
		if (server->connections > 0)
			connection_place_make(database);
	}
	work_queue_lock_make(database);
	if (starter_begin(err) != 0)
		return -1;
	return confine_to_database(database, folder_temporary(), err);
}

int mailbox_reconnect(struct mailbox *mailbox, const struct work_queue *queue, const char *database,
		      struct error *err)
{
	/* The lost session tells its callers that it is dead; NULL would not. */
	struct imapc_session *lost = steal(&mailbox->session);
	if (mailbox_sign_in(mailbox, queue, database, err) != 0) {
		mailbox->session = lost;
		return -1;
	}
	imapc_close(lost);
	return 0;
}

/* Every server has INBOX, by that name (RFC 3501 5.1): a run that finds nothing new saves a round
 * trip by not asking for it. */
static int mailbox_find_source(struct mailbox *mailbox, struct error *err)
{
	struct imapc_folder *folder = &mailbox->folders[MAILBOX_SOURCE];
	const char *name = mailbox->server->mailbox;
	if (g_ascii_strcasecmp(name, "INBOX") != 0)
		return imapc_find_folder(mailbox->session, name, folder, err);
	*folder = (struct imapc_folder){.wire = g_strdup("INBOX"), .exists = true};
	return 0;
}

/* A message that is moved out of All Mail is deleted, or comes back; one that is expunged from another
 * folder only loses a label, and lies in All Mail alone. */
static int mailbox_refuse_labels(const struct mailbox *mailbox, struct error *err)
{
	const char *name = mailbox->server->mailbox;
	if (mailbox->folders[MAILBOX_SOURCE].is_all)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "mailbox '%s' shows the mail of all folders (\\All), and nothing can "
		    "be moved out of it: name INBOX or a label in mailbox=",
		    name);
	if (!mailbox->stays && !imapc_has_capability(mailbox->session, "MOVE"))
		return error_set(err, ERROR_CONFIGURATION,
				 "Gmail moves messages out of '%s' by MOVE alone: take MOVE out of "
				 "disable=",
				 name);
	return 0;
}

static const char *const mailbox_keys[MAILBOX_FOLDER_COUNT] = {
    [MAILBOX_SOURCE] = "mailbox", [MAILBOX_DROPBOX] = "dropbox", [MAILBOX_BADMAIL] = "badmail"};

/* A message that is moved into the folder it came from is new mail there, and would be loaded and
 * moved for ever. */
static int mailbox_refuse_same(const struct mailbox *mailbox, struct error *err)
{
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_BADMAIL; i++) {
		for (enum mailbox_folder j = i + 1; j < MAILBOX_FOLDER_COUNT; j++) {
			const char *one = mailbox->folders[i].wire;
			const char *other = mailbox->folders[j].wire;
			if (one == NULL || other == NULL ||
			    !imapc_is_same_folder(mailbox->session, one, other))
				continue;
			return error_set(
			    err, ERROR_CONFIGURATION,
			    "%s '%s' and %s '%s' are one folder on %s, '%s': name different "
			    "folders in the connection string",
			    mailbox_keys[i], mailbox_folder_name(mailbox, i), mailbox_keys[j],
			    mailbox_folder_name(mailbox, j), mailbox->server->url, other);
		}
	}
	return 0;
}

int mailbox_find_targets(struct mailbox *mailbox, struct error *err)
{
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++) {
		struct imapc_folder *folder = &mailbox->folders[i];
		if (folder->wire != NULL || (i == MAILBOX_DROPBOX && mailbox->stays))
			continue;
		if (imapc_find_folder(mailbox->session, mailbox_folder_name(mailbox, i), folder,
				      err) != 0)
			return -1;
	}
	return mailbox_refuse_same(mailbox, err);
}

/* Only the server can say whether two names are one folder. For most pairs ("INBOX", "Archive") the
 * names alone rule that out, and the server is not asked. */
static bool mailbox_may_be_same(const struct mailbox *mailbox)
{
	const struct connection_string *server = mailbox->server;
	bool dropbox = !mailbox->stays;
	return (dropbox && mailbox_name_may_be_same(server->mailbox, server->dropbox)) ||
	       mailbox_name_may_be_same(server->mailbox, server->badmail) ||
	       (dropbox && mailbox_name_may_be_same(server->dropbox, server->badmail));
}

/* Acknowledging by delivery replaces pollers that collect unread mail and leave it where it is: so
 * does a queue, unless its definition names a search or a dropbox. */
static void mailbox_acknowledge_on_delivery(struct mailbox *mailbox)
{
	struct connection_string *server = mailbox->server;
	mailbox->on_delivery = true;
	mailbox->stays = !connection_string_names(server, "dropbox");
	if (connection_string_names(server, "search"))
		return;
	g_free(server->search);
	server->search = g_strdup("UNSEEN UNDELETED");
}

int mailbox_open(const struct work_queue *queue, const char *database, bool need_source,
		 struct mailbox **ret_mailbox, struct error *err)
{
	scoped(mailbox_close) struct mailbox *mailbox = g_new0(struct mailbox, 1);
	if (!work_queue_has_mailbox(queue))
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "this queue has no mailbox (external source File): `inqueue import "
		    "%s PATH` brings mail into it",
		    queue->name);
	if (connection_string_parse(queue->connection_string, &mailbox->server, err) != 0)
		return -1;
	if (queue->on_delivery)
		mailbox_acknowledge_on_delivery(mailbox);
	/* A host name means the same in any case: the ledger has one spelling. */
	g_autofree char *host = g_ascii_strdown(mailbox->server->url, -1);
	mailbox->source =
	    g_strdup_printf("%s@%s/%s", connection_string_owner(mailbox->server, queue->user_name),
			    host, mailbox->server->mailbox);
	if (mailbox_sign_in(mailbox, queue, database, err) != 0 ||
	    mailbox_find_source(mailbox, err) != 0)
		return -1;
	if (need_source && !mailbox->folders[MAILBOX_SOURCE].exists)
		return error_set(err, ERROR_CONFIGURATION,
				 "mailbox '%s' does not exist on %s: create it there, or correct "
				 "mailbox= in the connection string",
				 mailbox->server->mailbox, mailbox->server->url);
	if (imapc_has_quirk(mailbox->session, QUIRK_GMAIL) &&
	    mailbox_refuse_labels(mailbox, err) != 0)
		return -1;
	if (mailbox_may_be_same(mailbox) && mailbox_find_targets(mailbox, err) != 0)
		return -1;
	*ret_mailbox = steal(&mailbox);
	return 0;
}

void mailbox_close(struct mailbox *mailbox)
{
	if (mailbox == NULL)
		return;
	imapc_close(mailbox->session);
	connection_place_close(mailbox->place);
	for (size_t i = 0; i < MAILBOX_FOLDER_COUNT; i++)
		g_free(mailbox->folders[i].wire);
	g_free(mailbox->source);
	g_free(mailbox->signed_in.mechanism);
	connection_string_free(mailbox->server);
	g_free(mailbox);
}

/* Another queue of the account may have made it since we looked. */
static bool mailbox_folder_came(struct mailbox *mailbox, const char *name, const char *wire)
{
	struct imapc_folder found = {0};
	struct error ignored;
	const bool came = imapc_is_alive(mailbox->session) &&
			  imapc_find_folder(mailbox->session, name, &found, &ignored) == 0 &&
			  found.exists && strcmp(found.wire, wire) == 0;
	g_free(found.wire);
	return came;
}

int mailbox_create_folder(struct mailbox *mailbox, enum mailbox_folder folder, struct error *err)
{
	struct imapc_folder *found = &mailbox->folders[folder];
	const char *name = mailbox_folder_name(mailbox, folder);
	if (found->exists)
		return 0;
	if (!mailbox->server->create_folders)
		return error_set(err, ERROR_CONFIGURATION,
				 "folder '%s' does not exist and createFolders=False: create "
				 "it on the server, or allow it in the connection string",
				 name);
	/* The name that the server has to be asked with was found out before. */
	if (imapc_create_folder(mailbox->session, found->wire, name, err) != 0 &&
	    !mailbox_folder_came(mailbox, name, found->wire))
		return -1;
	found->exists = true;
	return 0;
}

bool mailbox_lacks_folder(const struct mailbox *mailbox, enum mailbox_folder folder)
{
	if (mailbox->folders[folder].exists)
		return false;
	if (folder == MAILBOX_DROPBOX)
		return !mailbox->stays;
	return !mailbox->on_delivery || !mailbox->server->create_folders;
}

int mailbox_prepare_targets(struct mailbox *mailbox, struct error *err)
{
	if (mailbox_find_targets(mailbox, err) != 0)
		return -1;
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++) {
		if (mailbox_lacks_folder(mailbox, i) && mailbox_create_folder(mailbox, i, err) != 0)
			return -1;
	}
	return 0;
}
