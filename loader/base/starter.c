/*
 * The starter is asked for a program, or a folder, by its number in the list that both processes have had since
 * it was made, so that whoever takes the asker over cannot choose another one. It makes each program with
 * CLONE_PARENT: the kernel tells the asker when it ends, and ends it with the asker if it wants that.
 */
#include "loader/base/starter.h"

#include "loader/base/folder.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	STARTER_ANSWER_S = 60,
	STARTER_STACK = 64 * 1024,
	ABOVE = 16 /* no program is given such a number */
};

/* From here on numbers are of folders; the last one is none. */
#define FOLDERS_FROM UINT32_C(0x80000000)
#define REOPEN	     UINT32_MAX

struct starter_request {
	uint32_t number;
	int descriptors[STARTER_DESCRIPTORS_MAX];
	size_t count;
};

struct starter_reply {
	int failed; /* errno */
	pid_t pid;
};

/* Room for descriptors in a message of a socket (unix(7)). */
union starter_control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * STARTER_DESCRIPTORS_MAX)];
};

static GPtrArray *programs;
static GPtrArray *folders;
/* It is the process's that has begun it: a child made by fork() has none. */
static struct {
	int socket;
	pid_t pid;
	int process; /* its descriptor (pidfd_open(2)) */
	pid_t owner;
	guint knows;	     /* so many of the programs */
	guint knows_folders; /* so many of the folders */
} starter = {.socket = -1, .process = -1};

/* --- the list ---------------------------------------------------------- */

static bool same_words(char *const *one, char *const *other)
{
	if (one == NULL || other == NULL)
		return one == other;
	return g_strv_equal((const char *const *)one, (const char *const *)other);
}

static bool find(const struct starter_program *wanted, guint *ret_number)
{
	for (guint i = 0; programs != NULL && i < programs->len; i++) {
		const struct starter_program *program = g_ptr_array_index(programs, i);
		if (program->first_descriptor != wanted->first_descriptor ||
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
	if (programs == NULL)
		programs = g_ptr_array_new();
	struct starter_program *copy = g_new(struct starter_program, 1);
	*copy = *program;
	copy->arguments = g_strdupv((char **)program->arguments);
	copy->environment = g_strdupv((char **)program->environment);
	g_ptr_array_add(programs, copy);
}

static bool find_folder(const char *path, guint *ret_number)
{
	return folders != NULL &&
	       g_ptr_array_find_with_equal_func(folders, path, g_str_equal, ret_number);
}

void starter_allow_files(const char *folder)
{
	guint number;
	if (folders == NULL)
		folders = g_ptr_array_new();
	if (!find_folder(folder, &number))
		g_ptr_array_add(folders, g_strdup(folder));
}

/* --- in the starter ---------------------------------------------------- */

struct starter_plan {
	const struct starter_program *program;
	const struct starter_request *request;
	int failed;
};

/* Only what is safe between vfork() and exec: the memory is the starter's, and a sanitizer's marks on this
 * stack would stay. Returns an errno. */
__attribute__((no_sanitize("address"))) static int become(const struct starter_program *program,
							  const struct starter_request *request)
{
	int moved[STARTER_DESCRIPTORS_MAX];
	const int first = program->first_descriptor;
	for (size_t i = 0; i < request->count; i++)
		moved[i] = fcntl(request->descriptors[i], F_DUPFD, ABOVE);
	for (size_t i = 0; i < request->count; i++) {
		if (dup2(moved[i], first + (int)i) < 0)
			return errno;
	}
	if (close_range((unsigned)first + (unsigned)request->count, ~0U, 0) != 0)
		return errno;
	if (!program->signals_blocked) {
		sigset_t none;
		sigemptyset(&none);
		for (int number = 1; number < NSIG; number++)
			signal(number, SIG_DFL);
		sigprocmask(SIG_SETMASK, &none, NULL);
	}
	execve(program->arguments[0], program->arguments,
	       program->environment != NULL ? program->environment : environ);
	return errno;
}

__attribute__((no_sanitize("address"))) static int become_planned(void *context)
{
	struct starter_plan *plan = context;
	plan->failed = become(plan->program, plan->request);
	return 0;
}

/* vfork() with another parent: it returns when the program runs, or has failed to. */
static struct starter_reply start(const struct starter_request *request, int *ret_process)
{
	static _Alignas(16) char stack[STARTER_STACK];
	if (programs == NULL || request->number >= programs->len)
		return (struct starter_reply){.failed = EPERM};
	/* A program that lacks one would take the first file that it opens for it. */
	if (request->count != STARTER_DESCRIPTORS_MAX)
		return (struct starter_reply){.failed = EINVAL};
	struct starter_plan plan = {.program = g_ptr_array_index(programs, request->number),
				    .request = request};
	const pid_t pid = clone(become_planned, stack + sizeof stack,
				CLONE_PARENT | CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
				&plan, ret_process);
	return (struct starter_reply){.failed = pid < 0 ? errno : plan.failed, .pid = pid};
}

static bool receive(int socket, struct starter_request *ret_request)
{
	union starter_control control;
	struct iovec words = {&ret_request->number, sizeof ret_request->number};
	struct msghdr message = {.msg_iov = &words,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_LEN(sizeof(int) * STARTER_DESCRIPTORS_MAX)};
	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != (ssize_t)words.iov_len)
		return false;
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	ret_request->count = header != NULL ? (header->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
	memcpy(ret_request->descriptors, CMSG_DATA(header != NULL ? header : &control.header),
	       ret_request->count * sizeof(int));
	return true;
}

static struct starter_reply make_file(uint32_t number, int *ret_file)
{
	if (folders == NULL || number >= folders->len)
		return (struct starter_reply){.failed = EPERM};
	return (struct starter_reply){
	    .failed = folder_open_nameless(g_ptr_array_index(folders, number), ret_file)};
}

/* Only what the asker can read already: a descriptor that is open as a path alone (O_PATH) may be of any file. */
static struct starter_reply reopen(const struct starter_request *request, int *ret_file)
{
	const int flags = request->count == 1 ? fcntl(request->descriptors[0], F_GETFL) : -1;
	if (flags < 0 || (flags & (O_ACCMODE | O_PATH)) != O_RDWR)
		return (struct starter_reply){.failed = EPERM};
	const int failed = folder_open_again(request->descriptors[0], ret_file);
	return (struct starter_reply){.failed = failed};
}

/* With up to STARTER_DESCRIPTORS_MAX descriptors. Returns 0 or an errno. */
static int say(int socket, void *bytes, size_t size, const int *descriptors, size_t count)
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

/* True if the asker is still there. */
static bool answer(int socket, const struct starter_request *request)
{
	scoped(descriptor_close) int file = -1;
	struct starter_reply reply = request->number == REOPEN ? reopen(request, &file)
				     : request->number >= FOLDERS_FROM
					 ? make_file(request->number - FOLDERS_FROM, &file)
					 : start(request, &file);
	return say(socket, &reply, sizeof reply, &file, file >= 0 ? 1 : 0) == 0;
}

/* No signal is meant for it: it ends when its socket does. What else was open is not its own, and may
 * be waited for to be closed. Nobody looks into it or changes it (prctl(2), PR_SET_DUMPABLE). */
static _Noreturn void serve(int socket)
{
	struct starter_request request;
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "inqueue-starter");
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || dup2(socket, STDERR_FILENO + 1) < 0 ||
	    close_range(STDERR_FILENO + 2, ~0U, 0) != 0)
		_exit(EXIT_FAILURE);
	socket = STDERR_FILENO + 1;
	while (receive(socket, &request)) {
		const bool heard = answer(socket, &request);
		for (size_t i = 0; i < request.count; i++)
			close(request.descriptors[i]);
		if (!heard)
			break;
	}
	_exit(EXIT_SUCCESS);
}

/* --- and beside it ----------------------------------------------------- */

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

int starter_begin(struct error *err)
{
	const struct timeval patience = {.tv_sec = STARTER_ANSWER_S};
	int sockets[2];
	const guint knows = programs != NULL ? programs->len : 0;
	const guint knows_folders = folders != NULL ? folders->len : 0;
	if ((knows == 0 && knows_folders == 0) ||
	    (is_there() && starter.knows == knows && starter.knows_folders == knows_folders))
		return 0;
	end();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		return error_set(err, ERROR_IO, "starting a process: %s", g_strerror(errno));
	scoped(descriptor_close) int here = sockets[0];
	scoped(descriptor_close) int there = sockets[1];
	setsockopt(here, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	const pid_t pid = fork();
	if (pid == 0)
		serve(there);
	if (pid < 0)
		return error_set(err, ERROR_IO, "starting a process: %s", g_strerror(errno));
	starter.socket = descriptor_steal(&here);
	starter.pid = pid;
	starter.process = pidfd_open(pid, 0);
	starter.owner = getpid();
	starter.knows = knows;
	starter.knows_folders = knows_folders;
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

/* Returns 0 or an errno. */
static int ask(uint32_t number, const int *descriptors, size_t count,
	       struct starter_reply *ret_reply, int *ret_file)
{
	int failed = say(starter.socket, &number, sizeof number, descriptors, count);
	if (failed == 0)
		failed = hear(ret_reply, ret_file);
	if (failed != 0)
		end();
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
	if (!find(program, &number) || count == 0 || count > STARTER_DESCRIPTORS_MAX)
		return EINVAL;
	if ((!is_there() || number >= starter.knows) && starter_begin(&ignored) != 0)
		return EAGAIN;
	const int failed = ask(number, descriptors, count, &reply, &process);
	if (failed != 0)
		return failed;
	if (reply.failed == 0)
		*ret_child =
		    (struct starter_child){.pid = reply.pid, .process = descriptor_steal(&process)};
	else if (reply.pid > 0)
		reap(reply.pid);
	return reply.failed;
}

static int ask_for_file(uint32_t number, const int *descriptors, size_t count, int *ret_descriptor)
{
	struct starter_reply reply = {.failed = 0};
	int file = -1;
	const int failed = ask(number, descriptors, count, &reply, &file);
	if (failed != 0 || reply.failed != 0)
		return failed != 0 ? failed : reply.failed;
	*ret_descriptor = file;
	return file >= 0 ? 0 : EIO;
}

int starter_open_file(const char *folder, int *ret_descriptor)
{
	guint number;
	if (!is_there() || !find_folder(folder, &number) || number >= starter.knows_folders)
		return EACCES;
	return ask_for_file(FOLDERS_FROM + number, NULL, 0, ret_descriptor);
}

int starter_open_for_reading(int descriptor, int *ret_descriptor)
{
	const int failed = folder_open_again(descriptor, ret_descriptor);
	if (failed != EACCES || !is_there())
		return failed;
	return ask_for_file(REOPEN, &descriptor, 1, ret_descriptor);
}
