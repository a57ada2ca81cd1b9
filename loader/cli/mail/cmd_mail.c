/* The actions on a mailbox: options become a request, and what comes of it goes to a view. And the connections
 * that are kept between commands: opened, closed, listed. */
#include "loader/cli/mail/mail_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/mailbox/mail_session.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- actions ---- */

/* Opens the view first: a wrong --columns costs no sign-in. */
static int cmd_mail_act(const struct invocation *invocation, enum mail_action action,
			struct error *err)
{
	scoped(mail_session_close) struct mail_session *session = NULL;
	scoped(mail_view_free) struct mail_view *view = NULL;
	struct mail_request request;
	struct mail_report report;
	if (mail_options_request(invocation, action, &request, err) != 0 ||
	    mail_view_new(invocation, &request, &view, err) != 0 ||
	    mail_check(&request, err) != 0 || mail_options_session(invocation, &session, err) != 0)
		return -1;
	mail_view_report(view, &report);
	mail_view_begin(view);
	int failed = mail_run(session->imap, &request, &report, err);
	mail_view_end(view, failed != 0);
	return failed;
}

/* All actions share this function: the name of the command says which one it is. */
int cmd_mail(const struct invocation *invocation, struct error *err)
{
	enum mail_action action;
	if (mail_options_action(invocation->command, &action) != 0)
		return error_set(err, ERROR_SOFTWARE, "'%s' has no action",
				 invocation->command->name);
	return cmd_mail_act(invocation, action, err);
}

/* A word that is left is an action that nobody knows; without one the mail is listed, as CFIMAP
 * does. */
int cmd_mail_default(const struct invocation *invocation, struct error *err)
{
	if (invocation->argument_count > 0)
		return error_set(err, ERROR_USAGE,
				 "'%s' is no action, or does not stand behind 'mail'; `inqueue "
				 "help` lists the actions",
				 invocation->arguments[0]);
	return cmd_mail_act(invocation, MAIL_GET_HEADER_ONLY, err);
}

/* ---- connections ---- */

/* A week: a process that is forgotten must not keep a password for ever. */
enum { MAIL_IDLE_MAX_S = 7 * 86400 };

/* The name stands as an argument, or as --connection like for the actions. */
static int cmd_mail_connection_name(const struct invocation *invocation, const char **ret_name,
				    struct error *err)
{
	const char *option = invocation_text(invocation, "connection");
	if ((option != NULL) == (invocation->argument_count > 0))
		return error_set(err, ERROR_USAGE,
				 "one name for the connection is needed: inqueue %s NAME",
				 invocation->command->name);
	*ret_name = option != NULL ? option : invocation->arguments[0];
	return 0;
}

/* The limit of --idle is checked before anybody is asked for a password. */
int cmd_mail_open(const struct invocation *invocation, struct error *err)
{
	scoped(mail_account_free) struct mail_account *account = NULL;
	const char *name;
	uint64_t idle_s;
	if (cmd_mail_connection_name(invocation, &name, err) != 0)
		return -1;
	if (invocation_number(invocation, "idle", 1, &idle_s, err) != 0)
		return -1;
	if (idle_s > MAIL_IDLE_MAX_S)
		return error_set(err, ERROR_USAGE, "--idle takes at most %d seconds",
				 (int)MAIL_IDLE_MAX_S);
	if (mail_options_account(invocation, &account, err) != 0)
		return -1;
	return mail_connection_open(name, account, (uint32_t)idle_s, err);
}

/* Needs no account: whoever may open the socket of the process may end it. */
int cmd_mail_close(const struct invocation *invocation, struct error *err)
{
	const char *name;
	if (cmd_mail_connection_name(invocation, &name, err) != 0)
		return -1;
	return mail_connection_close(name, err);
}

/* The process is there for those who want to end it by hand. */
static json_t *cmd_mail_connection_json(const struct mail_connection *connection)
{
	return json_pack("{s:s, s:s, s:I, s:s, s:o, s:o, s:I, s:I, s:I, s:b, s:I}", "connection",
			 connection->name, "server", connection->server, "port",
			 (json_int_t)connection->port, "username", connection->user_name, "opened",
			 output_json_time_ms(connection->opened_ms), "last_used",
			 output_json_time_ms(connection->used_ms), "idle_s",
			 (json_int_t)connection->idle_s, "uses", (json_int_t)connection->uses,
			 "sign_ins", (json_int_t)connection->sign_ins, "in_use",
			 (int)connection->in_use, "process", (json_int_t)connection->process);
}

/* All of a connection, a line each: a program has no terminal to fit. */
static void cmd_mail_tell_json(const struct mail_connection *connection, void *context)
{
	(void)context;
	output_json_print(cmd_mail_connection_json(connection));
}

/* A connection that nobody has used yet was only opened. */
static void cmd_mail_tell_row(const struct mail_connection *connection, void *context)
{
	char opened[CLOCK_TEXT_SIZE];
	char used[CLOCK_TEXT_SIZE] = "never";
	const int64_t now_ms = clock_now_ms();
	output_ago_ms(connection->opened_ms, now_ms, opened);
	if (connection->used_ms != 0)
		output_ago_ms(connection->used_ms, now_ms, used);
	g_autofree char *server =
	    g_strdup_printf("%s:%u", connection->server, (unsigned)connection->port);
	g_autofree char *uses = g_strdup_printf("%" PRId64, connection->uses);
	g_autofree char *sign_ins = g_strdup_printf("%" PRId64, connection->sign_ins);
	g_autofree char *process = g_strdup_printf("%" PRId64, connection->process);
	const char *const cells[] = {connection->name,
				     server,
				     connection->user_name,
				     connection->in_use ? "in use" : "free",
				     opened,
				     used,
				     uses,
				     sign_ins,
				     process};
	output_table_add(context, cells);
}

/* A row for each process that keeps a connection. */
int cmd_mail_list_connections(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"NAME", OUTPUT_LEFT, false},     {"SERVER", OUTPUT_LEFT, false},
	    {"USER", OUTPUT_LEFT, false},     {"STATE", OUTPUT_LEFT, false},
	    {"OPENED", OUTPUT_LEFT, false},   {"LAST USED", OUTPUT_LEFT, false},
	    {"USES", OUTPUT_RIGHT, false},    {"SIGN-INS", OUTPUT_RIGHT, false},
	    {"PROCESS", OUTPUT_RIGHT, false},
	};
	if (invocation->json)
		return mail_connection_list(cmd_mail_tell_json, NULL, err);
	struct output_table *table = output_table_new(columns, G_N_ELEMENTS(columns));
	int failed = mail_connection_list(cmd_mail_tell_row, table, err);
	output_table_print_or(table,
			      failed == 0 ? "no connections are open: `inqueue mail open`" : NULL);
	return failed;
}
