/* `oauth login`, `oauth list` and `oauth revoke`: options become an account's settings, a person is shown
 * where to sign in, and what is known of the accounts is listed. */
#include "loader/cli/oauth/oauth_internal.h"

#include "loader/base/clock.h"
#include "loader/base/folder.h"
#include "loader/base/starter.h"
#include "loader/cli/frame/output.h"
#include "loader/confine/confine.h"
#include "loader/oauth/oauth.h"
#include "queue/base/scoped.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- login ---- */

/* True where the command line sets anything: login is then also the way to change an account. */
static bool cmd_oauth_names_fields(const struct invocation *invocation)
{
	struct oauth_field field;
	bool names = false;
	for (size_t i = 0; oauth_field_at(i, &field); i++)
		names = names || invocation_text(invocation, field.name) != NULL;
	return names;
}

static int cmd_oauth_set_fields(const struct invocation *invocation, struct oauth_account *account,
				struct error *err)
{
	struct oauth_field field;
	for (size_t i = 0; oauth_field_at(i, &field); i++) {
		const char *value = invocation_text(invocation, field.name);
		if (value != NULL && oauth_account_set(account, field.name, value, err) != 0)
			return -1;
	}
	return 0;
}

/* The account as it is, or a new one. It is checked when all settings are in: --grant may stand
 * before or behind what it needs. */
static int cmd_oauth_draft(const struct invocation *invocation, const char *path,
			   struct oauth_account **ret_account, struct error *err)
{
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	if (oauth_account_open(path, &account, err) != 0) {
		if (err->reason != REASON_MISSING)
			return -1;
		account = oauth_account_new(path);
	}
	if (cmd_oauth_set_fields(invocation, account, err) != 0)
		return error_prefix(err, "account '%s'", invocation->arguments[0]);
	if (oauth_account_check(account, err) != 0)
		return -1;
	*ret_account = steal(&account);
	return 0;
}

/* A secret on the command line could be read by every user of the machine, in ps(1): it comes
 * from a source or from the terminal. */
static int cmd_oauth_ask_secret(struct oauth_account *account, struct error *err)
{
	scoped(secret_free) struct secret *secret = NULL;
	g_autofree char *question =
	    g_strdup_printf("Client secret of account '%s': ", oauth_account_name(account));
	if (!oauth_account_lacks_secret(account))
		return 0;
	if (!isatty(STDIN_FILENO))
		return error_set(err, ERROR_USAGE,
				 "account '%s': there is no terminal to ask for the client secret: "
				 "give --client-secret SOURCE",
				 oauth_account_name(account));
	if (secret_ask("the client secret", question, &secret, err) != 0)
		return -1;
	oauth_account_keep_secret(account, secret);
	return 0;
}

static void cmd_oauth_show(const char *text, void *context)
{
	(void)context;
	output_text(text);
	/* Where the output is a pipe, the address would else lie in a buffer while the person
	 * who needs it waits. */
	fflush(stdout);
}

/* A script may bring the answer on standard input. The line holds the code, which is worth a
 * token: it is wiped. */
static int cmd_oauth_ask(const char *question, struct secret **ret_answer, void *context,
			 struct error *err)
{
	char line[16384];
	(void)context;
	if (isatty(STDIN_FILENO))
		return secret_ask("the address", question, ret_answer, err);
	if (fgets(line, sizeof line, stdin) == NULL)
		return error_set(err, ERROR_USAGE, "standard input holds no address");
	g_strchomp(line);
	*ret_answer = secret_new(line, strlen(line));
	explicit_bzero(line, sizeof line);
	return 0;
}

static void cmd_oauth_allow(enum secret_source source, const char *reference, void *context)
{
	(void)context;
	g_autofree char *path = secret_path(source, reference);
	secret_allow(source, reference);
	confine_allow(path);
}

/* Before the provider is heard. A secret may come from a command, and this process starts none
 * afterwards: the starter does. */
static int cmd_oauth_confine(const struct invocation *invocation,
			     const struct oauth_account *account, struct error *err)
{
	g_autofree char *folder = oauth_folder(invocation->database);
	confine_allow_writing(folder);
	oauth_account_list_sources(account, cmd_oauth_allow, NULL);
	return starter_begin(err) != 0
		   ? -1
		   : confine_to_database(invocation->database, folder_temporary(), err);
}

/* Confined last: everything that an operator has named is read by now. */
static int cmd_oauth_sign_in(const struct invocation *invocation,
			     const struct oauth_account *account, const char *path,
			     struct error *err)
{
	const struct oauth_prompt prompt = {.show = cmd_oauth_show, .ask = cmd_oauth_ask};
	struct oauth_info info;
	oauth_describe(account, &info);
	oauth_info_clear(&info);
	if (cmd_oauth_confine(invocation, account, err) != 0)
		return -1;
	if (oauth_needs_person(account))
		return oauth_login_by_person(path, invocation_flag(invocation, "paste"), &prompt,
					     err);
	return oauth_login_by_itself(path, info.user != NULL ? info.user : "", err);
}

/* True where a person has signed in, and what was changed takes nothing of that back. */
static bool cmd_oauth_stays(const struct invocation *invocation,
			    const struct oauth_account *account)
{
	struct oauth_info info;
	oauth_describe(account, &info);
	const bool stays = oauth_needs_person(account) && info.signed_in &&
			   cmd_oauth_names_fields(invocation) &&
			   !invocation_flag(invocation, "paste");
	oauth_info_clear(&info);
	return stays;
}

/* What was given is kept also when the server refuses: the way out may lie there. */
int cmd_oauth_login(const struct invocation *invocation, struct error *err)
{
	const char *name = invocation->arguments[0];
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	if (oauth_check_name(name, err) != 0)
		return -1;
	g_autofree char *path = oauth_path(invocation->database, name);
	if (cmd_oauth_draft(invocation, path, &account, err) != 0 ||
	    cmd_oauth_ask_secret(account, err) != 0 || oauth_account_save(account, err) != 0)
		return -1;
	if (!cmd_oauth_stays(invocation, account))
		return cmd_oauth_sign_in(invocation, account, path, err);
	output_say("account '%s' is changed and stays signed in; `inqueue oauth login %s` signs in "
		   "anew",
		   name, name);
	return 0;
}

/* ---- list ---- */

static json_t *cmd_oauth_json(const char *name, const struct oauth_info *info,
			      const struct error *err)
{
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:b, s:o, s:o, s:o, s:o, s:s?}", "account", name,
			 "provider", info->provider, "grant", info->grant, "user", info->user,
			 "signed_in", (int)info->signed_in, "token_ends",
			 output_json_time_ms(info->token_ends_ms), "refresh_token_ends",
			 output_json_time_ms(info->refresh_ends_ms), "certificate_ends",
			 output_json_time_ms(info->certificate_ends_ms), "secret_ends",
			 output_json_time_ms(info->secret_ends_ms), "error",
			 err->kind != ERROR_NONE ? err->text : NULL);
}

/* What ends first of that which a person has to see to. */
static void cmd_oauth_end(const struct oauth_info *info, char text[static CLOCK_TEXT_SIZE])
{
	const int64_t ends[] = {info->secret_ends_ms, info->certificate_ends_ms,
				info->refresh_ends_ms};
	int64_t first_ms = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
		if (ends[i] != 0 && (first_ms == 0 || ends[i] < first_ms))
			first_ms = ends[i];
	}
	text[0] = '\0';
	if (first_ms == 0)
		return;
	output_time_s(first_ms / 1000, text);
	/* The day is enough, for what ends in weeks. */
	text[strlen("2026-01-31")] = '\0';
}

static void cmd_oauth_note(const char *words, void *context)
{
	output_table_note(context, words);
}

struct cmd_oauth_list {
	struct output_table *table; /* NULL: JSON */
};

struct cmd_oauth_users {
	const char *account;
	GString *names; /* "'invoices', 'orders'" */
};

/* An account that cannot be read has its row, with the reason below it. */
static void cmd_oauth_row(const char *name, const struct oauth_account *account,
			  const struct error *err, void *context)
{
	struct cmd_oauth_list *list = context;
	struct oauth_info info = {0};
	char end[CLOCK_TEXT_SIZE];
	if (account != NULL)
		oauth_describe(account, &info);
	if (list->table == NULL) {
		output_json_print(cmd_oauth_json(name, &info, err));
		oauth_info_clear(&info);
		return;
	}
	cmd_oauth_end(&info, end);
	const char *state = account == NULL ? "error" : info.signed_in ? "ready" : "not signed in";
	const char *const cells[] = {name, info.provider, info.grant, info.user, state, end};
	output_table_add(list->table, cells);
	if (account == NULL)
		output_table_note(list->table, err->text);
	else
		oauth_warnings(account, clock_now_ms(), cmd_oauth_note, list->table);
	oauth_info_clear(&info);
}

int cmd_oauth_list(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"ACCOUNT", OUTPUT_CUT, false}, {"PROVIDER", OUTPUT_LEFT, false},
	    {"GRANT", OUTPUT_LEFT, false},  {"USER", OUTPUT_CUT, false},
	    {"STATE", OUTPUT_LEFT, false},  {"ENDS", OUTPUT_LEFT, true},
	};
	(void)err;
	struct cmd_oauth_list list = {
	    .table = invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns))};
	/* An account that is damaged is a row, not an error: the others are listed all the same. */
	oauth_list(invocation->database, cmd_oauth_row, &list);
	if (list.table != NULL)
		output_table_print_or(list.table,
				      "no account has signed in: `inqueue oauth login`");
	return 0;
}

/* ---- revoke ---- */

static int cmd_oauth_take_user(const struct work_queue *queue, void *context)
{
	struct cmd_oauth_users *users = context;
	if (strcmp(queue->credential_source, secret_source_format(SECRET_OAUTH)) == 0 &&
	    g_strcmp0(queue->credential_reference, users->account) == 0)
		g_string_append_printf(users->names, "%s'%s'", users->names->len > 0 ? ", " : "",
				       queue->name);
	return 0;
}

/* The queues that sign in by the account; "" where there is none, or no database. Caller frees. */
static int cmd_oauth_list_users(const struct invocation *invocation, char **ret_names,
				struct error *err)
{
	struct cmd_oauth_users users = {.account = invocation->arguments[0],
					.names = g_string_new(NULL)};
	scoped(store_close) struct store *store = NULL;
	int failed = invocation_open(invocation, STORE_READ, &store, err);
	if (failed != 0 && err->reason == REASON_MISSING)
		failed = 0;
	else if (failed == 0)
		failed = work_queue_list(store, cmd_oauth_take_user, &users, err);
	*ret_names = g_string_free(users.names, FALSE);
	return failed;
}

static int cmd_oauth_confirm(const char *name, const char *users, struct error *err)
{
	if (!isatty(STDIN_FILENO))
		return error_set(err, ERROR_USAGE,
				 "account '%s': not revoked, there is no terminal to ask; --yes "
				 "revokes it",
				 name);
	if (*users != '\0'
		? output_ask("Revoke account '%s', by which %s sign in, and delete it", name, users)
		: output_ask("Revoke account '%s', and delete it", name))
		return 0;
	return error_set(err, ERROR_NO, "account '%s': not revoked", name);
}

/* The queues that use it are named before and after: they stop loading. */
int cmd_oauth_revoke(const struct invocation *invocation, struct error *err)
{
	const char *name = invocation->arguments[0];
	bool told;
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	if (oauth_check_name(name, err) != 0)
		return -1;
	g_autofree char *path = oauth_path(invocation->database, name);
	g_autofree char *users = NULL;
	if (cmd_oauth_list_users(invocation, &users, err) != 0 ||
	    (!invocation_flag(invocation, "yes") && cmd_oauth_confirm(name, users, err) != 0))
		return -1;
	/* It is opened for the list of its secrets, which the confined process may read;
	 * oauth_revoke() reads it again, under the lock. */
	if (oauth_account_open(path, &account, err) != 0 ||
	    cmd_oauth_confine(invocation, account, err) != 0 ||
	    oauth_revoke(path, !invocation_flag(invocation, "here"), &told, err) != 0)
		return -1;
	if (!told)
		output_say(
		    "account '%s' is deleted; its provider was not told: take its access back "
		    "there, where that matters",
		    name);
	if (*users != '\0')
		output_say(
		    "queues signed in by account '%s': %s; `inqueue oauth login %s` makes it anew, "
		    "`inqueue queue alter` gives a queue another source",
		    name, users, name);
	return 0;
}
