/* Reads a password or token from its source (a file, a variable, a command: secret_command.c, a systemd
 * credential, the terminal) and keeps one in a file. Every buffer that has held one is wiped, and
 * a process that reads one leaves no core. */
#include "loader/base/secret_internal.h"

#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "loader/base/visible.h"
#include "queue/base/scoped.h"
#include "queue/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>

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
    [SECRET_OAUTH] = "oauth",
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

/* These two give an access token (OAUTHBEARER, XOAUTH2), all others a password. */
bool secret_source_is_token(enum secret_source source)
{
	return source == SECRET_TOKEN_COMMAND || source == SECRET_OAUTH;
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

/* A limit alone does not keep a core from a program that the system hands cores to. */
void secret_guard_memory(void)
{
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* the leak checker looks into the memory from outside */
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

void secret_buffer_free(struct secret_buffer *buffer)
{
	if (buffer == NULL)
		return;
	explicit_bzero(buffer->bytes, sizeof buffer->bytes);
	g_free(buffer);
}

/* The secret is the first line: an editor leaves a newline at the end of a file, and some put a
 * byte order mark at its beginning. A CR or NUL inside could not be sent to any server, and is an
 * error rather than half a password. */
int secret_from_bytes(const char *bytes, size_t length, const char *what,
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

/* A key has many lines, but no NUL. */
int secret_from_text(const char *bytes, size_t length, const char *what, struct secret **ret_secret,
		     struct error *err)
{
	if (length == 0)
		return error_set(err, ERROR_CREDENTIALS, "%s is empty", what);
	if (length > SECRET_MAX_SIZE)
		return error_set(err, ERROR_CREDENTIALS, "%s is longer than 64 KiB", what);
	if (memchr(bytes, '\0', length) != NULL)
		return error_set(err, ERROR_CREDENTIALS, "%s holds a NUL", what);
	*ret_secret = secret_new(bytes, length);
	return 0;
}

/* Until the end or the buffer's, by the deadline. A full buffer is too long for a secret: the caller says so. */
int secret_read_descriptor(int descriptor, int64_t deadline_ms, struct secret_buffer *buffer)
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
 * once, and a password that others have read must be changed. */
static int check_status(const char *what, const char *path, const struct stat *status,
			mode_t forbidden, struct error *err)
{
	if (!S_ISREG(status->st_mode))
		return 0;
	if ((status->st_mode & forbidden) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "%s '%s' can be read by other users: chmod 600 it", what, path);
	return trust_check_secret(what, path, err);
}

/* A file that is not there yet is no fault: it may be made before the next run. */
int secret_check_file(const char *what, const char *path, struct error *err)
{
	struct stat status;
	return stat(path, &status) == 0 ? check_status(what, path, &status, S_IRWXG | S_IRWXO, err)
					: 0;
}

/* A pipe, as a shell makes for `<(…)`, has 30 s. */
static int secret_read_file(const char *path, const char *what, mode_t forbidden,
			    secret_taker *take, struct secret **ret_secret, struct error *err)
{
	scoped(descriptor_close) int descriptor =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	if (descriptor < 0 || fstat(descriptor, &status) != 0)
		return error_set(err, ERROR_CONFIGURATION, "%s '%s': %s", what, path,
				 g_strerror(errno));
	if (check_status(what, path, &status, forbidden, err) != 0)
		return -1;
	scoped(secret_buffer_free) struct secret_buffer *buffer = g_new0(struct secret_buffer, 1);
	if (secret_read_descriptor(descriptor, clock_monotonic_ms() + SECRET_TIMEOUT_MS, buffer) !=
	    0)
		return error_set(err, ERROR_CONFIGURATION, "%s '%s': %s", what, path,
				 g_strerror(errno));
	g_autofree char *named = g_strdup_printf("%s '%s'", what, path);
	return take(buffer->bytes, buffer->length, named, ret_secret, err);
}

/* systemd puts credentials into a folder of the service. */
char *secret_path(enum secret_source source, const char *reference)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	if (source == SECRET_FILE || source == SECRET_PROMPT)
		return g_strdup(reference);
	return source == SECRET_CREDENTIAL && folder != NULL
		   ? g_build_filename(folder, reference, NULL)
		   : NULL;
}

/* A name with a slash would lead out of the folder. */
static int secret_read_credential(const char *name, secret_taker *take, struct secret **ret_secret,
				  struct error *err)
{
	g_autofree char *path = secret_path(SECRET_CREDENTIAL, name);
	if (path == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "credential '%s': CREDENTIALS_DIRECTORY is not set: only a "
				 "systemd service with LoadCredential= has it",
				 name);
	if (strchr(name, '/') != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "credential '%s' must be a name, not a path", name);
	/* systemd may let the service's user in by an access control list; the mask of that list
	 * stands in place of the group's permissions. */
	return secret_read_file(path, "credential", S_IRWXO, take, ret_secret, err);
}

/* Token services answer with JSON; a token never begins like it. */
static int secret_read_token(const char *reference, secret_taker *take, struct secret **ret_secret,
			     struct error *err)
{
	scoped(secret_free) struct secret *token = NULL;
	if (secret_read_command(reference, "token command", take, &token, err) != 0)
		return -1;
	if (token->text[0] == '{' || token->text[0] == '[')
		return error_set(err, ERROR_CREDENTIALS,
				 "the token command printed '%c', the beginning of JSON: it has to "
				 "print the access token alone, as `jq -r .access_token` does",
				 token->text[0]);
	*ret_secret = steal(&token);
	return 0;
}

/* Memory is guarded before the first byte is read. `noun` names the source for an error: "password file", or just
 * "file". */
int secret_read_by(secret_taker *take, const char *noun, enum secret_source source,
		   const char *reference, struct secret **ret_secret, struct error *err)
{
	const mode_t others = S_IRWXG | S_IRWXO;
	g_autofree char *file = g_strconcat(noun, "file", NULL);
	g_autofree char *command = g_strconcat(noun, "command", NULL);
	secret_guard_memory();
	switch (source) {
	case SECRET_PROMPT:
		return secret_read_file(reference, "kept password", others, take, ret_secret, err);
	case SECRET_FILE:
		return secret_read_file(reference, file, others, take, ret_secret, err);
	case SECRET_ENV:
		return secret_read_variable(reference, take, ret_secret, err);
	case SECRET_CREDENTIAL:
		return secret_read_credential(reference, take, ret_secret, err);
	case SECRET_COMMAND:
		return secret_read_command(reference, command, take, ret_secret, err);
	case SECRET_TOKEN_COMMAND:
		return secret_read_token(reference, take, ret_secret, err);
	case SECRET_OAUTH: /* it takes more than reading */
		break;
	}
	return error_set(err, ERROR_SOFTWARE, "unknown password source %d", (int)source);
}

int secret_read(enum secret_source source, const char *reference, struct secret **ret_secret,
		struct error *err)
{
	return secret_read_by(secret_from_bytes, "password ", source, reference, ret_secret, err);
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
int secret_ask(const char *what, const char *question, struct secret **ret_secret,
	       struct error *err)
{
	secret_guard_memory();
	scoped(descriptor_close) int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (terminal < 0)
		return error_set(err, ERROR_USAGE,
				 "no terminal to ask for %s: an option can say where it comes "
				 "from, such as --password-file or --client-secret",
				 what);
	scoped(secret_buffer_free) struct secret_buffer *buffer = g_new0(struct secret_buffer, 1);
	if (secret_read_terminal(terminal, question, buffer) != 0)
		return error_set(err, ERROR_IO, "asking for %s: %s", what,
				 errno == EINTR ? "interrupted" : g_strerror(errno));
	return secret_from_bytes(buffer->bytes, buffer->length, what, ret_secret, err);
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

/* The new name is on the disk as well, and not only the bytes. */
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
