/*
 * mail_socket.h - where the sockets of opened connections lie, and the words spoken on them.
 *
 * The folder is $XDG_RUNTIME_DIR/inqueue, else /run/inqueue for root, else inqueue-UID in $TMPDIR
 * or /tmp. It belongs to this user alone (0700), and both ends of a socket look at the other's user
 * id.
 *
 * Words:  one line of JSON from the client ({"do": "use" | "describe" | "close"}), one back;
 *         {"kind", "text"} is an error. After "use" the socket carries IMAP.
 * Errors: IO, CREDENTIALS (the folder or the other end is somebody else's), TEMPORARY (no answer in
 *         time), USAGE (a name that cannot be one).
 */
#ifndef LOADER_MAILBOX_MAIL_SOCKET_H
#define LOADER_MAILBOX_MAIL_SOCKET_H

#include "queue/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Opens the folder; with `create` makes it. Without, *ret_folder is -1 where there is none. */
int mail_socket_open_folder(bool create, int *ret_folder, struct error *err);

/* Connection names: 1 to 64 letters, digits, '.', '_', '-'; no '.' first. */
int mail_socket_check_name(const char *name, struct error *err);

/* The file of a connection; the caller frees. */
char *mail_socket_file(const char *name);

/* Listens as `name`. A file that is there is replaced: the caller has looked whether it lives. */
int mail_socket_listen(int folder, const char *name, int *ret_listener, struct error *err);

/* Connects; *ret_socket is -1 where nobody listens. Reads and writes end after timeout_s. */
int mail_socket_connect(int folder, const char *name, uint32_t timeout_s, int *ret_socket,
			struct error *err);

/* Reads and writes end after timeout_s. */
void mail_socket_limit(int socket, uint32_t timeout_s);

/* Whether the other end is a process of this user. */
bool mail_socket_is_ours(int socket);

/* One line; the caller frees. Takes no byte behind it. -1 with errno. */
int mail_socket_read_line(int socket, char **ret_line);

/* A line; the newline is added. -1 with errno. */
int mail_socket_write_line(int socket, const char *line);

#endif
