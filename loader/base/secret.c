/* Reads a password or token from its source (a file, a variable, a command, a systemd
 * credential, the terminal) and keeps one in a file. Every buffer that has held one is wiped, and
 * a process that reads one leaves no core. */
#include "loader/base/secret.h"

#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "loader/base/visible.h"
#include "queue/base/scoped.h"
#include "queue/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

enum { SECRET_MAX_SIZE = 64 * 1024, SECRET_TIMEOUT_MS = 30000 };
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

struct secret {
	size_t length;
	char text[];
};

static const char *const source_names[] = {
    [SECRET_PROMPT] = "prompt",
    [SECRET_FILE] = "file",
    [SECRET_ENV] = "env",
    [SECRET_COMMAND] = "command",
    [SECRET_CREDENTIAL] = "credential",
    [SECRET_TOKEN_COMMAND] = "token-command",
};

const char *secret_source_format(enum secret_source source)
{
	return source_names[source];
}

int secret_source_parse(const char *text, enum secret_source *ret_source)
{
	for (size_t i = 0; i < G_N_ELEMENTS(source_names); i++) {
		if (strcmp(text, source_names[i]) == 0) {
			*ret_source = (enum secret_source)i;
			return 0;
		}
	}
	return -1;
}

/* Whoever repeats it later is not shown: the list of what is hidden outlives the secret. */
struct secret *secret_new(const char *bytes, size_t length)
{
	redact_add(bytes, length);
	struct secret *secret = g_malloc(sizeof *secret + length + 1);
	secret->length = length;
	memcpy(secret->text, bytes, length);
	secret->text[length] = '\0';
	return secret;
}

/* Wiped before it is released, so that no later reader of the memory finds it. */
void secret_free(struct secret *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret->text, secret->length);
	g_free(secret);
}

void secret_wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	g_free(text);
}

const char *secret_text(const struct secret *secret)
{
	return secret->text;
}

/* From now on no core of this process is written, and no other process of its user may look into
 * its memory. A limit alone does not keep a core from a program that the system hands cores to. */
static void secret_guard_memory(void)
{
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* the leak checker looks into the memory from outside */
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* Bytes as read from a source; wiped with its scope. */
struct secret_buffer {
	size_t length;
	char bytes[SECRET_MAX_SIZE + 1];
};

static void secret_buffer_free(struct secret_buffer *buffer)
{
	if (buffer == NULL)
		return;
	explicit_bzero(buffer->bytes, sizeof buffer->bytes);
	g_free(buffer);
}
SCOPED_DEFINE(struct secret_buffer *, secret_buffer_free)

/* The secret is the first line: an editor leaves a newline at the end of a file, and some put a
 * byte order mark at its beginning. A CR or NUL inside could not be sent to any server, and is an
 * error rather than half a password. */
static int secret_from_bytes(const char *bytes, size_t length, const char *what,
			     struct secret **ret_secret, struct error *err)
{
	const char *end = memchr(bytes, '\n', length);
	if (end != NULL)
		length = (size_t)(end - bytes);
	if (length >= strlen(BYTE_ORDER_MARK) &&
	    memcmp(bytes, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) {
		bytes += strlen(BYTE_ORDER_MARK);
		length -= strlen(BYTE_ORDER_MARK);
	}
	if (length > 0 && bytes[length - 1] == '\r')
		length--;
	if (length == 0)
		return error_set(err, ERROR_CREDENTIALS, "%s is empty", what);
	if (length > SECRET_MAX_SIZE)
		return error_set(err, ERROR_CREDENTIALS, "%s is longer than 64 KiB", what);
	if (memchr(bytes, '\r', length) != NULL || memchr(bytes, '\0', length) != NULL)
		return error_set(err, ERROR_CREDENTIALS, "%s holds a CR or NUL", what);
	*ret_secret = secret_new(bytes, length);
	return 0;
}

/* Reads to the end, to the buffer's end, or to the deadline; the descriptor does not block, so that a
 * pipe without a writer is at its end at once. 0, or -1 with errno. */
static int secret_read_descriptor(int descriptor, int64_t deadline_ms, struct secret_buffer *buffer)
{
	while (buffer->length < sizeof buffer->bytes) {
		ssize_t got = read(descriptor, buffer->bytes + buffer->length,
				   sizeof buffer->bytes - buffer->length);
		if (got == 0)
			return 0;
		if (got > 0) {
			buffer->length += (size_t)got;
			continue;
		}
		if (errno != EINTR && errno != EAGAIN)
			return -1;
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		struct pollfd wait = {.fd = descriptor, .events = POLLIN};
		if (left_ms <= 0 || poll(&wait, 1, (int)left_ms) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}

/* A file that others can read or change is refused before it is read: the operator corrects its mode
 * once, and a password that others have read must be changed. A pipe, as a shell makes for `<(…)`,
 * has 30 s. */
static int secret_read_file(const char *path, const char *what, mode_t forbidden,
			    struct secret **ret_secret, struct error *err)
{
	scoped(descriptor_close) int descriptor =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	if (descriptor < 0 || fstat(descriptor, &status) != 0)
		return error_set(err, ERROR_CONFIGURATION, "%s '%s': %s", what, path,
				 g_strerror(errno));
	if (S_ISREG(status.st_mode) && (status.st_mode & forbidden) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "%s '%s' can be read by other users: chmod 600 it", what, path);
	if (S_ISREG(status.st_mode) && trust_check_secret(what, path, err) != 0)
		return -1;
	scoped(secret_buffer_free) struct secret_buffer *buffer = g_new0(struct secret_buffer, 1);
	if (secret_read_descriptor(descriptor, clock_monotonic_ms() + SECRET_TIMEOUT_MS, buffer) !=
	    0)
		return error_set(err, ERROR_CONFIGURATION, "%s '%s': %s", what, path,
				 g_strerror(errno));
	g_autofree char *named = g_strdup_printf("%s '%s'", what, path);
	return secret_from_bytes(buffer->bytes, buffer->length, named, ret_secret, err);
}

static int secret_read_environment(const char *name, struct secret **ret_secret, struct error *err)
{
	const char *value = getenv(name);
	if (value == NULL)
		return error_set(err, ERROR_CONFIGURATION, "environment variable %s is not set",
				 name);
	g_autofree char *named = g_strdup_printf("environment variable %s", name);
	return secret_from_bytes(value, strlen(value), named, ret_secret, err);
}

/* systemd puts credentials into a folder of the service; a name with a slash would lead out of
 * it. */
static int secret_read_credential(const char *name, struct secret **ret_secret, struct error *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	if (folder == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "credential '%s': CREDENTIALS_DIRECTORY is not set; it is for a "
				 "systemd service with LoadCredential=",
				 name);
	if (strchr(name, '/') != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "credential '%s' must be a name, not a path", name);
	g_autofree char *path = g_build_filename(folder, name, NULL);
	/* systemd may let the service's user in by an access control list; the mask of that list
	 * stands in place of the group's permissions. */
	return secret_read_file(path, "credential", S_IRWXO, ret_secret, err);
}

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
static int secret_read_command(const char *reference, const char *what, struct secret **ret_secret,
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

/* Every source ends in the same check of its first line. */
int secret_read(enum secret_source source, const char *reference, struct secret **ret_secret,
		struct error *err)
{
	secret_guard_memory();
	switch (source) {
	case SECRET_PROMPT:
		return secret_read_file(reference, "kept password", S_IRWXG | S_IRWXO, ret_secret,
					err);
	case SECRET_FILE:
		return secret_read_file(reference, "password file", S_IRWXG | S_IRWXO, ret_secret,
					err);
	case SECRET_ENV:
		return secret_read_environment(reference, ret_secret, err);
	case SECRET_CREDENTIAL:
		return secret_read_credential(reference, ret_secret, err);
	case SECRET_COMMAND:
		return secret_read_command(reference, "password command", ret_secret, err);
	case SECRET_TOKEN_COMMAND:
		return secret_read_command(reference, "token command", ret_secret, err);
	}
	return error_set(err, ERROR_SOFTWARE, "unknown password source %d", (int)source);
}

/* Reads one line from the terminal without echo, and puts its settings back. 0, or -1 with
 * errno. */
static int secret_read_terminal(int terminal, const char *question, struct secret_buffer *buffer)
{
	struct termios before;
	if (tcgetattr(terminal, &before) != 0)
		return -1;
	struct termios silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	if (tcsetattr(terminal, TCSAFLUSH, &silent) != 0)
		return -1;
	g_autofree char *shown = visible_line(question);
	dprintf(terminal, "%s", shown);
	ssize_t got = read(terminal, buffer->bytes, SECRET_MAX_SIZE);
	int saved = errno;
	tcsetattr(terminal, TCSAFLUSH, &before);
	dprintf(terminal, "\n");
	errno = saved;
	buffer->length = got > 0 ? (size_t)got : 0;
	return got < 0 ? -1 : 0;
}

/* Goes to the terminal itself: standard input may be a script. */
int secret_ask(const char *question, struct secret **ret_secret, struct error *err)
{
	secret_guard_memory();
	scoped(descriptor_close) int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (terminal < 0)
		return error_set(err, ERROR_USAGE,
				 "no terminal to ask for the password: give --password-file, "
				 "--password-env, --password-command or --password-credential");
	scoped(secret_buffer_free) struct secret_buffer *buffer = g_new0(struct secret_buffer, 1);
	if (secret_read_terminal(terminal, question, buffer) != 0)
		return error_set(err, ERROR_IO, "asking for the password: %s", g_strerror(errno));
	return secret_from_bytes(buffer->bytes, buffer->length, "the password", ret_secret, err);
}

/* Writes all of it and syncs: the queue's definition is committed next, and must not name a file
 * without a password. */
static int secret_write(int descriptor, const struct secret *secret)
{
	size_t done = 0;
	while (done < secret->length) {
		ssize_t put = write(descriptor, secret->text + done, secret->length - done);
		if (put < 0 && errno != EINTR)
			return -1;
		if (put > 0)
			done += (size_t)put;
	}
	return fsync(descriptor);
}

static int secret_sync_folder(const char *folder)
{
	scoped(descriptor_close) int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return descriptor < 0 ? -1 : fsync(descriptor);
}

/* A new file takes the place of the old one by rename(), so that a kill leaves either the old
 * password or the new one. */
int secret_keep(const struct secret *secret, const char *path, struct error *err)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *draft = g_strconcat(path, ".XXXXXX", NULL);
	if (g_mkdir_with_parents(folder, 0700) != 0)
		return error_set(err, ERROR_IO, "folder '%s': %s", folder, g_strerror(errno));
	scoped(descriptor_close) int descriptor = g_mkstemp_full(draft, O_RDWR | O_CLOEXEC, 0600);
	if (descriptor < 0)
		return error_set(err, ERROR_IO, "password file '%s': %s", path, g_strerror(errno));
	if (secret_write(descriptor, secret) != 0 || rename(draft, path) != 0 ||
	    secret_sync_folder(folder) != 0) {
		int saved = errno;
		unlink(draft);
		return error_set(err, ERROR_IO, "password file '%s': %s", path, g_strerror(saved));
	}
	return 0;
}
