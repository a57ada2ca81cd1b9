/*
 * The starter is asked for a program by its number in the list that both processes have had since it was
 * made, so that whoever takes the asker over cannot choose another one. It makes each program with
 * CLONE_PARENT: the kernel tells the asker when it ends, and ends it with the asker if it wants that.
 */
#include "loader/base/starter.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
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
/* It is the process's that has begun it: a child made by fork() has none. */
static struct {
	int socket;
	pid_t pid;
	pid_t owner;
	guint knows; /* so many of the programs */
} starter = {.socket = -1};

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
static struct starter_reply start(const struct starter_request *request)
{
	static _Alignas(16) char stack[STARTER_STACK];
	if (request->number >= programs->len)
		return (struct starter_reply){.failed = EPERM};
	struct starter_plan plan = {.program = g_ptr_array_index(programs, request->number),
				    .request = request};
	const pid_t pid = clone(become_planned, stack + sizeof stack,
				CLONE_PARENT | CLONE_VM | CLONE_VFORK | SIGCHLD, &plan);
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
		const struct starter_reply reply = start(&request);
		for (size_t i = 0; i < request.count; i++)
			close(request.descriptors[i]);
		if (send(socket, &reply, sizeof reply, MSG_NOSIGNAL) < 0)
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
	kill(starter.pid, SIGKILL);
	reap(starter.pid);
}

int starter_begin(struct error *err)
{
	const struct timeval patience = {.tv_sec = STARTER_ANSWER_S};
	int sockets[2];
	if (programs == NULL || (is_there() && starter.knows == programs->len))
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
	starter.owner = getpid();
	starter.knows = programs->len;
	return 0;
}

/* Returns 0 or an errno. */
static int ask(guint number, const int *descriptors, size_t count, struct starter_reply *ret_reply)
{
	union starter_control control;
	memset(&control, 0, sizeof control);
	struct iovec words = {&number, sizeof number};
	struct msghdr message = {.msg_iov = &words,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
	if (sendmsg(starter.socket, &message, MSG_NOSIGNAL) < 0)
		return errno;
	ssize_t got;
	while ((got = recv(starter.socket, ret_reply, sizeof *ret_reply, 0)) < 0 && errno == EINTR)
		;
	return got == (ssize_t)sizeof *ret_reply ? 0 : got < 0 ? errno : ESRCH;
}

int starter_start(const struct starter_program *program, const int *descriptors, size_t count,
		  pid_t *ret_pid)
{
	struct starter_reply reply = {.failed = 0};
	struct error ignored;
	guint number;
	starter_allow(program);
	if (!find(program, &number) || count == 0 || count > STARTER_DESCRIPTORS_MAX)
		return EINVAL;
	if ((!is_there() || number >= starter.knows) && starter_begin(&ignored) != 0)
		return EAGAIN;
	const int failed = ask(number, descriptors, count, &reply);
	if (failed != 0)
		end();
	if (failed != 0)
		return failed == EPIPE || failed == ECONNRESET ? ESRCH : failed;
	if (reply.failed == 0)
		*ret_pid = reply.pid;
	else if (reply.pid > 0)
		reap(reply.pid);
	return reply.failed;
}
