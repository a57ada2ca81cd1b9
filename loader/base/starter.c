/*
 * The asker's side of a starter: the lists of what it may be asked for, its birth and end, and what it is asked.
 */
#include "loader/base/starter_internal.h"

#include "loader/base/folder.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

struct starter_lists starter_lists;

/* How much of its lists it has. */
struct starter_known {
	guint programs;
	guint folders;
	guint sockets;
};

/* It is the process's that has begun it: a child made by fork() has none. */
static struct {
	int socket;
	pid_t pid;
	int process; /* its descriptor (pidfd_open(2)) */
	pid_t owner;
	struct starter_known knows;
} starter = {.socket = -1, .process = -1};

/* --- the list ---------------------------------------------------------- */

static bool same_words(char *const *one, char *const *other)
{
	if (one == NULL || other == NULL)
		return one == other;
	return g_strv_equal((const char *const *)one, (const char *const *)other);
}

/* A program is known by all of it: the same path with another environment is another one. */
static bool find(const struct starter_program *wanted, guint *ret_number)
{
	for (guint i = 0; starter_lists.programs != NULL && i < starter_lists.programs->len; i++) {
		const struct starter_program *program =
		    g_ptr_array_index(starter_lists.programs, i);
		if (program->first_descriptor != wanted->first_descriptor ||
		    program->descriptor_count != wanted->descriptor_count ||
		    program->signals_blocked != wanted->signals_blocked ||
		    !same_words(program->arguments, wanted->arguments) ||
		    !same_words(program->environment, wanted->environment))
			continue;
		*ret_number = i;
		return true;
	}
	return false;
}

void starter_allow(const struct starter_program *program)
{
	guint number;
	if (find(program, &number))
		return;
	if (starter_lists.programs == NULL)
		starter_lists.programs = g_ptr_array_new();
	struct starter_program *copy = g_new(struct starter_program, 1);
	*copy = *program;
	copy->arguments = g_strdupv((char **)program->arguments);
	copy->environment = g_strdupv((char **)program->environment);
	g_ptr_array_add(starter_lists.programs, copy);
}

static bool find_path(GPtrArray *list, const char *path, guint *ret_number)
{
	return list != NULL &&
	       g_ptr_array_find_with_equal_func(list, path, g_str_equal, ret_number);
}

static void allow_path(GPtrArray **list, const char *path)
{
	guint number;
	if (*list == NULL)
		*list = g_ptr_array_new();
	if (!find_path(*list, path, &number))
		g_ptr_array_add(*list, g_strdup(path));
}

void starter_allow_files(const char *folder)
{
	allow_path(&starter_lists.folders, folder);
}

void starter_allow_socket(const char *path)
{
	allow_path(&starter_lists.sockets, path);
}

/* Descriptors travel beside the bytes (SCM_RIGHTS, unix(7)). */
int starter_say(int socket, void *bytes, size_t size, const int *descriptors, size_t count)
{
	union starter_control control;
	memset(&control, 0, sizeof control);
	struct iovec words = {bytes, size};
	struct msghdr message = {.msg_iov = &words,
				 .msg_iovlen = 1,
				 .msg_control = count > 0 ? &control : NULL,
				 .msg_controllen = count > 0 ? CMSG_SPACE(count * sizeof(int)) : 0};
	if (count > 0) {
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

/* --- its life ---------------------------------------------------------- */

/* A child by fork() has inherited the socket, but may not speak on it: answers would go to either of the two. */
static bool is_there(void)
{
	return starter.socket >= 0 && starter.owner == getpid();
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void end(void)
{
	const bool ours = is_there();
	if (starter.socket >= 0)
		close(starter.socket);
	starter.socket = -1;
	if (!ours)
		return;
	/* Without it, the end of its socket is its own. */
	if (starter.process >= 0)
		pidfd_send_signal(starter.process, SIGKILL, NULL, 0);
	descriptor_close_scoped(&starter.process);
	starter.process = -1;
	reap(starter.pid);
}

static guint length(const GPtrArray *list)
{
	return list != NULL ? list->len : 0;
}

/* The answer has a deadline at the socket, SO_RCVTIMEO: a starter that hangs is given up like one that has died. */
int starter_begin(struct error *err)
{
	const struct timeval patience = {.tv_sec = STARTER_ANSWER_S};
	int sockets[2];
	const struct starter_known knows = {.programs = length(starter_lists.programs),
					    .folders = length(starter_lists.folders),
					    .sockets = length(starter_lists.sockets)};
	if (knows.programs + knows.folders + knows.sockets == 0 ||
	    (is_there() && memcmp(&starter.knows, &knows, sizeof knows) == 0))
		return 0;
	end();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		return error_set(err, ERROR_IO, "starting a process: %s", g_strerror(errno));
	scoped(descriptor_close) int here = sockets[0];
	scoped(descriptor_close) int there = sockets[1];
	setsockopt(here, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	const pid_t pid = fork();
	if (pid == 0)
		starter_serve(there);
	if (pid < 0)
		return error_set(err, ERROR_IO, "starting a process: %s", g_strerror(errno));
	starter.socket = descriptor_steal(&here);
	starter.pid = pid;
	starter.process = pidfd_open(pid, 0);
	starter.owner = getpid();
	starter.knows = knows;
	return 0;
}

/* A descriptor comes with the reply, or ret_file is NULL. Returns 0 or an errno. */
static int hear(struct starter_reply *ret_reply, int *ret_file)
{
	union starter_control control;
	struct iovec words = {ret_reply, sizeof *ret_reply};
	struct msghdr message = {.msg_iov = &words,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(sizeof(int))};
	ssize_t got;
	while ((got = recvmsg(starter.socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (got != (ssize_t)sizeof *ret_reply)
		return got < 0 ? errno : ESRCH;
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (ret_file != NULL && header != NULL)
		memcpy(ret_file, CMSG_DATA(header), sizeof *ret_file);
	return 0;
}

/* The thread that fetches and the one that stores have a parser each: neither may hear the other's answer. */
static GMutex asking;

/* Returns 0 or an errno. A starter that has failed once is ended: an answer that comes late would be taken for that
 * to the next question. */
static int ask(struct starter_words words, const int *descriptors, size_t count,
	       struct starter_reply *ret_reply, int *ret_file)
{
	g_mutex_lock(&asking);
	int failed = starter_say(starter.socket, &words, sizeof words, descriptors, count);
	if (failed == 0)
		failed = hear(ret_reply, ret_file);
	if (failed != 0)
		end();
	g_mutex_unlock(&asking);
	return failed == EPIPE || failed == ECONNRESET ? ESRCH : failed;
}

int starter_start(const struct starter_program *program, const int *descriptors, size_t count,
		  struct starter_child *ret_child)
{
	struct starter_reply reply = {.failed = 0};
	struct error ignored;
	guint number;
	scoped(descriptor_close) int process = -1;
	starter_allow(program);
	if (!find(program, &number) || count != program->descriptor_count ||
	    count > STARTER_DESCRIPTORS_MAX)
		return EINVAL;
	if ((!is_there() || number >= starter.knows.programs) && starter_begin(&ignored) != 0)
		return EAGAIN;
	const struct starter_words words = {.wish = STARTER_START, .number = number};
	const int failed = ask(words, descriptors, count, &reply, &process);
	if (failed != 0)
		return failed;
	if (reply.failed == 0)
		*ret_child =
		    (struct starter_child){.pid = reply.pid, .process = descriptor_steal(&process)};
	else if (reply.pid > 0)
		reap(reply.pid);
	return reply.failed;
}

int starter_limit_time(pid_t pid, uint32_t seconds)
{
	const struct starter_words words = {
	    .wish = STARTER_LIMIT, .number = (uint32_t)pid, .seconds = seconds};
	struct starter_reply reply = {.failed = 0};
	int nothing = -1;
	if (!is_there())
		return EACCES;
	const int failed = ask(words, NULL, 0, &reply, &nothing);
	return failed != 0 ? failed : reply.failed;
}

static int ask_for_descriptor(struct starter_words words, const int *descriptors, size_t count,
			      int *ret_descriptor)
{
	struct starter_reply reply = {.failed = 0};
	int got = -1;
	const int failed = ask(words, descriptors, count, &reply, &got);
	if (failed != 0 || reply.failed != 0)
		return failed != 0 ? failed : reply.failed;
	*ret_descriptor = got;
	return got >= 0 ? 0 : EIO;
}

int starter_open_file(const char *folder, int *ret_descriptor)
{
	guint number;
	if (!is_there() || !find_path(starter_lists.folders, folder, &number) ||
	    number >= starter.knows.folders)
		return EACCES;
	const struct starter_words words = {.wish = STARTER_FILE, .number = number};
	return ask_for_descriptor(words, NULL, 0, ret_descriptor);
}

int starter_open_for_reading(int descriptor, int *ret_descriptor)
{
	const struct starter_words words = {.wish = STARTER_REOPEN};
	const int failed = folder_open_again(descriptor, ret_descriptor);
	if (failed != EACCES || !is_there())
		return failed;
	return ask_for_descriptor(words, &descriptor, 1, ret_descriptor);
}

int starter_connect(const char *path, uint32_t seconds, int *ret_descriptor)
{
	guint number;
	if (!is_there() || !find_path(starter_lists.sockets, path, &number) ||
	    number >= starter.knows.sockets)
		return EACCES;
	const struct starter_words words = {
	    .wish = STARTER_CONNECT, .number = number, .seconds = seconds};
	return ask_for_descriptor(words, NULL, 0, ret_descriptor);
}
