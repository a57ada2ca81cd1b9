/*
 * Accounts and sessions of their own. An account is a queue's, or made of the options of one
 * command; both become a connection string, so that one set of rules holds for both. A session has
 * a copy of it, since it may live longer than its account.
 */
#include "loader/mailbox/mail_connection_internal.h"

#include "loader/base/folder.h"
#include "loader/base/starter.h"
#include "loader/confine/confine.h"
#include "loader/parse/parser.h"
#include "loader/parse/spool.h"
#include "loader/source/mailbox.h"
#include "queue/base/scoped.h"

int mail_account_from_queue(const struct work_queue *queue, const char *database,
			    struct mail_account **ret_account, struct error *err)
{
	scoped(mail_account_free) struct mail_account *account = g_new0(struct mail_account, 1);
	account->user_name = g_strdup(queue->user_name);
	if (connection_string_parse(queue->connection_string, &account->server, err) != 0 ||
	    (connection_string_needs_secret(account->server) &&
	     mailbox_find_secret(queue, database, &account->source, &account->reference, err) != 0))
		return error_prefix(err, "queue '%s'", queue->name);
	*ret_account = steal(&account);
	return 0;
}

/* Quoted, as a path may hold a semicolon. */
static void mail_account_add_pair(GString *text, const char *key, const char *value)
{
	g_autoptr(GString) quoted = g_string_new(value);
	g_string_replace(quoted, "\"", "\"\"", 0);
	g_string_append_printf(text, "%s=\"%s\";", key, quoted->str);
}

/* An absolute path holds wherever the file is read again. */
static void mail_account_add_file(GString *text, const char *key, const char *file)
{
	if (file == NULL)
		return;
	g_autofree char *path = g_canonicalize_filename(file, NULL);
	mail_account_add_pair(text, key, path);
}

int mail_account_new(const struct mail_account_options *options, struct mail_account **ret_account,
		     struct error *err)
{
	scoped(mail_account_free) struct mail_account *account = g_new0(struct mail_account, 1);
	g_autoptr(GString) text = g_string_new(NULL);
	mail_account_add_pair(text, "url", options->server);
	mail_account_add_pair(text, "ssl", options->secure ? "True" : "False");
	mail_account_add_pair(text, "insecure", options->insecure ? "True" : "False");
	if (options->port != 0)
		g_string_append_printf(text, "port=%u;", (unsigned)options->port);
	mail_account_add_file(text, "caFile", options->ca_file);
	mail_account_add_file(text, "crlFile", options->crl_file);
	account->user_name = g_strdup(options->user_name);
	if (connection_string_parse(text->str, &account->server, err) != 0)
		return -1;
	*ret_account = steal(&account);
	return 0;
}

void mail_account_free(struct mail_account *account)
{
	if (account == NULL)
		return;
	connection_string_free(account->server);
	secret_free(account->secret);
	g_free(account->user_name);
	g_free(account->reference);
	g_free(account);
}

static int mail_account_copy_server(const struct mail_account *account,
				    struct connection_string **ret_server, struct error *err)
{
	g_autofree char *text = connection_string_format(account->server);
	if (connection_string_parse(text, ret_server, err) != 0)
		return -1;
	/* --timeout has changed it behind the text. */
	(*ret_server)->timeout_s = account->server->timeout_s;
	return 0;
}

static int mail_account_read_secret(struct mail_account *account, struct error *err)
{
	/* Tokens last an hour or so: the source is asked for the present one. */
	if (secret_source_is_token(account->source)) {
		secret_free(account->secret);
		account->secret = NULL;
	}
	if (account->secret == NULL && !connection_string_needs_secret(account->server))
		account->secret = secret_new("", 0);
	if (account->secret != NULL)
		return 0;
	return mailbox_read_secret(account->source, account->reference, account->user_name,
				   &account->secret, err);
}

/* As mailbox_open() does: a token that is refused is asked for once more. */
int mail_account_sign_in(struct mail_account *account, const struct connection_string *server,
			 struct imapc_session **ret_session, struct error *err)
{
	for (bool again = false;; again = true) {
		if (mail_account_read_secret(account, err) != 0)
			return -1;
		const struct imapc_account signing = {.server = server,
						      .user_name = account->user_name,
						      .secret = account->secret,
						      .secret_is_token =
							  secret_source_is_token(account->source)};
		if (imapc_open(&signing, ret_session, err) == 0)
			return 0;
		if (again || err->reason != REASON_SIGN_IN ||
		    !mailbox_secret_is_stale(account->source, account->reference,
					     account->user_name, account->secret))
			return -1;
	}
}

int mail_session_open(struct mail_account *account, struct mail_session **ret_session,
		      struct error *err)
{
	scoped(mail_session_close) struct mail_session *session = g_new0(struct mail_session, 1);
	if (mail_account_copy_server(account, &session->server, err) != 0 ||
	    mail_account_sign_in(account, session->server, &session->imap, err) != 0)
		return -1;
	*ret_session = steal(&session);
	return 0;
}

/* A folder that is made only later lies in one that is there. */
static char *nearest_folder(const char *path)
{
	g_autofree char *folder = g_canonicalize_filename(path, NULL);
	while (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
		char *above = g_path_get_dirname(folder);
		g_free(folder);
		folder = above;
	}
	return steal(&folder);
}

void mail_session_allow_folder(const char *folder)
{
	g_autofree char *there = folder != NULL ? nearest_folder(folder) : NULL;
	confine_allow_writing(there);
}

/* Order: what a process may still do is said, the starter is made, and the secret is read, all before the rights
 * go. */
int mail_session_confine(struct mail_account *account, const char *folder, bool reads_mail,
			 struct error *err)
{
	if (reads_mail)
		parser_allow();
	if (account == NULL) {
		g_autofree char *sockets = mail_socket_folder_path();
		confine_allow(sockets);
	} else {
		if (account->reference != NULL)
			mailbox_allow_secret(account->source, account->reference);
		confine_allow(account->server->ca_file);
		confine_allow(account->server->crl_file);
		confine_allow(account->server->client_certificate);
	}
	if (starter_begin(err) != 0 ||
	    (account != NULL && mail_account_read_secret(account, err) != 0))
		return -1;
	g_autofree char *named = folder != NULL ? nearest_folder(folder) : NULL;
	g_autofree char *accounts = NULL;
	/* New tokens are kept there. */
	if (account != NULL && account->source == SECRET_OAUTH)
		accounts = g_path_get_dirname(account->reference);
	const char *const folders[] = {folder_temporary(), named, accounts};
	return confine_to_folders(folders, G_N_ELEMENTS(folders), err);
}

void mail_session_close(struct mail_session *session)
{
	if (session == NULL)
		return;
	imapc_close(session->imap);
	connection_string_free(session->server);
	g_free(session);
}
