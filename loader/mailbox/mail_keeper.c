/*
 * The life of a keeper: signs in, claims its name, and lends its session to one client after the
 * other (loader/imap/session/relay.h). Before each use it checks that the server is still there,
 * and signs in again if it is not. It answers "describe" and "close" also while the session is
 * lent, and while a server is slow to say that it is there.
 */
#include "loader/mailbox/mail_connection_internal.h"

#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "loader/base/service.h"
#include "loader/confine/confine.h"
#include "loader/imap/session/relay.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* So many clients may wait for the session. */
enum { MAIL_KEEPER_WAITING_MAX = 900 };

struct mail_keeper {
	const char *name;
	struct mail_account *account;
	struct imapc_session *session; /* NULL: to be opened by the next use */
	uint32_t idle_s;
	int folder;
	int listener;
	struct mail_callers *callers;
	ino_t inode;	 /* of the socket */
	int watch;	 /* inotify, on the folder */
	GQueue *waiting; /* sockets of clients that want to use the session */
	bool in_use;
	bool ending;
	int64_t opened_ms;
	int64_t used_ms;      /* the last use ended; 0: none */
	int64_t idle_from_ms; /* monotonic */
	int64_t uses;
	_Atomic int64_t sign_ins; /* counted while others may ask for it */
};

/* --- the session ------------------------------------------------------- */

/* Keeps the password off the swap device, if the system allows this user to lock memory. */
static void mail_keeper_lock_secret(const struct mail_account *account)
{
	const char *secret = secret_text(account->secret);
	mlock(secret, strlen(secret) + 1);
}

static int mail_keeper_sign_in(struct mail_keeper *keeper, struct error *err)
{
	if (mail_account_sign_in(keeper->account, keeper->account->server, &keeper->session, err) !=
	    0)
		return -1;
	mail_keeper_lock_secret(keeper->account);
	keeper->sign_ins++;
	return 0;
}

static void mail_keeper_drop(struct mail_keeper *keeper)
{
	imapc_close(keeper->session);
	keeper->session = NULL;
}

/* What a thread of its own finds out about the session, which nobody else touches meanwhile. */
struct mail_keeper_check {
	struct mail_keeper *keeper;
	int over; /* readable once it is known */
	int failed;
	struct error err;
};

/* The server may have ended the session since its last use, and a client would get the blame. */
static void *mail_keeper_check(void *pointer)
{
	struct mail_keeper_check *check = pointer;
	struct mail_keeper *keeper = check->keeper;
	struct error ignored;
	check->failed = 0;
	if (keeper->session == NULL || imapc_ping(keeper->session, &ignored) != 0) {
		mail_keeper_drop(keeper);
		check->failed = mail_keeper_sign_in(keeper, &check->err);
	}
	eventfd_write(check->over, 1);
	return NULL;
}

/* A server may take its time: others are heard until it has answered. */
static int mail_keeper_ready(struct mail_keeper *keeper, struct error *err)
{
	scoped(descriptor_close) int over = eventfd(0, EFD_CLOEXEC);
	struct mail_keeper_check check = {.keeper = keeper, .over = over};
	struct pollfd waits[] = {
	    {.fd = over, .events = POLLIN},
	    {.fd = mail_callers_descriptor(keeper->callers), .events = POLLIN}};
	pthread_t thread;
	if (over < 0)
		return error_set(err, ERROR_TEMPORARY, "eventfd: %s", g_strerror(errno));
	const int number = pthread_create(&thread, NULL, mail_keeper_check, &check);
	if (number != 0)
		return error_set(err, ERROR_TEMPORARY, "no thread: %s", g_strerror(number));
	while (waits[0].revents == 0) {
		if (poll(waits, G_N_ELEMENTS(waits), -1) > 0 && waits[1].revents != 0)
			mail_callers_attend(keeper->callers);
	}
	pthread_join(thread, NULL);
	if (check.failed != 0)
		*err = check.err;
	return check.failed;
}

/* --- words ------------------------------------------------------------- */

static void mail_keeper_answer(int client, json_t *answer)
{
	g_autofree char *line = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	mail_socket_write_line(client, line);
}

static void mail_keeper_refuse(int client, const struct error *err)
{
	mail_keeper_answer(client,
			   json_pack("{s:i, s:s}", "kind", (int)err->kind, "text", err->text));
}

static void mail_keeper_describe(const struct mail_keeper *keeper, int client)
{
	const struct connection_string *server = keeper->account->server;
	mail_keeper_answer(
	    client,
	    json_pack("{s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:i}", "name",
		      keeper->name, "server", server->url, "port", (int)server->port, "user",
		      keeper->account->user_name, "opened_ms", (json_int_t)keeper->opened_ms,
		      "used_ms", (json_int_t)keeper->used_ms, "idle_s", (json_int_t)keeper->idle_s,
		      "uses", (json_int_t)keeper->uses, "sign_ins", (json_int_t)keeper->sign_ins,
		      "in_use", (int)keeper->in_use, "process", (int)getpid()));
}

/* Returns whether the client stays connected, waiting for its turn. An answer that it does not take
 * keeps nobody waiting for long. */
static bool mail_keeper_obey(void *context, int client, const char *line)
{
	struct mail_keeper *keeper = context;
	mail_socket_limit(client, MAIL_KEEPER_WORD_S);
	json_auto_t *wish = json_loads(line, 0, NULL);
	const char *word = json_string_value(json_object_get(wish, "do"));
	if (word == NULL)
		return false;
	if (strcmp(word, "describe") == 0) {
		mail_keeper_describe(keeper, client);
	} else if (strcmp(word, "close") == 0) {
		/* The name is free before the answer says so. */
		g_autofree char *file = mail_socket_file(keeper->name);
		unlinkat(keeper->folder, file, 0);
		keeper->ending = true;
		mail_keeper_answer(client, json_pack("{s:b}", "closed", 1));
	} else if (strcmp(word, "use") == 0 &&
		   g_queue_get_length(keeper->waiting) < MAIL_KEEPER_WAITING_MAX) {
		g_queue_push_tail(keeper->waiting, GINT_TO_POINTER(client));
		return true;
	}
	return false;
}

/* --- use --------------------------------------------------------------- */

static void mail_keeper_lend(struct mail_keeper *keeper, int client)
{
	const struct imapc_relay relay = {.client = client,
					  .quiet_ms = keeper->idle_s * 1000,
					  .watched = mail_callers_descriptor(keeper->callers),
					  .attend = mail_callers_attend,
					  .context = keeper->callers};
	g_autofree char *server = connection_string_format(keeper->account->server);
	g_autofree char *hidden = redact_export();
	struct error ignored;
	keeper->uses++;
	mail_keeper_answer(client, json_pack("{s:s, s:i, s:s}", "server", server, "tag",
					     imapc_tag(keeper->session), "hidden", hidden));
	if (imapc_relay(keeper->session, &relay, &ignored) != 0)
		mail_keeper_drop(keeper);
}

/* One client after the other, in the order of their coming. */
static void mail_keeper_serve(struct mail_keeper *keeper)
{
	struct error err;
	while (!keeper->ending && !g_queue_is_empty(keeper->waiting)) {
		scoped(descriptor_close) int client =
		    GPOINTER_TO_INT(g_queue_pop_head(keeper->waiting));
		keeper->in_use = true;
		if (mail_keeper_ready(keeper, &err) == 0)
			mail_keeper_lend(keeper, client);
		else
			mail_keeper_refuse(client, &err);
		keeper->in_use = false;
		keeper->used_ms = clock_now_ms();
		keeper->idle_from_ms = clock_monotonic_ms();
	}
}

/* --- life -------------------------------------------------------------- */

/* False if somebody has deleted the socket, or another keeper has taken its name. */
static bool mail_keeper_has_socket(const struct mail_keeper *keeper)
{
	struct stat status;
	g_autofree char *file = mail_socket_file(keeper->name);
	return fstatat(keeper->folder, file, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       status.st_ino == keeper->inode;
}

static void mail_keeper_look(struct mail_keeper *keeper)
{
	char events[4096];
	while (read(keeper->watch, events, sizeof events) > 0)
		;
	keeper->ending = keeper->ending || !mail_keeper_has_socket(keeper);
}

/* Waits with TERM and INT let in, so that neither is missed before the wait. */
static void mail_keeper_wait(struct mail_keeper *keeper, const sigset_t *mask)
{
	int64_t end_ms = keeper->idle_from_ms + (int64_t)keeper->idle_s * 1000;
	int64_t left_ms = clock_left_ms(end_ms);
	struct timespec limit = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000};
	struct pollfd waits[] = {{.fd = mail_callers_descriptor(keeper->callers), .events = POLLIN},
				 {.fd = keeper->watch, .events = POLLIN}};
	int ready = ppoll(waits, G_N_ELEMENTS(waits), &limit, mask);
	if (ready == 0 && left_ms == 0)
		keeper->ending = true;
	if (ready > 0 && waits[1].revents != 0)
		mail_keeper_look(keeper);
	if (ready > 0 && waits[0].revents != 0)
		mail_callers_attend(keeper->callers);
}

static void mail_keeper_end(struct mail_keeper *keeper)
{
	g_autofree char *file = mail_socket_file(keeper->name);
	struct error gone;
	/* Another keeper may have the name by now. */
	if (mail_keeper_has_socket(keeper))
		unlinkat(keeper->folder, file, 0);
	error_set(&gone, ERROR_NO, "connection '%s' has been closed", keeper->name);
	while (!g_queue_is_empty(keeper->waiting)) {
		scoped(descriptor_close) int client =
		    GPOINTER_TO_INT(g_queue_pop_head(keeper->waiting));
		mail_keeper_refuse(client, &gone);
	}
	g_queue_free(keeper->waiting);
	mail_callers_close(keeper->callers);
	mail_keeper_drop(keeper);
}

static void mail_keeper_live(struct mail_keeper *keeper)
{
	sigset_t blocked;
	sigset_t before;
	/* A signal between the check and the wait would be slept through. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	while (!keeper->ending && !stop_requested()) {
		mail_keeper_wait(keeper, &before);
		mail_keeper_serve(keeper);
	}
	mail_keeper_end(keeper);
}

/* --- birth ------------------------------------------------------------- */

/* A socket that nobody listens on was left by a keeper that was killed: its name is free. */
static int mail_keeper_claim_name(struct mail_keeper *keeper, struct error *err)
{
	scoped(descriptor_close) int other = -1;
	struct stat status;
	g_autofree char *file = mail_socket_file(keeper->name);
	/* The lock lasts until the socket is there: two keepers that start at once cannot both find
	 * the name free. */
	if (flock(keeper->folder, LOCK_EX) != 0)
		return error_set(err, ERROR_IO, "connection '%s': %s", keeper->name,
				 g_strerror(errno));
	if (mail_socket_connect(keeper->folder, keeper->name, MAIL_KEEPER_WORD_S, &other, err) != 0)
		return -1;
	if (other >= 0)
		return mail_connection_taken(keeper->name, err);
	if (mail_socket_listen(keeper->folder, keeper->name, &keeper->listener, err) != 0)
		return -1;
	flock(keeper->folder, LOCK_UN);
	if (fstatat(keeper->folder, file, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return error_set(err, ERROR_IO, "connection '%s': %s", keeper->name,
				 g_strerror(errno));
	keeper->inode = status.st_ino;
	return 0;
}

/* A keeper without its socket cannot be reached or closed any more: it ends when it loses it. */
static int mail_keeper_watch(struct mail_keeper *keeper, struct error *err)
{
	char path[64];
	g_snprintf(path, sizeof path, "/proc/self/fd/%d", keeper->folder);
	keeper->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (keeper->watch < 0 ||
	    inotify_add_watch(keeper->watch, path,
			      IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF) < 0)
		return error_set(err, ERROR_IO, "connection '%s': %s", keeper->name,
				 g_strerror(errno));
	return 0;
}

/* The socket is there before the rights are given up, which leave none to be made. Those who come to it are
 * heard, and who wants to use the session waits until it is signed in. */
static int mail_keeper_begin(struct mail_keeper *keeper, struct error *err)
{
	keeper->opened_ms = clock_now_ms();
	keeper->waiting = g_queue_new();
	if (mail_socket_open_folder(true, &keeper->folder, err) != 0)
		return -1;
	g_autofree char *folder = g_strdup_printf("/proc/self/fd/%d", keeper->folder);
	if (mail_keeper_claim_name(keeper, err) != 0)
		return -1;
	if (mail_keeper_watch(keeper, err) != 0 ||
	    mail_callers_open(keeper->listener, mail_keeper_obey, keeper, &keeper->callers, err) !=
		0 ||
	    mail_session_confine(keeper->account, folder, false, err) != 0 ||
	    mail_keeper_ready(keeper, err) != 0) {
		mail_keeper_end(keeper);
		return -1;
	}
	/* Signing in may have taken a while, which is no idleness. */
	keeper->idle_from_ms = clock_monotonic_ms();
	return 0;
}

/* The report is written in any case: the command waits for it, or for the pipe's end. */
_Noreturn void mail_keeper_run(const char *name, struct mail_account *account, uint32_t idle_s,
			       int report_end)
{
	struct mail_keeper keeper = {.name = name,
				     .account = account,
				     .idle_s = idle_s,
				     .folder = -1,
				     .listener = -1,
				     .watch = -1};
	struct mail_keeper_report report;
	memset(&report, 0, sizeof report);
	report.failed = mail_keeper_begin(&keeper, &report.err);
	ssize_t put = write(report_end, &report, sizeof report);
	close(report_end);
	if (report.failed == 0 && put == (ssize_t)sizeof report)
		mail_keeper_live(&keeper);
	mail_account_free(account);
	_exit(report.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
