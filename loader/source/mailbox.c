/*
 * Opens a queue's mailbox: finds the password, signs in, looks for the three folders, and refuses a
 * definition in which two of them are one. Creates a missing target folder where the operator
 * allows that. Counts sign-ins that the server refuses, so that no account gets locked.
 */
#include "loader/source/mailbox.h"

#include "loader/base/clock.h"
#include "loader/base/starter.h"
#include "loader/confine/confine.h"
#include "loader/imap/names/mailbox_name.h"
#include "loader/oauth/oauth.h"
#include "queue/base/scoped.h"
#include "queue/queue_health.h"

#include <string.h>

char *mailbox_secret_path(const char *database, const char *queue_name)
{
	return g_strdup_printf("%s-secrets/%s.password", database, queue_name);
}

const char *mailbox_folder_name(const struct mailbox *mailbox, enum mailbox_folder folder)
{
	const char *const names[] = {
	    [MAILBOX_SOURCE] = mailbox->server->mailbox,
	    [MAILBOX_DROPBOX] = mailbox->server->dropbox,
	    [MAILBOX_BADMAIL] = mailbox->server->badmail,
	};
	return names[folder];
}

/* What secret_read() and oauth_token() need beside the source; NULL: nothing is there. */
static char *mailbox_secret_reference(const struct work_queue *queue, const char *database,
				      enum secret_source source)
{
	if (source == SECRET_PROMPT)
		return mailbox_secret_path(database, queue->name);
	if (source == SECRET_OAUTH && queue->credential_reference != NULL)
		return oauth_path(database, queue->credential_reference);
	return g_strdup(queue->credential_reference);
}

int mailbox_find_secret(const struct work_queue *queue, const char *database,
			enum secret_source *ret_source, char **ret_reference, struct error *err)
{
	if (secret_source_parse(queue->credential_source, ret_source) != 0)
		return error_set(err, ERROR_CONFIGURATION, "unknown password source '%s'",
				 queue->credential_source);
	g_autofree char *reference = mailbox_secret_reference(queue, database, *ret_source);
	if (reference == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "password source '%s' without a name or path",
				 queue->credential_source);
	if (*ret_source == SECRET_PROMPT && access(reference, F_OK) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "no password is kept for this queue: `inqueue queue alter %s "
				 "--password-prompt` asks for it",
				 queue->name);
	*ret_reference = steal(&reference);
	return 0;
}

/* What is wrong with the connection string is said by who opens the mailbox. */
bool mailbox_needs_secret(const struct work_queue *queue)
{
	scoped(connection_string_free) struct connection_string *server = NULL;
	struct error ignored;
	return work_queue_has_mailbox(queue) &&
	       (connection_string_parse(queue->connection_string, &server, &ignored) != 0 ||
		connection_string_needs_secret(server));
}

int mailbox_read_secret(enum secret_source source, const char *reference, const char *user_name,
			struct secret **ret_secret, struct error *err)
{
	return source == SECRET_OAUTH ? oauth_token(reference, user_name, ret_secret, err)
				      : secret_read(source, reference, ret_secret, err);
}

static void mailbox_allow_source(enum secret_source source, const char *reference, void *context)
{
	(void)context;
	g_autofree char *path = secret_path(source, reference);
	secret_allow(source, reference);
	confine_allow(path);
}

/* What is wrong with the account is said by who reads the secret. */
void mailbox_allow_secret(enum secret_source source, const char *reference)
{
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	struct error ignored;
	if (source != SECRET_OAUTH)
		mailbox_allow_source(source, reference, NULL);
	else if (oauth_account_open(reference, &account, &ignored) == 0)
		oauth_account_list_sources(account, mailbox_allow_source, NULL);
}

bool mailbox_secret_is_stale(enum secret_source source, const char *reference,
			     const char *user_name, const struct secret *secret)
{
	return source == SECRET_OAUTH && oauth_token_refused(reference, user_name, secret);
}

static int mailbox_sign_in_once(struct mailbox *mailbox, const struct work_queue *queue,
				enum secret_source source, const struct secret *secret,
				struct error *err)
{
	const struct imapc_account account = {.server = mailbox->server,
					      .user_name = queue->user_name,
					      .secret = secret,
					      .secret_is_token = secret_source_is_token(source)};
	return imapc_open(&account, &mailbox->session, err);
}

/* A token can be taken back before its end; then the account gives another one, once. */
static int mailbox_sign_in(struct mailbox *mailbox, const struct work_queue *queue,
			   const char *database, struct error *err)
{
	enum secret_source source;
	g_autofree char *reference = NULL;
	if (!connection_string_needs_secret(mailbox->server)) {
		scoped(secret_free) struct secret *none = secret_new("", 0);
		return mailbox_sign_in_once(mailbox, queue, SECRET_FILE, none, err);
	}
	for (bool again = false;; again = true) {
		scoped(secret_free) struct secret *secret = NULL;
		g_clear_pointer(&reference, g_free);
		if (mailbox_find_secret(queue, database, &source, &reference, err) != 0 ||
		    mailbox_read_secret(source, reference, queue->user_name, &secret, err) != 0)
			return -1;
		if (mailbox_sign_in_once(mailbox, queue, source, secret, err) == 0)
			return 0;
		if (again || err->reason != REASON_SIGN_IN ||
		    !mailbox_secret_is_stale(source, reference, queue->user_name, secret))
			return -1;
	}
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
	}
	if (starter_begin(err) != 0)
		return -1;
	return confine_to_database(database, err);
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
	for (size_t i = 0; i < MAILBOX_FOLDER_COUNT; i++)
		g_free(mailbox->folders[i].wire);
	g_free(mailbox->source);
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

/* --- refused sign-ins -------------------------------------------------- */

int refusal_check(struct store *store, const struct work_queue *queue, struct error *err)
{
	struct queue_health health;
	if (queue_health_find(store, queue->id, &health, err) != 0)
		return -1;
	if (health.stopped_ms != 0)
		error_fill(err, health.refusals > 0 ? ERROR_CREDENTIALS : ERROR_CONFIGURATION,
			   "collecting is stopped: %s; correct the %sdefinition, then `inqueue "
			   "queue resume %s`",
			   health.stopped_reason, health.refusals > 0 ? "password or the " : "",
			   queue->name);
	queue_health_clear(&health);
	return health.stopped_ms != 0 ? -1 : 0;
}

int refusal_note(struct store *store, const struct work_queue *queue, const struct error *refusal,
		 uint32_t *ret_refusals, struct error *err)
{
	return queue_health_note_refusal(store, queue->id, refusal->text, REFUSAL_MAX,
					 clock_now_ms(), ret_refusals, err);
}
