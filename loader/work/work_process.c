/* Starts a command by fork() and exec(), in a process group of its own, and ends it with all
 * that it has started. A pidfd tells of its end, a pipe carries its standard error. Says before what would
 * keep it from being started. */
#include "loader/work/work_internal.h"

#include "loader/work/work.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The ends of pipes that the child needs between fork() and exec(), where it makes nothing but
 * system calls. */
struct work_process_ends {
	int input;
	int output; /* -1: ours */
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
	    dup2(ends->errors, STDERR_FILENO) >= 0 &&
	    (ends->output < 0 || dup2(ends->output, STDOUT_FILENO) >= 0))
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
		       const char *output, struct work_process *ret_process, struct error *err)
{
	int errors[2];
	int failure[2];
	scoped(descriptor_close) int in = open(input, O_RDONLY | O_CLOEXEC);
	scoped(descriptor_close) int out =
	    output != NULL
		? open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)
		: -1;
	if (in < 0 || (output != NULL && out < 0) || pipe2(errors, O_CLOEXEC) != 0)
		return error_set(err, ERROR_IO, "starting '%s': %s", command[0], g_strerror(errno));
	scoped(descriptor_close) int ours = errors[0];
	scoped(descriptor_close) int theirs = errors[1];
	if (pipe2(failure, O_CLOEXEC) != 0)
		return error_set(err, ERROR_IO, "starting '%s': %s", command[0], g_strerror(errno));
	scoped(descriptor_close) int failed = failure[0];
	scoped(descriptor_close) int fails = failure[1];
	const struct work_process_ends ends = {
	    .input = in, .output = out, .errors = theirs, .failure = fails};
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

/* A command that has closed its standard error may go on without: the pipe is given up, not the command. */
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

/* Also what never became the command, so that no child is left behind without being waited for. */
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

/* ---- a command, before it is started ---- */

/* It is looked at with the eyes of exec, which itself says "No such file or directory" both for a script
 * that is missing and for one whose interpreter is. */

enum { LINE_MAX_BYTES = 256 }; /* of a #! line, as Linux reads it */

/* Names the thing and what to do about it; exec would only say EACCES or ENOENT. */
static int work_command_check_permission(const char *what, const char *path, struct error *err)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return error_set(err, ERROR_USAGE, "there is no %s '%s': %s", what, path,
				 g_strerror(errno));
	if (S_ISDIR(status.st_mode))
		return error_set(err, ERROR_USAGE, "the %s '%s' is a folder", what, path);
	if (access(path, X_OK) != 0)
		return error_set(err, ERROR_USAGE,
				 "the %s '%s' has no execute permission (%s): chmod +x '%s'", what,
				 path, g_strerror(errno), path);
	return 0;
}

/* A file that was edited on Windows: the kernel looks for an interpreter whose name ends with
 * CR. */
static int work_command_refuse_cr(const char *path, const char *interpreter, struct error *err)
{
	return error_set(err, ERROR_USAGE,
			 "the command '%s' cannot be started: its first line ends with CR, so that "
			 "its interpreter would be '%.*s\\r': sed -i 's/\\r$//' '%s'",
			 path, (int)strlen(interpreter) - 1, interpreter, path);
}

/* The program that env is asked for; NULL where that is not plain. Caller frees. */
static char *work_command_of_env(const char *argument)
{
	g_auto(GStrv) words = g_strsplit(argument, " ", -1);
	if (!g_str_has_prefix(argument, "-S"))
		return *argument != '-' && strchr(argument, '=') == NULL ? g_strdup(argument)
									 : NULL;
	for (char **word = words; *word != NULL; word++) {
		if (**word != '\0' && **word != '-' && strchr(*word, '=') == NULL)
			return g_strdup(*word);
	}
	return NULL;
}

static int work_command_check_env(const char *path, const char *argument, struct error *err)
{
	g_autofree char *program = work_command_of_env(argument);
	if (program == NULL || *program == '\0')
		return 0;
	if (g_str_has_suffix(program, "\r"))
		return work_command_refuse_cr(path, program, err);
	g_autofree char *found = g_find_program_in_path(program);
	return found != NULL
		   ? 0
		   : error_set(err, ERROR_USAGE,
			       "the command '%s' cannot be started: its interpreter '%s' is not in "
			       "PATH",
			       path, program);
}

/* The first line names an interpreter and at most one argument; env's argument names the real
 * one. */
static int work_command_check_interpreter(const char *path, char *line, struct error *err)
{
	line[strcspn(line, "\n")] = '\0';
	char *interpreter = g_strchug(line);
	char *argument = interpreter + strcspn(interpreter, " \t");
	if (*argument != '\0')
		*argument++ = '\0';
	argument += strspn(argument, " \t");
	struct error why;
	if (*interpreter == '\0')
		return 0;
	if (work_command_check_permission("interpreter", interpreter, &why) != 0)
		return g_str_has_suffix(interpreter, "\r")
			   ? work_command_refuse_cr(path, interpreter, err)
			   : error_set(err, ERROR_USAGE, "the command '%s' cannot be started: %s",
				       path, why.text);
	g_autofree char *name = g_path_get_basename(interpreter);
	return strcmp(name, "env") == 0 ? work_command_check_env(path, argument, err) : 0;
}

/* A file that is no script, or cannot be read, is left to exec. */
static int work_command_check_script(const char *path, struct error *err)
{
	char line[LINE_MAX_BYTES + 1];
	scoped(descriptor_close) int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const ssize_t size = descriptor >= 0 ? read(descriptor, line, LINE_MAX_BYTES) : -1;
	if (size < 2 || line[0] != '#' || line[1] != '!')
		return 0;
	line[size] = '\0';
	return work_command_check_interpreter(path, line + 2, err);
}

/* A file of that name in PATH that cannot be executed: the user most likely means it. Caller
 * frees. */
static char *work_command_find_other(const char *command)
{
	g_auto(GStrv) folders =
	    g_strsplit(g_getenv("PATH") != NULL ? g_getenv("PATH") : "", ":", -1);
	for (char **folder = folders; *folder != NULL; folder++) {
		g_autofree char *path = g_build_filename(*folder, command, NULL);
		if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
			return steal(&path);
	}
	return NULL;
}

int work_command_check(const char *command, struct error *err)
{
	g_autofree char *path =
	    strchr(command, '/') != NULL ? g_strdup(command) : g_find_program_in_path(command);
	if (path == NULL)
		path = work_command_find_other(command);
	if (path == NULL)
		return error_set(err, ERROR_USAGE, "there is no command '%s' in PATH", command);
	if (work_command_check_permission("command", path, err) != 0)
		return -1;
	return work_command_check_script(path, err);
}

/* The file may have changed since it was looked at, so it is looked at again before errno is
 * explained. */
int work_command_refuse(const char *command, int number, struct error *err)
{
	if (work_command_check(command, err) != 0)
		return -1;
	const bool wrong = number == ENOENT || number == EACCES || number == ENOEXEC ||
			   number == ELOOP || number == ENOTDIR || number == E2BIG;
	return error_set(err, wrong ? ERROR_USAGE : ERROR_IO,
			 "the command '%s' cannot be started: %s%s", command, g_strerror(number),
			 number == ENOENT
			     ? " (its loader is missing, or the interpreter of its interpreter)"
			     : "");
}
