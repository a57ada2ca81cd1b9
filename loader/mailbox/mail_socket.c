/*
 * The sockets of opened connections: their folder, which must belong to this user alone, listening
 * and connecting, and lines of words. Reads take no byte beyond a line, because IMAP follows on the
 * socket.
 */
#include "loader/mailbox/mail_connection_internal.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

enum { MAIL_SOCKET_LINE_MAX = 64 * 1024, MAIL_SOCKET_BACKLOG = 64 };

/* --- the folder -------------------------------------------------------- */

/* After `sudo -E` the variable names another user's folder. */
static const char *mail_socket_runtime_folder(void)
{
	const char *folder = g_getenv("XDG_RUNTIME_DIR");
	struct stat status;
	if (folder == NULL || *folder != '/' || stat(folder, &status) != 0 ||
	    status.st_uid != geteuid())
		return NULL;
	return folder;
}

/* /run/user/1000/inqueue, or what stands in for it where nobody has logged in. */
char *mail_socket_folder_path(void)
{
	const char *runtime = mail_socket_runtime_folder();
	if (runtime != NULL)
		return g_build_filename(runtime, "inqueue", NULL);
	if (geteuid() == 0)
		return g_strdup("/run/inqueue");
	g_autofree char *name = g_strdup_printf("inqueue-%lu", (unsigned long)geteuid());
	return g_build_filename(g_get_tmp_dir(), name, NULL);
}

int mail_socket_open_folder(bool create, int *ret_folder, struct error *err)
{
	g_autofree char *path = mail_socket_folder_path();
	struct stat status;
	*ret_folder = -1;
	if (create && mkdir(path, 0700) != 0 && errno != EEXIST)
		return error_set(err, ERROR_IO, "folder '%s' for open connections: %s", path,
				 g_strerror(errno));
	scoped(descriptor_close) int folder =
	    open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder < 0 && errno == ENOENT && !create)
		return 0;
	if (folder < 0 || fstat(folder, &status) != 0)
		return error_set(err, ERROR_IO, "folder '%s' for open connections: %s", path,
				 g_strerror(errno));
	/* Anybody may have made it in /tmp before us. */
	if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
		return error_set(err, ERROR_CREDENTIALS,
				 "folder '%s' for open connections must belong to you alone (mode "
				 "0700)",
				 path);
	*ret_folder = descriptor_steal(&folder);
	return 0;
}

int mail_socket_check_name(const char *name, struct error *err)
{
	size_t length = strlen(name);
	bool good = length >= 1 && length <= 64 && *name != '.';
	for (const char *at = name; *at != '\0'; at++)
		good = good && (g_ascii_isalnum(*at) || strchr("._-", *at) != NULL);
	if (good)
		return 0;
	return error_set(err, ERROR_USAGE,
			 "'%s' cannot be a connection's name: 1 to 64 letters, digits, '.', '_' "
			 "and '-', and no '.' first",
			 name);
}

char *mail_socket_file(const char *name)
{
	return g_strconcat(name, ".sock", NULL);
}

char *mail_socket_path(const char *name)
{
	g_autofree char *folder = mail_socket_folder_path();
	g_autofree char *file = mail_socket_file(name);
	return g_build_filename(folder, file, NULL);
}

/* Goes through the folder's descriptor: its path may be longer than the 108 bytes of an address. */
static struct sockaddr_un mail_socket_address(int folder, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s.sock", folder,
		   name);
	return address;
}

/* --- both ends --------------------------------------------------------- */

int mail_socket_listen(int folder, const char *name, int *ret_listener, struct error *err)
{
	struct sockaddr_un address = mail_socket_address(folder, name);
	g_autofree char *file = mail_socket_file(name);
	scoped(descriptor_close) int listener =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (unlinkat(folder, file, 0) != 0 && errno != ENOENT)
		return error_set(err, ERROR_IO, "connection '%s': %s", name, g_strerror(errno));
	if (listener < 0 ||
	    bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    fchmodat(folder, file, 0600, 0) != 0 || listen(listener, MAIL_SOCKET_BACKLOG) != 0)
		return error_set(err, ERROR_IO, "connection '%s': %s", name, g_strerror(errno));
	*ret_listener = descriptor_steal(&listener);
	return 0;
}

bool mail_socket_is_ours(int socket)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       peer.uid == geteuid();
}

void mail_socket_limit(int socket, uint32_t timeout_s)
{
	struct timeval limit = {.tv_sec = (time_t)timeout_s};
	setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* 0: nobody listens there, which is no error; a file may be left of a keeper that was killed. */
int mail_socket_explain(const char *name, int number, struct error *err)
{
	if (number == ENOENT || number == ECONNREFUSED)
		return 0;
	return error_set(err, number == EAGAIN ? ERROR_TEMPORARY : ERROR_IO, "connection '%s': %s",
			 name, g_strerror(number));
}

int mail_socket_check_peer(int socket, const char *name, struct error *err)
{
	if (mail_socket_is_ours(socket))
		return 0;
	return error_set(err, ERROR_CREDENTIALS, "connection '%s' is another user's", name);
}

int mail_socket_connect(int folder, const char *name, uint32_t timeout_s, int *ret_socket,
			struct error *err)
{
	struct sockaddr_un address = mail_socket_address(folder, name);
	scoped(descriptor_close) int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*ret_socket = -1;
	if (client < 0)
		return error_set(err, ERROR_IO, "connection '%s': %s", name, g_strerror(errno));
	mail_socket_limit(client, timeout_s);
	if (connect(client, (const struct sockaddr *)&address, sizeof address) != 0)
		return mail_socket_explain(name, errno, err);
	if (mail_socket_check_peer(client, name, err) != 0)
		return -1;
	*ret_socket = descriptor_steal(&client);
	return 0;
}

/* --- words ------------------------------------------------------------- */

int mail_socket_read_line(int socket, char **ret_line)
{
	g_autoptr(GString) line = g_string_new(NULL);
	/* Byte by byte: what follows the line is not ours to take. */
	char byte;
	while (line->len < MAIL_SOCKET_LINE_MAX) {
		ssize_t got = recv(socket, &byte, 1, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = ECONNRESET;
		if (got <= 0)
			return -1;
		if (byte == '\n') {
			*ret_line = g_string_free(steal(&line), FALSE);
			return 0;
		}
		g_string_append_c(line, byte);
	}
	errno = EMSGSIZE;
	return -1;
}

int mail_socket_write_line(int socket, const char *line)
{
	g_autofree char *whole = g_strconcat(line, "\n", NULL);
	size_t size = strlen(whole);
	for (size_t done = 0; done < size;) {
		ssize_t put = send(socket, whole + done, size - done, MSG_NOSIGNAL);
		if (put < 0 && errno != EINTR)
			return -1;
		done += put > 0 ? (size_t)put : 0;
	}
	return 0;
}
