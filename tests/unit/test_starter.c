/* What a process that has given its rights up still gets by its starter, and what it does not: tried by a child each
 * time. */
#include "loader/base/starter.h"

#include "loader/confine/confine.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *inside;

static int setup(void **state)
{
	char *made = g_dir_make_tmp("inqueue-inside-XXXXXX", NULL);
	inside = made;
	*state = made;
	return made == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	g_autofree char *folder = *state;
	g_autofree char *file = g_build_filename(folder, "file", NULL);
	g_unlink(file);
	return g_rmdir(folder);
}

/* Runs `attempt` in a child; it returns how many of its expectations were not met. */
static void assert_in_child(int (*attempt)(void))
{
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(attempt());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int wrong(bool as_expected)
{
	return as_expected ? 0 : 1;
}

static struct starter_program program_of(char *const *arguments)
{
	return (struct starter_program){
	    .arguments = arguments, .first_descriptor = STDOUT_FILENO, .descriptor_count = 2};
}

/* With the end of a pipe as standard output and error. */
static int start(char *const *arguments, int output, struct starter_child *ret_child)
{
	const struct starter_program program = program_of(arguments);
	const int descriptors[] = {output, output};
	return starter_start(&program, descriptors, G_N_ELEMENTS(descriptors), ret_child);
}

/* Runs a program by its starter, and returns what it says. Its time is limited if seconds are named. */
static char *said_by(char *const *arguments, uint32_t seconds)
{
	char said[64];
	int ends[2];
	int status = 0;
	struct starter_child child;
	if (pipe(ends) != 0)
		return NULL;
	int failed = start(arguments, ends[1], &child);
	close(ends[1]);
	if (failed != 0)
		return g_strdup(strerrorname_np(failed));
	failed = seconds > 0 ? starter_limit_time(child.pid, seconds) : 0;
	const ssize_t got = failed == 0 ? read(ends[0], said, sizeof said) : 0;
	close(ends[0]);
	close(child.process);
	if (waitpid(child.pid, &status, 0) != child.pid || status != 0)
		return NULL;
	return g_strndup(said, got > 0 ? (gsize)got : 0);
}

/* A descriptor that a program has got besides its own could be a lock, or a mailbox. */
static int start_afterwards(void)
{
	struct error err;
	char *const allowed[] = {(char *)"/bin/sh", (char *)"-c",
				 (char *)"cd /proc/self/fd && echo *", NULL};
	char *const other[] = {(char *)"/bin/echo", (char *)"other", NULL};
	const struct starter_program program = program_of(allowed);
	starter_allow(&program);
	int failures =
	    wrong(starter_begin(&err) == 0) + wrong(confine_to_folders(&inside, 1, &err) == 0);
	scoped(descriptor_close) int kept = open("/dev/null", O_RDONLY);
	for (int i = 0; i < 2; i++) {
		g_autofree char *said = said_by(allowed, 0);
		failures += wrong(g_strcmp0(said, "0 1 2 3\n") == 0); /* 3 is the shell's own */
	}
	g_autofree char *refused = said_by(other, 0);
	failures += wrong(g_strcmp0(refused, "EPERM") == 0);
	return failures;
}

/* The asker's standard input is not the program's. */
static int read_by_starter(void)
{
	struct error err;
	int ends[2];
	char *const reading[] = {(char *)"/bin/sh", (char *)"-c", (char *)"cat; echo end", NULL};
	const struct starter_program program = program_of(reading);
	starter_allow(&program);
	int failures = wrong(pipe(ends) == 0 && write(ends[1], "x\n", 2) == 2) +
		       wrong(dup2(ends[0], STDIN_FILENO) == STDIN_FILENO && close(ends[1]) == 0);
	failures +=
	    wrong(starter_begin(&err) == 0) + wrong(confine_to_folders(&inside, 1, &err) == 0);
	g_autofree char *said = said_by(reading, 0);
	return failures + wrong(g_strcmp0(said, "end\n") == 0);
}

static void who_is_started_reads_nothing_of_the_asker(void **state)
{
	(void)state;
	assert_in_child(read_by_starter);
}

/* It begins with no limit, and says the one that it gets. */
static int limit_by_starter(void)
{
	struct error err;
	char *const waiting[] = {
	    (char *)"/bin/sh", (char *)"-c",
	    (char *)"while [ $(ulimit -t) = unlimited ]; do :; done; ulimit -t", NULL};
	const struct starter_program program = program_of(waiting);
	starter_allow(&program);
	int failures =
	    wrong(starter_begin(&err) == 0) + wrong(confine_to_folders(&inside, 1, &err) == 0);
	g_autofree char *said = said_by(waiting, 600);
	failures += wrong(said != NULL && strtol(said, NULL, 10) > 600);
	failures += wrong(starter_limit_time(getppid(), 600) == ESRCH);
	return failures + wrong(starter_limit_time(getpid(), 600) == ESRCH);
}

static void a_starter_limits_what_it_has_started(void **state)
{
	(void)state;
	assert_in_child(limit_by_starter);
}

/* Of programs that do not end, so many are started, and others when some have ended. */
static int flood(void)
{
	struct error err;
	struct starter_child started[STARTER_CHILDREN_MAX];
	struct starter_child one_more;
	char *const lasting[] = {(char *)"/bin/sleep", (char *)"1000", NULL};
	const struct starter_program program = program_of(lasting);
	scoped(descriptor_close) int output = open("/dev/null", O_WRONLY);
	starter_allow(&program);
	int failures =
	    wrong(starter_begin(&err) == 0) + wrong(confine_to_folders(&inside, 1, &err) == 0);
	for (size_t i = 0; i < STARTER_CHILDREN_MAX; i++)
		failures += wrong(start(lasting, output, &started[i]) == 0);
	failures += wrong(start(lasting, output, &one_more) == EAGAIN);
	for (size_t i = 0; failures == 0 && i < STARTER_CHILDREN_MAX; i++) {
		pidfd_send_signal(started[i].process, SIGKILL, NULL, 0);
		waitpid(started[i].pid, NULL, 0);
	}
	failures += wrong(start(lasting, output, &one_more) == 0);
	pidfd_send_signal(one_more.process, SIGKILL, NULL, 0);
	return failures;
}

static void a_starter_is_not_flooded(void **state)
{
	(void)state;
	assert_in_child(flood);
}

/* By their paths; no other one. */
static int connect_by_starter(void)
{
	struct error err;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int connected = -1;
	g_autofree char *path = g_build_filename(inside, "file", NULL);
	g_autofree char *missing = g_build_filename(inside, "missing", NULL);
	scoped(descriptor_close) int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	int failures =
	    wrong(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
		  listen(listener, 1) == 0);
	starter_allow_socket(path);
	starter_allow_socket(missing);
	failures +=
	    wrong(starter_begin(&err) == 0) + wrong(confine_to_folders(&inside, 1, &err) == 0);
	failures += wrong(starter_connect(path, 5, &connected) == 0 && connected >= 0);
	failures += wrong(starter_connect(missing, 5, &connected) == ENOENT);
	failures += wrong(starter_connect("/run/other", 5, &connected) == EACCES);
	/* What listens connects to nobody. */
	return failures +
	       wrong(connect(listener, (const struct sockaddr *)&address, sizeof address) != 0);
}

static void a_starter_reaches_the_sockets_that_were_allowed(void **state)
{
	(void)state;
	assert_in_child(connect_by_starter);
}

static void a_starter_starts_what_was_allowed_before(void **state)
{
	(void)state;
	assert_in_child(start_afterwards);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_starter_starts_what_was_allowed_before, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(who_is_started_reads_nothing_of_the_asker, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_starter_limits_what_it_has_started, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_starter_is_not_flooded, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_starter_reaches_the_sockets_that_were_allowed, setup,
					    teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
