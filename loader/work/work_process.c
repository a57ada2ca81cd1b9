/* Starts a command by fork() and exec(), in a process group of its own, and ends it with all
 * that it has started. A pidfd tells of its end, a pipe carries its standard error. */
#include "loader/work/work_internal.h"

#include "loader/work/work.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* The ends of pipes that the child needs between fork() and exec(), where it makes nothing but
 * system calls. */
struct work_process_ends {
	int input;
	int errors;
	int failure; /* for the errno of exec; closed by one that goes well */
};

static _Noreturn void work_process_become(char *const *command, char *const *environment,
					  const struct work_process_ends *ends, pid_t parent)
{
	sigset_t none;
	sigemptyset(&none);
	setpgid(0, 0);
	/* A command must not outlive a worker that is killed: somebody else gets the entry. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (getppid() == parent && dup2(ends->input, STDIN_FILENO) >= 0 &&
	    dup2(ends->errors, STDERR_FILENO) >= 0)
		execvpe(command[0], command, environment);
	const int number = errno;
	const ssize_t told = write(ends->failure, &number, sizeof number);
	_exit(told < 0 ? 126 : 127);
}

/* Waits until the child has become the command. Returns the errno that kept it from that, or 0. */
static int work_process_await_exec(int failure)
{
	int number = 0;
	ssize_t got;
	while ((got = read(failure, &number, sizeof number)) < 0 && errno == EINTR)
		;
	return got == (ssize_t)sizeof number ? number : 0;
}

static int work_process_spawn(char *const *command, char *const *environment,
			      const struct work_process_ends *ends,
			      struct work_process *ret_process, struct error *err)
{
	fflush(NULL);
	const pid_t parent = getpid();
	const pid_t child = fork();
	if (child == 0)
		work_process_become(command, environment, ends, parent);
	if (child < 0)
		return error_set(err, ERROR_IO, "starting '%s': %s", command[0], g_strerror(errno));
	/* The child does the same; whoever comes first makes the group. */
	setpgid(child, child);
	ret_process->id = child;
	ret_process->descriptor = pidfd_open(child, 0);
	return ret_process->descriptor >= 0
		   ? 0
		   : error_set(err, ERROR_IO, "starting '%s': %s", command[0], g_strerror(errno));
}

/* The third pipe closes by itself when exec() succeeds, and carries its errno when it fails. */
int work_process_start(char *const *command, char *const *environment, const char *input,
		       struct work_process *ret_process, struct error *err)
{
	int errors[2];
	int failure[2];
	scoped(descriptor_close) int in = open(input, O_RDONLY | O_CLOEXEC);
	if (in < 0 || pipe2(errors, O_CLOEXEC) != 0)
		return error_set(err, ERROR_IO, "starting '%s': %s", command[0], g_strerror(errno));
	scoped(descriptor_close) int ours = errors[0];
	scoped(descriptor_close) int theirs = errors[1];
	if (pipe2(failure, O_CLOEXEC) != 0)
		return error_set(err, ERROR_IO, "starting '%s': %s", command[0], g_strerror(errno));
	scoped(descriptor_close) int failed = failure[0];
	scoped(descriptor_close) int fails = failure[1];
	const struct work_process_ends ends = {.input = in, .errors = theirs, .failure = fails};
	if (work_process_spawn(command, environment, &ends, ret_process, err) != 0)
		return -1;
	close(descriptor_steal(&fails));
	const int number = work_process_await_exec(failed);
	if (number != 0)
		return work_command_refuse(command[0], number, err);
	fcntl(ours, F_SETFL, O_NONBLOCK);
	ret_process->errors = descriptor_steal(&ours);
	return 0;
}

ssize_t work_process_read(struct work_process *process, void *bytes, size_t size)
{
	if (process->errors < 0)
		return 0;
	ssize_t got;
	while ((got = read(process->errors, bytes, size)) < 0 && errno == EINTR)
		;
	if (got > 0 || (got < 0 && errno == EAGAIN))
		return MAX(got, 0);
	close(process->errors);
	process->errors = -1;
	return 0;
}

void work_process_signal(const struct work_process *process, int number)
{
	kill(-process->id, number);
}

/* Kills the group before the process is waited for: until then its id is its own, and that of
 * its group. */
int work_process_end(struct work_process *process)
{
	siginfo_t ended;
	int status = 0;
	while (waitid(P_PID, (id_t)process->id, &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	work_process_signal(process, SIGKILL);
	while (waitpid(process->id, &status, 0) < 0 && errno == EINTR)
		;
	process->id = -1;
	return status;
}

void work_process_close(struct work_process *process)
{
	if (process->id > 0) {
		work_process_signal(process, SIGKILL);
		work_process_end(process);
	}
	if (process->descriptor >= 0)
		close(process->descriptor);
	if (process->errors >= 0)
		close(process->errors);
}
