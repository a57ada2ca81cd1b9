/*
 * Opened connections, seen from a command: starts a keeper and waits for its report, so that `mail
 * open` fails where the keeper cannot sign in; reaches the keeper of a name by its socket and speaks
 * the words of mail_connection_internal.h with it. A socket without an answer counts as no
 * connection.
 */
#include "loader/mailbox/mail_connection_internal.h"

#include "loader/base/redact.h"
#include "loader/base/service.h"
#include "loader/base/starter.h"
#include "loader/imap/session/relay.h"
#include "queue/base/scoped.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* --- a keeper is started ----------------------------------------------------- */

/* Gives up everything of the command but its working folder, from which a token command may be run
 * by a relative path. Returns the descriptor for the report, or -1. */
static int mail_keeper_detach(int pipe_end)
{
	enum { KEPT = STDERR_FILENO + 1 };
	if (setsid() < 0 || (pipe_end != KEPT && dup3(pipe_end, KEPT, O_CLOEXEC) < 0) ||
	    close_range(KEPT + 1, ~0U, 0) != 0)
		return -1;
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int standard = STDIN_FILENO; nothing >= 0 && standard <= STDERR_FILENO; standard++)
		dup2(nothing, standard);
	return nothing < 0 ? -1 : KEPT;
}

static _Noreturn void mail_keeper_child(const char *name, struct mail_account *account,
					uint32_t idle_s, int pipe_end)
{
	stop_install();
	int kept = mail_keeper_detach(pipe_end);
	if (kept < 0)
		_exit(EXIT_FAILURE);
	/* The password must not get into a core dump. */
	prctl(PR_SET_DUMPABLE, 0);
	mail_keeper_run(name, account, idle_s, kept);
}

/* Waits for the keeper's word. */
static int mail_keeper_listen(int pipe_end, const char *name, const char *host, struct error *err)
{
	struct mail_keeper_report report;
	size_t taken = 0;
	while (taken < sizeof report) {
		ssize_t got = read(pipe_end, (char *)&report + taken, sizeof report - taken);
		if (got < 0 && errno == EINTR && !stop_requested())
			continue;
		if (got <= 0)
			return error_set(err, ERROR_SOFTWARE,
					 "connection '%s': its process ended before it was open: a "
					 "fault of inqueue, which %s may have brought about",
					 name, host);
		taken += (size_t)got;
	}
	if (report.failed == 0)
		return 0;
	*err = report.err;
	return -1;
}

/* Returns when the session is signed in and can be used under this name, or with the reason why
 * not. */
static int mail_keeper_start(const char *name, struct mail_account *account, uint32_t idle_s,
			     struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set(err, ERROR_IO, "connection '%s': %s", name, g_strerror(errno));
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		mail_keeper_child(name, account, idle_s, ends[1]);
	}
	int saved = errno;
	close(ends[1]);
	scoped(descriptor_close) int pipe_end = ends[0];
	if (child < 0)
		return error_set(err, ERROR_IO, "connection '%s': %s", name, g_strerror(saved));
	if (mail_keeper_listen(pipe_end, name, account->server->url, err) == 0)
		return 0;
	waitpid(child, NULL, 0);
	return error_prefix(err, "open '%s'", name);
}

/* A keeper answers "close" and "describe" at once; a list looks at so many files of the folder. */
enum { MAIL_CONNECTION_WORD_S = 10, MAIL_CONNECTION_FILES_MAX = 10000 };

SCOPED_DEFINE(DIR *, closedir)

static int mail_connection_missing(const char *name, struct error *err)
{
	return error_set(err, ERROR_NO,
			 "no connection named '%s' is open; `inqueue mail open %s` opens one", name,
			 name);
}

/* *ret_socket is -1 if nobody listens under that name. */
static int mail_connection_dial(const char *name, uint32_t timeout_s, int *ret_socket,
				struct error *err)
{
	scoped(descriptor_close) int folder = -1;
	*ret_socket = -1;
	if (mail_socket_check_name(name, err) != 0 ||
	    mail_socket_open_folder(false, &folder, err) != 0)
		return -1;
	return folder < 0 ? 0 : mail_socket_connect(folder, name, timeout_s, ret_socket, err);
}

void mail_connection_allow(const char *name)
{
	struct error ignored;
	if (mail_socket_check_name(name, &ignored) != 0)
		return;
	g_autofree char *path = mail_socket_path(name);
	starter_allow_socket(path);
}

/* The same for who has given up the right to make a socket. */
static int mail_connection_reach(const char *name, uint32_t timeout_s, int *ret_socket,
				 struct error *err)
{
	scoped(descriptor_close) int folder = -1;
	scoped(descriptor_close) int reached = -1;
	g_autofree char *path = mail_socket_path(name);
	*ret_socket = -1;
	if (mail_socket_check_name(name, err) != 0 ||
	    mail_socket_open_folder(false, &folder, err) != 0)
		return -1;
	const int failed = folder < 0 ? ENOENT : starter_connect(path, timeout_s, &reached);
	if (failed != 0)
		return mail_socket_explain(name, failed, err);
	mail_socket_limit(reached, timeout_s);
	if (mail_socket_check_peer(reached, name, err) != 0)
		return -1;
	*ret_socket = descriptor_steal(&reached);
	return 0;
}

static int mail_connection_read_answer(int socket, const char *name, uint32_t timeout_s,
				       json_t **ret_answer, struct error *err)
{
	g_autofree char *line = NULL;
	if (mail_socket_read_line(socket, &line) != 0)
		return errno == EAGAIN
			   ? error_set(err, ERROR_TEMPORARY,
				       "connection '%s' is in use, or its server does not "
				       "answer: nothing within %u s",
				       name, timeout_s)
			   : mail_connection_missing(name, err);
	json_auto_t *answer = json_loads(line, 0, NULL);
	const char *text = json_string_value(json_object_get(answer, "text"));
	if (text != NULL) {
		error_set(err, (enum error_kind)json_integer_value(json_object_get(answer, "kind")),
			  "%s", text);
		return error_prefix(err, "connection '%s'", name);
	}
	if (!json_is_object(answer))
		return error_set(err, ERROR_SOFTWARE,
				 "connection '%s' gives an answer that makes no sense", name);
	*ret_answer = steal(&answer);
	return 0;
}

/* A keeper that dies in between counts as gone. `socket` is -1 where nobody listens. */
static int mail_connection_say(int socket, const char *name, const char *word, uint32_t timeout_s,
			       json_t **ret_answer, struct error *err)
{
	g_autofree char *line = g_strdup_printf("{\"do\":\"%s\"}", word);
	if (socket < 0 || mail_socket_write_line(socket, line) != 0)
		return mail_connection_missing(name, err);
	return mail_connection_read_answer(socket, name, timeout_s, ret_answer, err);
}

static int mail_connection_ask(const char *name, const char *word, json_t **ret_answer,
			       struct error *err)
{
	scoped(descriptor_close) int socket = -1;
	if (mail_connection_dial(name, MAIL_CONNECTION_WORD_S, &socket, err) != 0)
		return -1;
	return mail_connection_say(socket, name, word, MAIL_CONNECTION_WORD_S, ret_answer, err);
}

int mail_connection_taken(const char *name, struct error *err)
{
	return error_set(err, ERROR_NO,
			 "a connection named '%s' is open already; `inqueue mail close %s` ends it",
			 name, name);
}

int mail_connection_open(const char *name, struct mail_account *account, uint32_t idle_s,
			 struct error *err)
{
	scoped(descriptor_close) int other = -1;
	if (mail_connection_dial(name, MAIL_CONNECTION_WORD_S, &other, err) != 0)
		return -1;
	if (other >= 0)
		return mail_connection_taken(name, err);
	return mail_keeper_start(name, account, idle_s, err);
}

/* The client takes the socket for a session that is signed in: secrets to hide and the last tag come with it. */
static int mail_connection_adopt(int *socket, const json_t *answer, uint32_t timeout_s,
				 struct mail_session *session, struct error *err)
{
	const char *server = json_string_value(json_object_get(answer, "server"));
	const char *hidden = json_string_value(json_object_get(answer, "hidden"));
	json_int_t tag = json_integer_value(json_object_get(answer, "tag"));
	if (hidden != NULL)
		redact_import(hidden);
	if (server == NULL || tag < 0 || tag > INT32_MAX)
		return error_set(err, ERROR_SOFTWARE, "its answer makes no sense");
	if (connection_string_parse(server, &session->server, err) != 0)
		return -1;
	/* Each command has its own patience; the keeper's was that of its opener. */
	session->server->timeout_s = timeout_s;
	return imapc_adopt(session->server, descriptor_steal(socket), (int)tag, &session->imap,
			   err);
}

int mail_connection_use(const char *name, uint32_t timeout_s, struct mail_session **ret_session,
			struct error *err)
{
	scoped(mail_session_close) struct mail_session *session = g_new0(struct mail_session, 1);
	scoped(descriptor_close) int socket = -1;
	json_auto_t *answer = NULL;
	if (mail_connection_reach(name, timeout_s, &socket, err) != 0 ||
	    mail_connection_say(socket, name, "use", timeout_s, &answer, err) != 0)
		return -1;
	if (mail_connection_adopt(&socket, answer, timeout_s, session, err) != 0)
		return error_prefix(err, "connection '%s'", name);
	*ret_session = steal(&session);
	return 0;
}

int mail_connection_close(const char *name, struct error *err)
{
	json_auto_t *answer = NULL;
	return mail_connection_ask(name, "close", &answer, err);
}

/* --- list -------------------------------------------------------------- */

static int64_t mail_connection_number(const json_t *answer, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(answer, key));
}

/* A connection that is gone by now is no failure of the list. */
static int mail_connection_describe(const char *name,
				    void (*tell)(const struct mail_connection *, void *),
				    void *context, struct error *err)
{
	json_auto_t *answer = NULL;
	if (mail_connection_ask(name, "describe", &answer, err) != 0)
		/* The keeper has ended meanwhile, or died and left its file. */
		return err->kind == ERROR_NO ? 0 : -1;
	const struct mail_connection connection = {
	    .name = name,
	    .server = json_string_value(json_object_get(answer, "server")),
	    .port = (uint32_t)mail_connection_number(answer, "port"),
	    .user_name = json_string_value(json_object_get(answer, "user")),
	    .opened_ms = mail_connection_number(answer, "opened_ms"),
	    .used_ms = mail_connection_number(answer, "used_ms"),
	    .idle_s = mail_connection_number(answer, "idle_s"),
	    .uses = mail_connection_number(answer, "uses"),
	    .sign_ins = mail_connection_number(answer, "sign_ins"),
	    .in_use = json_is_true(json_object_get(answer, "in_use")),
	    .process = mail_connection_number(answer, "process"),
	};
	tell(&connection, context);
	return 0;
}

static gint mail_connection_compare(gconstpointer left, gconstpointer right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static GPtrArray *mail_connection_names(int folder)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	scoped(closedir) DIR *listing = fdopendir(folder);
	const struct dirent *file;
	while (listing != NULL && names->len < MAIL_CONNECTION_FILES_MAX &&
	       (file = readdir(listing)) != NULL) {
		g_autofree char *name = g_strdup(file->d_name);
		struct error ignored;
		if (!g_str_has_suffix(name, ".sock"))
			continue;
		name[strlen(name) - strlen(".sock")] = '\0';
		if (mail_socket_check_name(name, &ignored) == 0)
			g_ptr_array_add(names, steal(&name));
	}
	/* A folder has no order. */
	g_ptr_array_sort(names, mail_connection_compare);
	return names;
}

int mail_connection_list(void (*tell)(const struct mail_connection *connection, void *context),
			 void *context, struct error *err)
{
	int folder;
	if (mail_socket_open_folder(false, &folder, err) != 0)
		return -1;
	if (folder < 0)
		return 0;
	g_autoptr(GPtrArray) names = mail_connection_names(folder);
	for (guint i = 0; i < names->len; i++) {
		if (mail_connection_describe(g_ptr_array_index(names, i), tell, context, err) != 0)
			return -1;
	}
	return 0;
}
