/* `mail script`: does the actions of a file, one in each line, over one session that is opened
 * again when it is lost. A line is parsed like a command line; one that begins with { is an
 * object with the same names. */
#include "loader/cli/mail/mail_internal.h"

#include "loader/base/folder.h"
#include "loader/base/service.h"
#include "loader/cli/frame/output.h"
#include "loader/confine/confine.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* With 64 KiB a line can name some ten thousand UIDs. */
enum { MAIL_SCRIPT_LINE_MAX = 64 * 1024 };

/* What holds from line to line. */
struct mail_script {
	const struct invocation *invocation;
	FILE *file;
	unsigned line_number;
	struct mail_session *session; /* NULL: to be opened by the next line */
	char *only_below;	      /* a folder: lines name no file elsewhere; NULL: they may */
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

static int mail_script_check_place(const struct mail_script *script, const char *path,
				   struct error *err)
{
	if (folder_has(script->only_below, path))
		return 0;
	return error_set(
	    err, ERROR_USAGE,
	    "'%s' does not lie in '%s', and lines that come through a pipe may name "
	    "files only there: give the script --attachment-path FOLDER, or its lines in "
	    "a file",
	    path, script->only_below);
}

/* Landlock, where the kernel has it, would only say that permission is denied. */
static int mail_script_check_places(const struct mail_script *script, const struct invocation *line,
				    struct error *err)
{
	const char *folder = mail_options_text(line, "attachment-path");
	if (script->only_below == NULL)
		return 0;
	if (folder != NULL && mail_script_check_place(script, folder, err) != 0)
		return -1;
	for (size_t i = 0; i < line->argument_count; i++) {
		if (mail_script_check_place(script, line->arguments[i], err) != 0)
			return -1;
	}
	return 0;
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
	if (mail_script_check_places(script, line, err) != 0 ||
	    mail_options_request(line, action, &request, err) != 0)
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
	mail_view_end(view, failed != 0);
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

/* A list stands for a set, [1, 2] for "1,2". NULL: the value is no word. Caller frees. */
static char *mail_script_word(const json_t *value)
{
	if (json_is_string(value))
		return g_strdup(json_string_value(value));
	if (json_is_integer(value))
		return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (!json_is_array(value))
		return NULL;
	g_autoptr(GString) set = g_string_new(NULL);
	size_t index;
	const json_t *member;
	json_array_foreach(value, index, member)
	{
		g_autofree char *word = json_is_array(member) ? NULL : mail_script_word(member);
		if (word == NULL)
			return NULL;
		g_string_append_printf(set, "%s%s", index > 0 ? "," : "", word);
	}
	return g_string_free(g_steal_pointer(&set), FALSE);
}

/* "uid": 17 is --uid=17; true is an option without a value, false and null are none. */
static int mail_script_member(const char *key, const json_t *value, GPtrArray *words,
			      struct error *err)
{
	if (json_is_null(value) || json_is_false(value))
		return 0;
	g_autofree char *word = json_is_true(value) ? NULL : mail_script_word(value);
	if (word == NULL && !json_is_true(value))
		return error_set(err, ERROR_USAGE,
				 "'%s' takes a text, a number, a list of these, true or false",
				 key);
	g_ptr_array_add(words, word != NULL ? g_strdup_printf("--%s=%s", key, word)
					    : g_strdup_printf("--%s", key));
	return 0;
}

/* {"action": "moveMail", "uid": [1, 2], "newFolder": "Done"}, with the names of the tag's attributes; "file" is
 * what `mail append` takes. */
static int mail_script_read_json(const char *text, char ***ret_words, struct error *err)
{
	json_error_t failure;
	json_auto_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &failure);
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
	const char *key;
	json_t *value;
	if (object == NULL)
		return error_set(err, ERROR_DATA, "not JSON: %s", failure.text);
	const char *action = json_string_value(json_object_get(object, "action"));
	if (action == NULL)
		return error_set(err, ERROR_USAGE, "there is no \"action\" in it");
	g_ptr_array_add(words, g_strdup("mail"));
	g_ptr_array_add(words, g_strdup(action));
	json_object_foreach(object, key, value)
	{
		if (strcmp(key, "action") != 0 && strcmp(key, "file") != 0 &&
		    mail_script_member(key, value, words, err) != 0)
			return -1;
	}
	const char *file = json_string_value(json_object_get(object, "file"));
	if (file != NULL) {
		g_ptr_array_add(words, g_strdup("--"));
		g_ptr_array_add(words, g_strdup(file));
	}
	g_ptr_array_add(words, NULL);
	*ret_words = (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
	return 0;
}

/* A line is words as in a shell, or an object. */
static int mail_script_read(const char *text, char ***ret_words, struct error *err)
{
	g_autoptr(GError) failure = NULL;
	g_autofree char *whole = g_strconcat("mail ", text, NULL);
	if (*text == '{')
		return mail_script_read_json(text, ret_words, err);
	g_strstrip(whole);
	if (!g_shell_parse_argv(whole, NULL, ret_words, &failure))
		return error_set(err, ERROR_USAGE, "%s", failure->message);
	return 0;
}

/* Empty lines and lines that begin with # are passed over. */
static int mail_script_line(struct mail_script *script, const char *text, struct error *err)
{
	g_auto(GStrv) words = NULL;
	const char *first = text + strspn(text, " \t\r\n");
	if (*first == '\0' || *first == '#')
		return 0;
	if (!g_utf8_validate(text, -1, NULL))
		return error_set(err, ERROR_DATA, "line %u: not UTF-8", script->line_number);
	if (mail_script_read(first, &words, err) != 0)
		return error_prefix(err, "line %u", script->line_number);
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

/* The lines are read once before the server is heard: what they name is left to this process, and nothing else.
 * What is wrong with one is said when its turn comes. */
static void mail_script_allow_lines(FILE *file)
{
	g_autofree char *text = g_malloc(MAIL_SCRIPT_LINE_MAX);
	const long begin = ftell(file);
	while (fgets(text, MAIL_SCRIPT_LINE_MAX, file) != NULL) {
		g_auto(GStrv) words = NULL;
		const char *first = text + strspn(text, " \t\r\n");
		struct invocation line;
		enum mail_action action;
		struct error ignored;
		if (*first == '\0' || *first == '#' || !g_utf8_validate(text, -1, NULL) ||
		    mail_script_read(first, &words, &ignored) != 0 ||
		    mail_script_parse(words, &line, &action, &ignored) != 0)
			continue;
		mail_session_allow_folder(mail_options_text(&line, "attachment-path"));
		for (size_t i = 0; i < line.argument_count; i++)
			confine_allow(line.arguments[i]);
	}
	fseek(file, begin, SEEK_SET);
}

/* Lines that come through a pipe are read when the server was heard: one folder is left for them. */
static int mail_script_allow_pipe(struct mail_script *script, struct error *err)
{
	const char *named = mail_options_text(script->invocation, "attachment-path");
	scoped(descriptor_close) int folder = -1;
	if (named != NULL && folder_open(named, true, &folder, err) != 0)
		return error_prefix(err, "attachment path");
	script->only_below = realpath(named != NULL ? named : ".", NULL);
	if (script->only_below == NULL)
		return error_set(err, ERROR_IO, "the current folder: %s", g_strerror(errno));
	mail_session_allow_folder(script->only_below);
	return 0;
}

/* A file can be read to and fro; a pipe cannot. */
static int mail_script_allow(struct mail_script *script, struct error *err)
{
	struct stat status;
	if (fstat(fileno(script->file), &status) != 0 || !S_ISREG(status.st_mode))
		return mail_script_allow_pipe(script, err);
	mail_script_allow_lines(script->file);
	return 0;
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
	int failed = mail_script_allow(&script, err);
	if (failed == 0)
		failed = mail_script_ready(&script, err);
	if (failed == 0)
		failed = mail_script_lines(&script, err);
	mail_session_close(script.session);
	g_free(script.only_below);
	if (script.file != stdin)
		fclose(script.file);
	return failed;
}
