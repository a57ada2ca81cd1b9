/* A password or token that a command prints: the command is kept as argv with its whole path, must
 * be one that no other user can change, and runs without a shell. */
#include "loader/base/secret_internal.h"

#include "loader/base/clock.h"
#include "loader/base/folder.h"
#include "loader/base/redact.h"
#include "loader/base/starter.h"
#include "loader/base/visible.h"
#include "queue/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a line that a command says, so many bytes are kept. */
enum { SECRET_LINE_MAX = 500 };

/* Where others may change it, or a server that has taken over the process that hears it, nothing is run. */
static int secret_check_program(const char *what, const char *path, struct error *err)
{
	if (trust_check_command(what, path, err) != 0)
		return -1;
	if (folder_temporary_has(path))
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "%s '%s' lies among temporary files ('%s'), where the processes that "
		    "talk to servers may write: put it elsewhere",
		    what, path, folder_temporary());
	return 0;
}

/* The whole path of what a shell would run now. A path may name what will be installed later; what
 * is there already must be safe. Caller frees. */
static int secret_find_command(const char *name, char **ret_path, struct error *err)
{
	g_autofree char *found =
	    strchr(name, '/') != NULL ? g_strdup(name) : g_find_program_in_path(name);
	if (found == NULL)
		return error_set(err, ERROR_CONFIGURATION, "there is no command '%s' in $PATH",
				 name);
	g_autofree char *path = g_canonicalize_filename(found, NULL);
	if (access(path, F_OK) == 0 && secret_check_program("command", path, err) != 0)
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

/* Quotes are for words that a shell would split or change. What is no list of words is given as it
 * is. */
char *secret_command_format(const char *reference)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_@%+=:,./-";
	g_auto(GStrv) list = secret_parse_command(reference);
	for (char **word = list; word != NULL && *word != NULL; word++) {
		if (**word != '\0' && strspn(*word, plain) == strlen(*word))
			continue;
		char *quoted = g_shell_quote(*word);
		g_free(*word);
		*word = quoted;
	}
	return list != NULL ? g_strjoinv(" ", list) : g_strdup(reference);
}

int secret_check_command(const char *reference, struct error *err)
{
	g_auto(GStrv) words = secret_parse_command(reference);
	if (words == NULL)
		return error_set(err, ERROR_CONFIGURATION, "it is no JSON list of strings");
	return secret_check_program("command", words[0], err);
}

/* What the command says on standard error is shown on ours as it comes: it may ask for a key. Its last
 * line is kept, which says most often why it failed. */
struct secret_words {
	int descriptor; /* -1: it is closed */
	struct visible shown;
	size_t line_length;
	size_t last_length;
	char line[SECRET_LINE_MAX]; /* the one that is being said */
	char last[SECRET_LINE_MAX]; /* the last one that is not blank */
};

static void secret_words_end_line(struct secret_words *words)
{
	while (words->line_length > 0 && g_ascii_isspace(words->line[words->line_length - 1]))
		words->line_length--;
	if (words->line_length > 0) {
		memcpy(words->last, words->line, words->line_length);
		words->last_length = words->line_length;
	}
	words->line_length = 0;
}

/* What goes beyond SECRET_LINE_MAX bytes of a line is shown, but not kept. */
static void secret_words_keep(struct secret_words *words, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n')
			secret_words_end_line(words);
		else if (words->line_length < sizeof words->line)
			words->line[words->line_length++] = bytes[i];
	}
}

/* Fit for an error, without secrets; NULL where it has said nothing. Caller frees. */
static char *secret_words_last(struct secret_words *words)
{
	secret_words_end_line(words);
	if (words->last_length == 0)
		return NULL;
	g_autofree char *harmless = redact(words->last, words->last_length);
	return visible_line(harmless);
}

/* Until there is nothing more at the moment; the other side's end closes ours. */
static void secret_words_pass_on(struct secret_words *words)
{
	char bytes[4096];
	ssize_t got;
	while ((got = read(words->descriptor, bytes, sizeof bytes)) > 0) {
		visible_put(&words->shown, bytes, (size_t)got, stderr);
		secret_words_keep(words, bytes, (size_t)got);
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close(words->descriptor);
	words->descriptor = -1;
}

/* What the command has started and left may go on to write: nobody waits for that. */
static void secret_words_end(struct secret_words *words)
{
	if (words->descriptor >= 0)
		secret_words_pass_on(words);
	visible_put_end(&words->shown, stderr);
	if (words->descriptor >= 0)
		close(words->descriptor);
}

/* Until there is something at `descriptor`, or it is closed; passes words on meanwhile. 0, or -1
 * with errno when the deadline has passed. */
static int secret_await(int descriptor, struct secret_words *words, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd wait[] = {{.fd = descriptor, .events = POLLIN},
					{.fd = words->descriptor, .events = POLLIN}};
		const int64_t left_ms = clock_left_ms(deadline_ms);
		const int ready = left_ms > 0 ? poll(wait, G_N_ELEMENTS(wait), (int)left_ms) : 0;
		if (ready == 0)
			errno = ETIMEDOUT;
		if (ready == 0 || (ready < 0 && errno != EINTR))
			return -1;
		if (ready > 0 && wait[1].revents != 0)
			secret_words_pass_on(words);
		if (ready > 0 && wait[0].revents != 0)
			return 0;
	}
}

/* To the end, or to the buffer's end. 0, or -1 with errno. */
static int secret_read_output(int output, struct secret_words *words, int64_t deadline_ms,
			      struct secret_buffer *buffer)
{
	while (buffer->length < sizeof buffer->bytes) {
		if (secret_await(output, words, deadline_ms) != 0)
			return -1;
		const ssize_t got = read(output, buffer->bytes + buffer->length,
					 sizeof buffer->bytes - buffer->length);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -1;
		buffer->length += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

/* Waits for the child's end, and kills it when the deadline has passed. Returns its wait status. */
static int secret_reap(const struct starter_child *child, struct secret_words *words,
		       int64_t deadline_ms)
{
	if (secret_await(child->process, words, deadline_ms) != 0)
		pidfd_send_signal(child->process, SIGKILL, NULL, 0);
	int status = 0;
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(child->process);
	return status;
}

/* What it has printed may be the secret all the same, and its words may repeat it. */
static int secret_explain_failure(const char *what, const char *program, int status,
				  struct secret_words *words, const struct secret_buffer *printed,
				  struct error *err)
{
	struct secret *hidden = NULL;
	struct error ignored;
	if (secret_from_bytes(printed->bytes, printed->length, what, &hidden, &ignored) == 0)
		secret_free(hidden);
	g_autofree char *last = secret_words_last(words);
	return error_set(err, ERROR_CREDENTIALS, "%s '%s' failed (%s %d)%s%s", what, program,
			 WIFEXITED(status) ? "exit status" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
			 last != NULL ? ": " : "", last != NULL ? last : "");
}

static struct starter_program secret_program(char *const *words)
{
	return (struct starter_program){
	    .arguments = words, .first_descriptor = STDOUT_FILENO, .descriptor_count = 2};
}

/* Said before this process gives up the right to start programs (starter.h). */
void secret_allow(enum secret_source source, const char *reference)
{
	if (source != SECRET_COMMAND && source != SECRET_TOKEN_COMMAND)
		return;
	g_auto(GStrv) words = secret_parse_command(reference);
	if (words == NULL)
		return;
	const struct starter_program program = secret_program(words);
	starter_allow(&program);
}

/* With two pipes to write to. Returns 0 or an errno. */
static int secret_start(char *const *words, int *ret_output, int *ret_said,
			struct starter_child *ret_child)
{
	const struct starter_program program = secret_program(words);
	int output[2] = {-1, -1};
	int said[2] = {-1, -1};
	int failed = pipe2(output, O_CLOEXEC) != 0 || pipe2(said, O_CLOEXEC) != 0 ? errno : 0;
	const int descriptors[] = {output[1], said[1]};
	if (failed == 0)
		failed = starter_start(&program, descriptors, G_N_ELEMENTS(descriptors), ret_child);
	descriptor_close_scoped(&output[1]);
	descriptor_close_scoped(&said[1]);
	*ret_output = output[0];
	*ret_said = said[0];
	return failed;
}

/* The command has 30 s. Its output ends when it closes the pipe; only then its exit status says
 * whether what it printed counts. */
int secret_read_command(const char *reference, const char *what, secret_taker *take,
			struct secret **ret_secret, struct error *err)
{
	g_auto(GStrv) words = secret_parse_command(reference);
	if (words == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "the %s is not a JSON list of strings: %s", what, reference);
	struct starter_child child;
	scoped(descriptor_close) int output = -1;
	struct secret_words said = {.descriptor = -1, .shown = {.form = VISIBLE_TEXT}};
	if (secret_check_program(what, words[0], err) != 0)
		return -1;
	const int failed = secret_start(words, &output, &said.descriptor, &child);
	if (failed != 0)
		descriptor_close_scoped(&said.descriptor);
	if (failed != 0)
		return error_set(err, ERROR_CONFIGURATION, "%s '%s': %s", what, words[0],
				 g_strerror(failed));
	scoped(secret_buffer_free) struct secret_buffer *buffer = g_new0(struct secret_buffer, 1);
	int64_t deadline_ms = clock_monotonic_ms() + SECRET_TIMEOUT_MS;
	g_unix_set_fd_nonblocking(said.descriptor, TRUE, NULL);
	bool late = secret_read_output(output, &said, deadline_ms, buffer) != 0;
	descriptor_close_scoped(&output);
	output = -1;
	int status = secret_reap(&child, &said, late ? 0 : deadline_ms);
	secret_words_end(&said);
	if (late)
		return error_set(err, ERROR_CREDENTIALS, "%s '%s': no answer in 30 s", what,
				 words[0]);
	if (status != 0)
		return secret_explain_failure(what, words[0], status, &said, buffer, err);
	g_autofree char *named = g_strdup_printf("output of %s '%s'", what, words[0]);
	return take(buffer->bytes, buffer->length, named, ret_secret, err);
}
