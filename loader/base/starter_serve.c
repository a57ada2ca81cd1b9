/*
 * In the starter: it is asked for a program, a folder or a socket by its number in the lists that both processes
 * have had since it was made, so that whoever takes the asker over cannot choose another one. It makes each program
 * with CLONE_PARENT: the kernel tells the asker when it ends, and ends it with the asker if it wants that.
 */
#include "loader/base/starter_internal.h"

#include "loader/base/folder.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	STARTER_STACK = 64 * 1024,
	ABOVE = 16 /* no program is given such a number */
};

struct starter_request {
	struct starter_words words;
	int descriptors[STARTER_DESCRIPTORS_MAX];
	size_t count;
};

/* What it has started, and has not found gone. */
static struct starter_known_child {
	pid_t pid;
	int process; /* pidfd_open(2) */
} children[STARTER_CHILDREN_MAX];
static size_t child_count;

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

/* One that nobody has waited for is there, too. Its descriptor stands for no other process, as its number might. */
static bool is_there(const struct starter_known_child *child)
{
	return pidfd_send_signal(child->process, 0, NULL, 0) == 0;
}

/* Whoever has taken the asker over starts only so many at a time. */
static bool has_room(void)
{
	size_t left = 0;
	if (child_count < STARTER_CHILDREN_MAX)
		return true;
	for (size_t i = 0; i < child_count; i++) {
		if (is_there(&children[i]))
			children[left++] = children[i];
		else
			close(children[i].process);
	}
	child_count = left;
	return child_count < STARTER_CHILDREN_MAX;
}

/* vfork() with another parent: it returns when the program runs, or has failed to. */
static struct starter_reply start(const struct starter_request *request, int *ret_process)
{
	static _Alignas(16) char stack[STARTER_STACK];
	const GPtrArray *programs = starter_lists.programs;
	if (programs == NULL || request->words.number >= programs->len)
		return (struct starter_reply){.failed = EPERM};
	struct starter_plan plan = {.program = g_ptr_array_index(programs, request->words.number),
				    .request = request};
	/* A program that lacks one would take the first file that it opens for it. */
	if (request->count != plan.program->descriptor_count)
		return (struct starter_reply){.failed = EINVAL};
	if (!has_room())
		return (struct starter_reply){.failed = EAGAIN};
	const pid_t pid = clone(become_planned, stack + sizeof stack,
				CLONE_PARENT | CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
				&plan, ret_process);
	if (pid < 0)
		return (struct starter_reply){.failed = errno};
	children[child_count++] = (struct starter_known_child){
	    .pid = pid, .process = fcntl(*ret_process, F_DUPFD_CLOEXEC, 0)};
	return (struct starter_reply){.failed = plan.failed, .pid = pid};
}

/* The limit counts from the process's birth, in whole seconds. */
static int limit_time(uint32_t number, uint32_t seconds)
{
	clockid_t clock;
	struct timespec used = {0};
	struct rlimit limit = {0};
	size_t at = 0;
	while (at < child_count &&
	       ((uint32_t)children[at].pid != number || !is_there(&children[at])))
		at++;
	if (at == child_count)
		return ESRCH;
	const int failed = clock_getcpuclockid((pid_t)number, &clock);
	if (failed != 0)
		return failed;
	if (clock_gettime(clock, &used) != 0 ||
	    prlimit((pid_t)number, RLIMIT_CPU, NULL, &limit) != 0)
		return errno;
	limit.rlim_cur = MIN((rlim_t)used.tv_sec + 1 + seconds, limit.rlim_max);
	return prlimit((pid_t)number, RLIMIT_CPU, &limit, NULL) != 0 ? errno : 0;
}

/* By its folder's descriptor: a path may be longer than the 108 bytes of an address. */
static int connect_to(const char *path, uint32_t seconds, int *ret_socket)
{
	const struct timeval patience = {.tv_sec = MIN(seconds, (uint32_t)STARTER_ANSWER_S - 5)};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_autofree char *above = g_path_get_dirname(path);
	g_autofree char *name = g_path_get_basename(path);
	scoped(descriptor_close) int folder = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
	scoped(descriptor_close) int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (folder < 0 || made < 0)
		return errno;
	g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, name);
	setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(made, (const struct sockaddr *)&address, sizeof address) != 0)
		return errno;
	*ret_socket = descriptor_steal(&made);
	return 0;
}

/* By its number in the list: no path crosses the socket. */
static struct starter_reply meet(const struct starter_words *words, int *ret_socket)
{
	const GPtrArray *sockets = starter_lists.sockets;
	if (sockets == NULL || words->number >= sockets->len)
		return (struct starter_reply){.failed = EPERM};
	return (struct starter_reply){
	    .failed =
		connect_to(g_ptr_array_index(sockets, words->number), words->seconds, ret_socket)};
}

/* False where the asker has ended, or says what no asker of ours says; both end the starter. */
static bool receive(int socket, struct starter_request *ret_request)
{
	union starter_control control;
	struct iovec words = {&ret_request->words, sizeof ret_request->words};
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

/* Nameless: nothing is left of it, and nobody else can open it by a path. */
static struct starter_reply make_file(uint32_t number, int *ret_file)
{
	const GPtrArray *folders = starter_lists.folders;
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

static struct starter_reply fulfil(const struct starter_request *request, int *ret_descriptor)
{
	const struct starter_words *words = &request->words;
	switch (words->wish) {
	case STARTER_START:
		return start(request, ret_descriptor);
	case STARTER_FILE:
		return make_file(words->number, ret_descriptor);
	case STARTER_REOPEN:
		return reopen(request, ret_descriptor);
	case STARTER_CONNECT:
		return meet(words, ret_descriptor);
	case STARTER_LIMIT:
		return (struct starter_reply){.failed = limit_time(words->number, words->seconds)};
	default:
		return (struct starter_reply){.failed = EINVAL};
	}
}

/* True if the asker is still there. */
static bool answer(int socket, const struct starter_request *request)
{
	scoped(descriptor_close) int made = -1;
	struct starter_reply reply = fulfil(request, &made);
	return starter_say(socket, &reply, sizeof reply, &made, made >= 0 ? 1 : 0) == 0;
}

/* No signal is meant for it: it ends when its socket does. What else was open is not its own, and may
 * be waited for to be closed. What it starts reads nothing that the asker has chosen. Nobody looks into it or changes it (prctl(2), PR_SET_DUMPABLE). */
_Noreturn void starter_serve(int socket)
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
	const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
		_exit(EXIT_FAILURE);
	close(nothing);
	while (receive(socket, &request)) {
		const bool heard = answer(socket, &request);
		for (size_t i = 0; i < request.count; i++)
			close(request.descriptors[i]);
		if (!heard)
			break;
	}
	_exit(EXIT_SUCCESS);
}
