/* The options that the mail commands share: whose mailbox it is, how its password comes, and
 * what an action is asked to do. */
#include "loader/cli/mail/mail_internal.h"

#include "loader/base/folder.h"
#include "loader/confine/confine.h"
#include "loader/define/definition.h"
#include "loader/mailbox/mail_session.h"
#include "queue/base/scoped.h"

#include <string.h>

#define MAIL_TIMEOUT_S 60

/* A day, as for the targets of queues. */
enum { MAIL_TIMEOUT_MAX_S = 86400 };

static const struct command_option account_options[] = {
    {"queue", "NAME", "the account of this work queue", NULL},
    {"server", "HOST", "the mail server of an account that no queue has", NULL},
    {"port", "PORT", "its port (default: 143, or 993 with --secure)", NULL},
    {"secure", NULL, "TLS from the first byte; without it STARTTLS where it is offered", NULL},
    {"insecure", NULL, "let the password cross the network without TLS", NULL},
    {"ca-file", "FILE", "the certificate authorities to trust instead of the system's (PEM)", NULL},
    {"crl-file", "FILE", "revocation lists of authorities (PEM, or one in DER)", NULL},
    {"username", "NAME", "the user's name on that server", NULL},
    {"password-file", "FILE", "the password: the first line of a file only you can read", NULL},
    {"password-env", "VARIABLE", "the password: an environment variable", NULL},
    {"password-command", "COMMAND",
     "the password: the first line that a command prints (no shell; 30 s)", NULL},
    {"password-credential", "NAME", "the password: a systemd credential", NULL},
    {"password-prompt", NULL, "ask for the password (also where none of these is given)", NULL},
    {"token-command", "COMMAND", "an OAuth 2.0 access token instead of a password", NULL},
    {"timeout", "SECONDS",
     "to wait for a connection and for each answer (default: " G_STRINGIFY(MAIL_TIMEOUT_S) ")",
     NULL},
};

static const struct command_option connection_option = {
    "connection", "NAME", "a connection that `mail open` has opened", NULL};

/* `mail open` takes these; all other commands also take --connection, see mail_options_at(). */
bool mail_options_account_at(size_t index, struct command_option *ret_option)
{
	if (index >= G_N_ELEMENTS(account_options))
		return false;
	*ret_option = account_options[index];
	return true;
}

/* --connection comes first in the help, because it needs none of the others. */
bool mail_options_at(size_t index, struct command_option *ret_option)
{
	if (index > 0)
		return mail_options_account_at(index - 1, ret_option);
	*ret_option = connection_option;
	return true;
}

/* Not every command has every option, so a missing one is no fault of the program. */
const char *mail_options_text(const struct invocation *invocation, const char *option)
{
	for (size_t i = 0; i < invocation->option_count; i++) {
		if (strcmp(invocation->options[i].name, option) == 0)
			return invocation->values[i];
	}
	return NULL;
}

/* 0 says that the option is not given: all numbers here begin at 1. */
static int mail_options_number(const struct invocation *invocation, const char *option,
			       uint64_t *ret_number, struct error *err)
{
	*ret_number = 0;
	if (mail_options_text(invocation, option) == NULL)
		return 0;
	return invocation_number(invocation, option, 1, ret_number, err);
}

/* --- account ----------------------------------------------------------- */

/* Every server answers within a day; 0 stands for "not given". */
static int mail_options_timeout(const struct invocation *invocation, uint32_t *ret_timeout_s,
				struct error *err)
{
	uint64_t timeout_s;
	if (mail_options_number(invocation, "timeout", &timeout_s, err) != 0)
		return -1;
	if (timeout_s > MAIL_TIMEOUT_MAX_S)
		return error_set(err, ERROR_USAGE, "--timeout takes at most %d seconds",
				 (int)MAIL_TIMEOUT_MAX_S);
	*ret_timeout_s = (uint32_t)timeout_s;
	return 0;
}

/* The account of a queue, with the password source of its definition. */
static int mail_options_queue(const struct invocation *invocation, const char *name,
			      struct mail_account **ret_account, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	struct invocation named = *invocation;
	char *arguments[] = {(char *)name};
	named.arguments = arguments;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    invocation_find_queue(&named, store, 0, &queue, err) != 0)
		return -1;
	return mail_account_from_queue(queue, invocation->database, ret_account, err);
}

/* The source of the password, checked by the rules of a queue's definition: a draft of a queue
 * takes the value, and refuses what `queue create` would refuse. Without any source the
 * password is asked for. */
static int mail_options_secret(const struct invocation *invocation, struct mail_account *account,
			       struct error *err)
{
	static const char *const fields[] = {"password-file", "password-env", "password-command",
					     "password-credential", "token-command"};
	scoped(work_queue_free) struct work_queue *draft = definition_new("mail");
	size_t given = mail_options_text(invocation, "password-prompt") != NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
		const char *value = mail_options_text(invocation, fields[i]);
		if (value == NULL)
			continue;
		given++;
		if (definition_set(draft, fields[i], value, err) != 0)
			return error_set(err, ERROR_USAGE, "--%s", err->text);
	}
	if (given > 1)
		return error_set(err, ERROR_USAGE, "more than one source of the password is given");
	if (secret_source_parse(draft->credential_source, &account->source) != 0)
		return error_set(err, ERROR_SOFTWARE, "unknown password source");
	account->reference = g_strdup(draft->credential_reference);
	if (account->source != SECRET_PROMPT)
		return 0;
	g_autofree char *question =
	    g_strdup_printf("Password of %s at %s: ", account->user_name, account->server->url);
	return secret_ask("the password", question, &account->secret, err);
}

/* An account that no queue has; it takes all that a queue's definition would say. */
static int mail_options_server(const struct invocation *invocation, const char *server,
			       struct mail_account **ret_account, struct error *err)
{
	scoped(mail_account_free) struct mail_account *account = NULL;
	uint64_t port;
	if (mail_options_number(invocation, "port", &port, err) != 0)
		return -1;
	if (port > UINT16_MAX)
		return error_set(err, ERROR_USAGE, "--port takes a number up to 65535");
	const struct mail_account_options options = {
	    .server = server,
	    .port = (uint16_t)port,
	    .secure = mail_options_text(invocation, "secure") != NULL,
	    .insecure = mail_options_text(invocation, "insecure") != NULL,
	    .user_name = mail_options_text(invocation, "username"),
	    .ca_file = mail_options_text(invocation, "ca-file"),
	    .crl_file = mail_options_text(invocation, "crl-file"),
	};
	if (options.user_name == NULL || *options.user_name == '\0')
		return error_set(err, ERROR_USAGE, "--server needs --username");
	if (mail_account_new(&options, &account, err) != 0)
		return error_prefix(err, "--server");
	account->server->timeout_s = MAIL_TIMEOUT_S;
	if (mail_options_secret(invocation, account, err) != 0)
		return -1;
	*ret_account = steal(&account);
	return 0;
}

/* One of --queue, --server and --connection. An option that belongs to --server says nothing
 * about any other account. */
static int mail_options_check_whose(const struct invocation *invocation, struct error *err)
{
	static const char *const names[] = {"connection", "queue", "server"};
	const char *whose = NULL;
	/* For `mail open`, --connection names what is to be opened. */
	bool opens = invocation->command->run == cmd_mail_open;
	for (size_t i = opens ? 1 : 0; i < G_N_ELEMENTS(names); i++) {
		if (mail_options_text(invocation, names[i]) == NULL)
			continue;
		if (whose != NULL)
			return error_set(err, ERROR_USAGE, "--%s and --%s exclude each other",
					 whose, names[i]);
		whose = names[i];
	}
	if (whose == NULL)
		return error_set(err, ERROR_USAGE,
				 "whose mailbox? --queue NAME, --server HOST --username NAME%s",
				 opens ? "" : ", or --connection NAME");
	if (strcmp(whose, "server") == 0)
		return 0;
	for (size_t i = 2; i < G_N_ELEMENTS(account_options) - 1; i++) {
		if (mail_options_text(invocation, account_options[i].name) != NULL)
			return error_set(err, ERROR_USAGE,
					 "--%s belongs to --server; --%s has its own",
					 account_options[i].name, whose);
	}
	return 0;
}

/* --timeout counts for either kind of account. */
int mail_options_account(const struct invocation *invocation, struct mail_account **ret_account,
			 struct error *err)
{
	scoped(mail_account_free) struct mail_account *account = NULL;
	const char *queue = mail_options_text(invocation, "queue");
	const char *server = mail_options_text(invocation, "server");
	uint32_t timeout_s;
	if (mail_options_check_whose(invocation, err) != 0 ||
	    mail_options_timeout(invocation, &timeout_s, err) != 0)
		return -1;
	int failed = queue != NULL ? mail_options_queue(invocation, queue, &account, err)
				   : mail_options_server(invocation, server, &account, err);
	if (failed != 0)
		return -1;
	if (timeout_s != 0)
		account->server->timeout_s = timeout_s;
	*ret_account = steal(&account);
	return 0;
}

/* Changes of mail and of folders need no parser. */
static bool mail_options_read_mail(const struct invocation *invocation)
{
	static const char *const changes[] = {
	    "mail markRead",	 "mail delete",	      "mail moveMail",	     "mail createFolder",
	    "mail deleteFolder", "mail renameFolder", "mail listAllFolders", NULL};
	return !g_strv_contains(changes, invocation->command->name);
}

/* Files that are appended were named before a server was heard, and stay readable after it. */
static int mail_options_confine(const struct invocation *invocation, struct mail_account *account,
				struct error *err)
{
	const bool append = strcmp(invocation->command->name, "mail append") == 0;
	for (size_t i = 0; append && i < invocation->argument_count; i++)
		confine_allow(invocation->arguments[i]);
	const char *folder = mail_options_text(invocation, "attachment-path");
	return mail_session_confine(account, folder, mail_options_read_mail(invocation), err);
}

/* A connection that is open already needs no account. */
int mail_options_session(const struct invocation *invocation, struct mail_session **ret_session,
			 struct error *err)
{
	scoped(mail_account_free) struct mail_account *account = NULL;
	const char *connection = mail_options_text(invocation, "connection");
	uint32_t timeout_s;
	if (mail_options_check_whose(invocation, err) != 0 ||
	    mail_options_timeout(invocation, &timeout_s, err) != 0)
		return -1;
	if (connection != NULL)
		mail_connection_allow(connection);
	if (connection != NULL)
		return mail_options_confine(invocation, NULL, err) != 0
			   ? -1
			   : mail_connection_use(connection,
						 timeout_s != 0 ? timeout_s : MAIL_TIMEOUT_S,
						 ret_session, err);
	if (mail_options_account(invocation, &account, err) != 0 ||
	    mail_options_confine(invocation, account, err) != 0)
		return -1;
	return mail_session_open(account, ret_session, err);
}

/* The name of a command that acts on a mailbox is that of its action. */
int mail_options_action(const struct command *command, enum mail_action *ret_action)
{
	for (enum mail_action action = MAIL_GET_HEADER_ONLY; action <= MAIL_APPEND; action++) {
		g_autofree char *name = g_strconcat("mail ", mail_action_name(action), NULL);
		if (strcmp(command->name, name) == 0) {
			*ret_action = action;
			return 0;
		}
	}
	return -1;
}

/* CFIMAP stops at the first error unless it is told "no", and so does this. */
int mail_options_go_on(const struct invocation *invocation, bool *ret_go_on, struct error *err)
{
	const char *stop = mail_options_text(invocation, "stop-on-error");
	*ret_go_on = stop != NULL && g_ascii_strcasecmp(stop, "no") == 0;
	if (stop == NULL || *ret_go_on || g_ascii_strcasecmp(stop, "yes") == 0)
		return 0;
	return error_set(err, ERROR_USAGE, "--stop-on-error takes yes or no");
}

/* The account, or the kept connection, is found by the same options once more. */
static int mail_options_reopen(const void *context, struct mail_session **ret_session,
			       struct error *err)
{
	return mail_options_session(context, ret_session, err);
}

/* Without --date the message says itself when it arrived (mail_append_date_s()). */
static int mail_options_append(const struct invocation *invocation, struct mail_request *request,
			       struct error *err)
{
	int64_t date_ms;
	if (invocation_time(invocation, "date", -1, &date_ms, err) != 0)
		return -1;
	request->files = invocation->arguments;
	request->file_count = invocation->argument_count;
	request->flags = invocation_text(invocation, "flags");
	request->has_date = invocation_text(invocation, "date") != NULL;
	request->date_s = date_ms / 1000;
	return 0;
}

/* What becomes of a file that is there already, and who may read a new one. */
static int mail_options_files(const struct invocation *invocation, struct mail_request *request,
			      struct error *err)
{
	const bool unique = mail_options_text(invocation, "generate-unique-filenames") != NULL;
	const bool overwrite = mail_options_text(invocation, "overwrite") != NULL;
	const char *mode = mail_options_text(invocation, "mode");
	if (unique && overwrite)
		return error_set(err, ERROR_USAGE,
				 "--generate-unique-filenames and --overwrite exclude each other");
	if (mode != NULL && folder_mode_parse(mode, &request->mode) != 0)
		return error_set(err, ERROR_USAGE, "--mode takes an octal number, such as 640");
	request->existing = unique	? MAIL_EXISTING_NUMBERED
			    : overwrite ? MAIL_EXISTING_REPLACED
					: MAIL_EXISTING_REFUSED;
	return 0;
}

/* Which messages are looked for, where the command has such options. */
static int mail_options_filter(const struct invocation *invocation, struct mail_filter *filter,
			       struct error *err)
{
	const struct {
		const char *option;
		int64_t *time_ms;
	} times[] = {{"since", &filter->since_ms},
		     {"until", &filter->until_ms},
		     {"sent-since", &filter->sent_since_ms},
		     {"sent-until", &filter->sent_until_ms}};
	filter->subject = mail_options_text(invocation, "subject");
	filter->from = mail_options_text(invocation, "from");
	filter->to = mail_options_text(invocation, "to");
	filter->text = mail_options_text(invocation, "text");
	filter->flag = mail_options_text(invocation, "flag");
	for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
		if (mail_options_text(invocation, times[i].option) != NULL &&
		    invocation_time(invocation, times[i].option, -1, times[i].time_ms, err) != 0)
			return -1;
	}
	return 0;
}

/* Reads what belongs to the action; mail_check() knows which options it must have. */
int mail_options_request(const struct invocation *invocation, enum mail_action action,
			 struct mail_request *ret_request, struct error *err)
{
	struct mail_request request = {
	    .action = action,
	    .folder = mail_options_text(invocation, "folder"),
	    .new_folder = mail_options_text(invocation, "new-folder"),
	    .uid = mail_options_text(invocation, "uid"),
	    .message_number = mail_options_text(invocation, "message-number"),
	    .recurse = mail_options_text(invocation, "recurse") != NULL,
	    .all = mail_options_text(invocation, "all") != NULL,
	    .attachment_path = mail_options_text(invocation, "attachment-path"),
	    .dry_run = mail_options_text(invocation, "dry-run") != NULL,
	    .reopen = mail_options_reopen,
	    .reopen_context = invocation,
	};
	if (mail_options_files(invocation, &request, err) != 0 ||
	    mail_options_filter(invocation, &request.filter, err) != 0)
		return -1;
	if (action == MAIL_APPEND && mail_options_append(invocation, &request, err) != 0)
		return -1;
	if (mail_options_number(invocation, "start-row", &request.start_row, err) != 0 ||
	    mail_options_number(invocation, "max-rows", &request.max_rows, err) != 0 ||
	    mail_options_go_on(invocation, &request.go_on, err) != 0)
		return -1;
	*ret_request = request;
	return 0;
}
