/* A password or token that a command prints: the command is kept as argv with its whole path, must be one
 * that no other user can change, and runs without a shell. */
#include "loader/base/secret_internal.h"

#include "loader/base/clock.h"
#include "queue/base/trust.h"

#include <errno.h>
#include <glib-unix.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* The whole path of what a shell would run now. A path may name what will be installed later; what is there
 * already must be safe. Caller frees. */
static int secret_find_command(const char *name, char **ret_path, struct error *err)
{
	g_autofree char *found =
	    strchr(name, '/') != NULL ? g_strdup(name) : g_find_program_in_path(name);
	if (found == NULL)
		return error_set(err, ERROR_CONFIGURATION, "there is no command '%s' in $PATH",
				 name);
	g_autofree char *path = g_canonicalize_filename(found, NULL);
	if (access(path, F_OK) == 0 && trust_check_command("command", path, err) != 0)
		return -1;
	*ret_path = steal(&path);
	return 0;
}

/* The database holds argv as JSON, so that no quoting has to be undone when the command runs; and the
 * program's whole path, so that no other one of that name runs then. */
int secret_command_parse(const char *words, char **ret_reference, struct error *err)
{
	g_auto(GStrv) list = NULL;
	g_autoptr(GError) failure = NULL;
	if (!g_shell_parse_argv(words, NULL, &list, &failure))
		return error_set(err, ERROR_CONFIGURATION, "%s", failure->message);
	char *program;
	if (secret_find_command(list[0], &program, err) != 0)
		return -1;
	g_free(list[0]);
	list[0] = program;
	json_auto_t *array = json_array();
	for (char **word = list; *word != NULL; word++) {
		if (json_array_append_new(array, json_string(*word)) != 0)
			return error_set(err, ERROR_CONFIGURATION, "must be UTF-8 text");
	}
	*ret_reference = json_dumps(array, JSON_COMPACT);
	return 0;
}

/* A JSON list of strings as argv; the caller frees with g_strfreev(). */
static char **secret_parse_command(const char *reference)
{
	json_auto_t *list = json_loads(reference, 0, NULL);
	if (!json_is_array(list) || json_array_size(list) == 0)
		return NULL;
	g_auto(GStrv) words = g_new0(char *, json_array_size(list) + 1);
	size_t index;
	json_t *word;
	json_array_foreach(list, index, word)
	{
		if (!json_is_string(word))
			return NULL;
		words[index] = g_strdup(json_string_value(word));
	}
	return steal(&words);
}

int secret_check_command(const char *reference, struct error *err)
{
	g_auto(GStrv) words = secret_parse_command(reference);
	if (words == NULL)
		return error_set(err, ERROR_CONFIGURATION, "it is no JSON list of strings");
	return trust_check_command("command", words[0], err);
}

/* Waits for the child's end, and kills it when the deadline has passed. Returns its wait status. */
static int secret_reap(GPid child, int64_t deadline_ms)
{
	scoped(descriptor_close) int process = pidfd_open(child, 0);
	int64_t left_ms = deadline_ms - clock_monotonic_ms();
	struct pollfd wait = {.fd = process, .events = POLLIN};
	if (process < 0 || left_ms <= 0 || poll(&wait, 1, (int)left_ms) != 1)
		kill(child, SIGKILL);
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* The command has 30 s. Its output ends when it closes the pipe; only then its exit status says
 * whether what it printed counts. */
int secret_read_command(const char *reference, const char *what, struct secret **ret_secret,
			struct error *err)
{
	g_auto(GStrv) words = secret_parse_command(reference);
	if (words == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "the %s is not a JSON list of strings: %s", what, reference);
	g_autoptr(GError) failure = NULL;
	GPid child;
	scoped(descriptor_close) int output = -1;
	if (trust_check_command(what, words[0], err) != 0)
		return -1;
	if (!g_spawn_async_with_pipes(NULL, words, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
				      &child, NULL, &output, NULL, &failure))
		return error_set(err, ERROR_CONFIGURATION, "%s '%s': %s", what, words[0],
				 failure->message);
	scoped(secret_buffer_free) struct secret_buffer *buffer = g_new0(struct secret_buffer, 1);
	int64_t deadline_ms = clock_monotonic_ms() + SECRET_TIMEOUT_MS;
	g_unix_set_fd_nonblocking(output, TRUE, NULL);
	bool late = secret_read_descriptor(output, deadline_ms, buffer) != 0;
	descriptor_close_scoped(&output);
	output = -1;
	int status = secret_reap(child, late ? 0 : deadline_ms);
	if (late)
		return error_set(err, ERROR_CREDENTIALS, "%s '%s': no answer in 30 s", what,
				 words[0]);
	if (status != 0)
		return error_set(err, ERROR_CREDENTIALS, "%s '%s' failed (%s %d)", what, words[0],
				 WIFEXITED(status) ? "exit status" : "signal",
				 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	g_autofree char *named = g_strdup_printf("output of %s '%s'", what, words[0]);
	return secret_from_bytes(buffer->bytes, buffer->length, named, ret_secret, err);
}
