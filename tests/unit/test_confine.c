/* What a process can do no more, once it has given its rights up: tried by a child each time. */
#include "loader/confine/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char *inside;
static char *outside;

static int setup(void **state)
{
	(void)state;
	inside = g_dir_make_tmp("inqueue-inside-XXXXXX", NULL);
	outside = g_dir_make_tmp("inqueue-outside-XXXXXX", NULL);
	return inside != NULL && outside != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	g_autofree char *file = g_build_filename(inside, "file", NULL);
	g_unlink(file);
	int failed = g_rmdir(inside) != 0 || g_rmdir(outside) != 0;
	g_free(inside);
	g_free(outside);
	return failed;
}

static bool has_landlock(void)
{
	return syscall(444, NULL, (size_t)0, 1) > 0;
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

static bool can_make_file(const char *folder)
{
	g_autofree char *path = g_build_filename(folder, "file", NULL);
	int file = open(path, O_WRONLY | O_CREAT, 0600);
	return file >= 0 && write(file, "x", 1) == 1 && close(file) == 0;
}

static bool can_execute(void)
{
	pid_t child = fork();
	int status = 0;
	if (child == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(errno == EPERM ? 1 : 2);
	}
	return waitpid(child, &status, 0) == child && status == 0;
}

static int give_up(bool may_execute)
{
	struct error err;
	const char *const folders[] = {inside, "/does/not/exist"};
	return confine_to_folders(folders, G_N_ELEMENTS(folders), may_execute, &err);
}

static int talk(void)
{
	int failures = wrong(give_up(false) == 0);
	failures += wrong(can_make_file(inside));
	failures += wrong(!has_landlock() || !can_make_file(outside));

	failures += wrong(access("/etc/passwd", R_OK) == 0 && open("/etc/passwd", O_RDONLY) >= 0);
	failures += wrong(open("/dev/null", O_RDWR) >= 0);
	failures += wrong(!can_execute());
#if !defined(__SANITIZE_ADDRESS__)
	failures += wrong(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1 && errno == EPERM);
#endif
	failures += wrong(setuid(getuid()) == -1 && errno == EPERM);
	failures += wrong(give_up(true) == 0 && !can_execute());
	return failures;
}

static void who_talks_writes_in_its_folders_alone(void **state)
{
	(void)state;
	assert_in_child(talk);
}

static int read_mail(void)
{
	return wrong(give_up(true) == 0) + wrong(can_execute()) +
	       wrong(!has_landlock() || !can_make_file(outside));
}

static void who_reads_mail_starts_programs(void **state)
{
	(void)state;
	assert_in_child(read_mail);
}

static int parse(void)
{
	int before = open("/etc/passwd", O_RDONLY);
	char byte;
	return wrong(confine_to_descriptors() == 0) + wrong(read(before, &byte, 1) == 1) +
	       wrong(!has_landlock() || open("/etc/passwd", O_RDONLY) == -1) +
	       wrong(!has_landlock() || !can_make_file(inside));
}

static void descriptors_are_all_that_is_left(void **state)
{
	(void)state;
	assert_in_child(parse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(who_talks_writes_in_its_folders_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(who_reads_mail_starts_programs, setup, teardown),
	    cmocka_unit_test_setup_teardown(descriptors_are_all_that_is_left, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
