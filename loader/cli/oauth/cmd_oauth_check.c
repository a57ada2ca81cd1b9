/* `oauth check`: from the token to the right to move mail, a line for each step, and the first that fails
 * is the error. */
#include "loader/cli/oauth/oauth_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/define/check.h"
#include "loader/define/definition.h"
#include "loader/oauth/oauth.h"
#include "loader/source/mailbox.h"
#include "queue/base/scoped.h"

#include <string.h>

/* As wide as the labels of `queue check`. */
enum { CMD_OAUTH_LABEL = 13 };

/* ---- whose mailbox ---- */

struct cmd_oauth_search {
	const char *account;
	char *queue; /* the first that has it */
};

static bool cmd_oauth_is_of(const struct work_queue *queue, const char *account)
{
	return strcmp(queue->credential_source, secret_source_format(SECRET_OAUTH)) == 0 &&
	       g_strcmp0(queue->credential_reference, account) == 0;
}

static int cmd_oauth_try_queue(const struct work_queue *queue, void *context)
{
	struct cmd_oauth_search *search = context;
	if (search->queue == NULL && cmd_oauth_is_of(queue, search->account))
		search->queue = g_strdup(queue->name);
	return 0;
}

/* The queue that is named, else the first with this account; none where there is no database either. */
static int cmd_oauth_find_queue(const struct invocation *invocation, struct work_queue **ret_queue,
				struct error *err)
{
	struct cmd_oauth_search search = {.account = invocation->arguments[0]};
	scoped(store_close) struct store *store = NULL;
	const char *named = invocation_text(invocation, "queue");
	if (invocation_open(invocation, STORE_READ, &store, err) != 0)
		return named == NULL && err->reason == REASON_MISSING ? 0 : -1;
	if (named == NULL && work_queue_list(store, cmd_oauth_try_queue, &search, err) != 0)
		return -1;
	g_autofree char *found = named != NULL ? g_strdup(named) : search.queue;
	if (found != NULL && work_queue_find(store, found, ret_queue, err) != 0)
		return -1;
	if (*ret_queue != NULL && !cmd_oauth_is_of(*ret_queue, search.account))
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "queue '%s' does not sign in by this account: `inqueue queue alter "
		    "%s --oauth %s` lets it",
		    found, found, search.account);
	return 0;
}

/* Without a queue it is the provider's server, and the account's own user. */
static int cmd_oauth_draft_queue(const struct oauth_account *account, struct work_queue **ret_queue,
				 struct error *err)
{
	const char *name = oauth_account_name(account);
	scoped(work_queue_free) struct work_queue *draft = definition_new("check");
	g_autofree char *server = oauth_setting(account, "imap-server");
	g_autofree char *user = oauth_setting(account, "user");
	if (server == NULL || user == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "account '%s': no queue has it: `inqueue oauth login %s` with "
				 "--imap-server and --user says where to sign in",
				 name, name);
	g_autofree char *text = g_strdup_printf("url=\"%s\";ssl=True", server);
	if (definition_set(draft, "connection-string", text, err) != 0 ||
	    definition_set(draft, "user-name", user, err) != 0 ||
	    definition_set(draft, "oauth", name, err) != 0)
		return -1;
	*ret_queue = steal(&draft);
	return 0;
}

/* ---- the steps ---- */

struct cmd_oauth_check {
	bool json;
	json_t *document;
	bool reported; /* the mailbox was opened */
};

/* A step is printed when it is done: the next one may wait for a server. */
static void cmd_oauth_say(const char *name, const char *value, void *context)
{
	const struct cmd_oauth_check *check = context;
	if (check->json)
		json_object_set_new(check->document, name, output_json_text(value));
	else
		output_field(name, CMD_OAUTH_LABEL, value);
}

/* check_run() reports when the mailbox is open, and may fail after that: what is found out is
 * printed even so. */
static void cmd_oauth_report(const struct check_result *result, void *context)
{
	struct cmd_oauth_check *check = context;
	g_autofree char *server = g_strdup_printf("%s:%u", result->host, (unsigned)result->port);
	check->reported = true;
	cmd_oauth_say("server", server, context);
	cmd_oauth_say("sign-in", result->facts.mechanism, context);
	cmd_oauth_say("mailbox", result->folders[MAILBOX_SOURCE].name, context);
	cmd_oauth_say("moving", result->moving, context);
}

/* The mail server's own words come first, then where to look. */
static int cmd_oauth_explain(const struct cmd_oauth_check *check,
			     const struct oauth_account *account, struct error *err)
{
	if (check->reported)
		return error_prefix(err, "moving");
	if (err->kind == ERROR_UNREACHABLE || err->kind == ERROR_CONFIGURATION)
		return error_prefix(err, "connection");
	const bool refused = err->reason == REASON_SIGN_IN;
	g_autofree char *said = g_strdup(err->text);
	const enum error_reason reason = err->reason;
	error_fill(err, err->kind, "%s: %s; %s", refused ? "sign-in" : "mailbox", said,
		   oauth_advice(account));
	err->reason = reason;
	return -1;
}

static int cmd_oauth_steps(struct cmd_oauth_check *check, const struct invocation *invocation,
			   const struct oauth_account *account, const struct work_queue *queue,
			   struct error *err)
{
	scoped(secret_free) struct secret *token = NULL;
	g_autofree char *path = oauth_path(invocation->database, oauth_account_name(account));
	/* The provider is heard before the mail server is, so the rights go now and not in
	 * check_run(). */
	if (mailbox_confine(queue, invocation->database, err) != 0)
		return -1;
	if (oauth_token(path, queue->user_name, &token, err) != 0)
		return error_prefix(err, "token");
	cmd_oauth_say("user", queue->user_name, check);
	cmd_oauth_say("token", "ok", check);
	if (oauth_inspect(account, token, clock_now_ms(), cmd_oauth_say, check, err) != 0)
		return error_prefix(err, "token");
	if (check_run(queue, invocation->database, cmd_oauth_report, check, err) != 0)
		return cmd_oauth_explain(check, account, err);
	return 0;
}

int cmd_oauth_check(const struct invocation *invocation, struct error *err)
{
	const char *name = invocation->arguments[0];
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	struct cmd_oauth_check check = {.json = invocation->json, .document = json_object()};
	if (oauth_check_name(name, err) != 0)
		return -1;
	g_autofree char *path = oauth_path(invocation->database, name);
	/* With --json, the steps that were good are printed also where a later one fails. */
	int failed = oauth_account_open(path, &account, err);
	if (failed == 0)
		failed = cmd_oauth_find_queue(invocation, &queue, err);
	if (failed == 0 && queue == NULL)
		failed = cmd_oauth_draft_queue(account, &queue, err);
	if (failed == 0)
		failed = cmd_oauth_steps(&check, invocation, account, queue, err);
	if (check.json && json_object_size(check.document) > 0)
		output_json_print(json_incref(check.document));
	json_decref(check.document);
	return failed != 0 ? error_prefix(err, "oauth check '%s'", name) : 0;
}
