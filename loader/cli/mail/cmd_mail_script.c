/* `mail script`: does the actions of a file, one in each line, over one session that is opened
 * again when it is lost. A line is parsed like a command line. */
#include "loader/cli/mail/mail_internal.h"

#include "loader/base/service.h"
#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With 64 KiB a line can name some ten thousand UIDs. */
enum { MAIL_SCRIPT_LINE_MAX = 64 * 1024 };

/* What holds from line to line. */
struct mail_script {
	const struct invocation *invocation;
	FILE *file;
	unsigned line_number;
	struct mail_session *session; /* NULL: to be opened by the next line */
	bool go_on;
	uint64_t failure_count;
	struct error first_failure;
};

/* --- a line ------------------------------------------------------------ */

/* The session, the format and the database belong to the whole script: a line that named
 * another account would act on a mailbox that nobody expects. */
static int mail_script_check_line(const struct invocation *line, struct error *err)
{
	static const char *const formats[] = {"csv", "csv-guard"};
	struct command_option option;
	for (size_t i = 0; mail_options_at(i, &option); i++) {
		if (mail_options_text(line, option.name) != NULL)
			return error_set(err, ERROR_USAGE, "--%s belongs to the whole script",
					 option.name);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
		if (mail_options_text(line, formats[i]) != NULL)
			return error_set(err, ERROR_USAGE, "--%s is not for scripts", formats[i]);
	}
	for (size_t i = 0; i < line->argument_count; i++) {
		if (strcmp(line->arguments[i], "-") == 0)
			return error_set(err, ERROR_USAGE, "standard input is not for scripts");
	}
	return invocation_check_arguments(line, err);
}

/* `words` has "mail" in front, so that a line names a command of the table. */
static int mail_script_parse(char **words, struct invocation *ret_line,
			     enum mail_action *ret_action, struct error *err)
{
	size_t count = g_strv_length(words);
	size_t length = 0;
	const struct command *command = command_find(words, count, &length);
	if (command == NULL || mail_options_action(command, ret_action) != 0)
		return error_set(err, ERROR_USAGE, "'%s' is no action of a script", words[1]);
	/* The last word of the name stands where a program's name would. */
	if (invocation_parse(ret_line, command, (int)(count - length + 1), words + length - 1,
			     err) != 0)
		return -1;
	return mail_script_check_line(ret_line, err);
}

/* A session that the server has closed is opened again for the next line. */
static int mail_script_ready(struct mail_script *script, struct error *err)
{
	if (script->session != NULL && !imapc_is_alive(script->session->imap)) {
		mail_session_close(script->session);
		script->session = NULL;
	}
	if (script->session != NULL)
		return 0;
	return mail_options_session(script->invocation, &script->session, err);
}

/* What holds for the whole script (--dry-run, --yes, --stop-on-error) holds for each of its
 * lines. */
static int mail_script_act(struct mail_script *script, const struct invocation *line,
			   enum mail_action action, struct error *err)
{
	scoped(mail_view_free) struct mail_view *view = NULL;
	struct mail_request request;
	struct mail_report report;
	enum mail_view_format format =
	    script->invocation->json ? MAIL_VIEW_JSON_LIST : MAIL_VIEW_TABLE;
	if (mail_options_request(line, action, &request, err) != 0)
		return -1;
	/* A line names no account. */
	request.reopen_context = script->invocation;
	request.dry_run = request.dry_run || invocation_flag(script->invocation, "dry-run");
	request.go_on =
	    request.go_on || (script->go_on && mail_options_text(line, "stop-on-error") == NULL);
	if (mail_check(&request, err) != 0 || mail_script_ready(script, err) != 0 ||
	    mail_view_new_for_line(line, &request, format,
				   invocation_flag(script->invocation, "yes"), &view, err) != 0)
		return -1;
	mail_view_report(view, &report);
	int failed = mail_run(script->session->imap, &request, &report, err);
	mail_view_end(view);
	return failed;
}

/* The rows stand inside {"line":…,"action":…,"rows":[ … ],"error":…} */
static void mail_script_begin_json(const struct mail_script *script, const char *action)
{
	if (!script->invocation->json)
		return;
	json_t *name = json_string(action);
	printf("{\"line\":%u,\"action\":", script->line_number);
	output_json_value(name);
	fputs(",\"rows\":[", stdout);
	json_decref(name);
}

/* Flushes, so that a program that reads line by line can go on. */
static void mail_script_end_json(const struct mail_script *script, const char *failure)
{
	json_t *text = output_json_text(failure);
	if (script->invocation->json) {
		fputs("],\"error\":", stdout);
		output_json_value(text);
		fputs("}\n", stdout);
	}
	fflush(stdout);
	json_decref(text);
}

/* The line's number stands before each of its errors. */
static int mail_script_do(struct mail_script *script, char **words, struct error *err)
{
	struct invocation line;
	enum mail_action action;
	int failed = mail_script_parse(words, &line, &action, err);
	mail_script_begin_json(script, failed == 0 ? mail_action_name(action) : words[1]);
	if (failed == 0)
		failed = mail_script_act(script, &line, action, err);
	if (failed != 0)
		error_prefix(err, "line %u", script->line_number);
	mail_script_end_json(script, failed != 0 ? err->text : NULL);
	return failed;
}

/* Empty lines and lines that begin with # are passed over. */
static int mail_script_line(struct mail_script *script, const char *text, struct error *err)
{
	g_auto(GStrv) words = NULL;
	g_autoptr(GError) failure = NULL;
	g_autofree char *whole = g_strconcat("mail ", text, NULL);
	g_strstrip(whole);
	const char *first = text + strspn(text, " \t\r\n");
	if (*first == '\0' || *first == '#')
		return 0;
	if (!g_utf8_validate(text, -1, NULL))
		return error_set(err, ERROR_DATA, "line %u: not UTF-8", script->line_number);
	if (!g_shell_parse_argv(whole, NULL, &words, &failure))
		return error_set(err, ERROR_USAGE, "line %u: %s", script->line_number,
				 failure->message);
	return mail_script_do(script, words, err);
}

/* --- all lines --------------------------------------------------------- */

/* 1: a line; 0: the end. */
static int mail_script_next(struct mail_script *script, char *line, struct error *err)
{
	if (fgets(line, MAIL_SCRIPT_LINE_MAX, script->file) == NULL)
		return ferror(script->file)
			   ? error_set(err, ERROR_IO, "script: %s", g_strerror(errno))
			   : 0;
	script->line_number++;
	if (strlen(line) == MAIL_SCRIPT_LINE_MAX - 1)
		return error_set(err, ERROR_DATA, "line %u: longer than 64 KiB",
				 script->line_number);
	return 1;
}

/* Goes on behind a failure where --stop-on-error says so. Each failure is said where it happens;
 * the first one is what the script ends with. */
static int mail_script_judge(struct mail_script *script, struct error *err)
{
	if (!script->go_on || stop_requested())
		return -1;
	if (script->failure_count++ == 0)
		script->first_failure = *err;
	else
		output_say("%s", err->text);
	return 0;
}

/* A signal ends the script between two lines. */
static int mail_script_lines(struct mail_script *script, struct error *err)
{
	g_autofree char *line = g_malloc(MAIL_SCRIPT_LINE_MAX);
	int more;
	while ((more = mail_script_next(script, line, err)) > 0) {
		if (mail_script_line(script, line, err) != 0 && mail_script_judge(script, err) != 0)
			return -1;
		if (stop_requested())
			return error_set(err, ERROR_TEMPORARY, "stopped by a signal");
	}
	if (more < 0 || script->failure_count == 0)
		return more;
	*err = script->first_failure;
	return -1;
}

/* Opens the session before the first line is read, so that a wrong password is said at once,
 * and before anybody types lines for nothing. */
int cmd_mail_script(const struct invocation *invocation, struct error *err)
{
	const char *path = invocation->arguments[0];
	struct mail_script script = {.invocation = invocation, .file = stdin};
	if (mail_options_go_on(invocation, &script.go_on, err) != 0)
		return -1;
	if (strcmp(path, "-") != 0)
		script.file = fopen(path, "re");
	if (script.file == NULL)
		return error_set(err, ERROR_IO, "script '%s': %s", path, g_strerror(errno));
	int failed = mail_script_ready(&script, err);
	if (failed == 0)
		failed = mail_script_lines(&script, err);
	mail_session_close(script.session);
	if (script.file != stdin)
		fclose(script.file);
	return failed;
}
