/* What a process can do no more, once it has given its rights up: tried by a child each time. */
#include "loader/confine/confine.h"

#include "loader/base/starter.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

static char *inside;
static char *outside;
static const char *const outside_files[] = {"allowed", "other"};

static int setup(void **state)
{
	(void)state;
	inside = g_dir_make_tmp("inqueue-inside-XXXXXX", NULL);
	outside = g_dir_make_tmp("inqueue-outside-XXXXXX", NULL);
	if (inside == NULL || outside == NULL)
		return -1;
	for (size_t i = 0; i < G_N_ELEMENTS(outside_files); i++) {
		g_autofree char *path = g_build_filename(outside, outside_files[i], NULL);
		if (!g_file_set_contents(path, "x", 1, NULL))
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	g_autofree char *file = g_build_filename(inside, "file", NULL);
	g_unlink(file);
	for (size_t i = 0; i < G_N_ELEMENTS(outside_files); i++) {
		g_autofree char *path = g_build_filename(outside, outside_files[i], NULL);
		g_unlink(path);
	}
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

static bool can_read(const char *folder, const char *name)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	int file = open(path, O_RDONLY);
	char byte;
	const bool read_it = file >= 0 && read(file, &byte, 1) == 1;
	if (file >= 0)
		close(file);
	return read_it;
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

static void *do_nothing(void *context)
{
	return context;
}

static bool can_make_thread(void)
{
	pthread_t thread;
	return pthread_create(&thread, NULL, do_nothing, NULL) == 0 &&
	       pthread_join(thread, NULL) == 0;
}

static bool can_find_host(void)
{
	struct addrinfo *found = NULL;
	const bool done = getaddrinfo("localhost", "imap", NULL, &found) == 0;
	if (done)
		freeaddrinfo(found);
	return done;
}

static bool can_have_socket(int family, int kind, int protocol)
{
	scoped(descriptor_close) int made = socket(family, kind, protocol);
	return made >= 0;
}

static bool can_have_pair(int kind)
{
	int ends[2] = {-1, -1};
	const bool made = socketpair(AF_UNIX, kind, 0, ends) == 0;
	descriptor_close_scoped(&ends[0]);
	descriptor_close_scoped(&ends[1]);
	return made;
}

/* Children of a namespace of their own have all rights in it. */
static bool can_have_namespace(unsigned long kind)
{
	const long child = syscall(SYS_clone, kind | SIGCHLD, NULL, NULL, NULL, NULL);
	if (child == 0)
		_exit(0);
	if (child > 0)
		waitpid((pid_t)child, NULL, 0);
	return child > 0 || errno != EPERM;
}

static int give_up(void)
{
	struct error err;
	const char *const folders[] = {inside, "/does/not/exist"};
	return confine_to_folders(folders, G_N_ELEMENTS(folders), &err);
}

static int talk(void)
{
	g_autofree char *path = g_build_filename(outside, "allowed", NULL);
	confine_allow(path);
	confine_allow(NULL);
	int failures = wrong(give_up() == 0);
	failures += wrong(can_make_file(inside));
	failures += wrong(!has_landlock() || !can_make_file(outside));

	failures += wrong(can_read(inside, "file"));
	failures += wrong(can_read("/etc", "passwd"));
	failures += wrong(!has_landlock() || geteuid() != 0 || !can_read("/etc", "shadow"));
	failures += wrong(can_read("/usr/share/zoneinfo", "UTC"));
	failures += wrong(open("/dev/null", O_RDWR) >= 0);
	failures += wrong(can_read(outside, "allowed"));
	failures += wrong(!has_landlock() || !can_read(outside, "other"));
	failures += wrong(!has_landlock() || open(outside, O_RDONLY | O_DIRECTORY) == -1);
	failures += wrong(!has_landlock() || !can_read("/proc/1", "cmdline"));
	failures += wrong(!can_execute());
#if !defined(__SANITIZE_ADDRESS__)
	failures += wrong(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1 && errno == EPERM);
#endif
	failures += wrong(setuid(getuid()) == -1 && errno == EPERM);
	failures += wrong(give_up() == 0 && !can_execute());
	return failures;
}

/* Ways around the rules for files and programs: a shell that is typed to, a service that is told to start
 * something, calls that pass by a filter. */
static int go_around(void)
{
	g_autofree char *file = g_build_filename(inside, "file", NULL);
	char memory[512] = {0};
	int failures = wrong(give_up() == 0) + wrong(can_make_file(inside));
	scoped(descriptor_close) int terminal = open("/dev/null", O_RDWR);
	failures += wrong(ioctl(terminal, TIOCSTI, "x") == -1 && errno == EPERM);
	failures += wrong(ioctl(terminal, TIOCLINUX, memory) == -1 && errno == EPERM);
	failures += wrong(!can_have_socket(AF_UNIX, SOCK_STREAM, 0));
	failures += wrong(!can_have_socket(AF_UNIX, SOCK_DGRAM, 0));
	failures += wrong(!can_have_socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	failures += wrong(!can_have_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	failures += wrong(can_have_socket(AF_INET6, SOCK_STREAM, 0));
	failures += wrong(!can_have_pair(SOCK_DGRAM)) + wrong(!can_have_pair(SOCK_RAW));
	failures += wrong(can_have_pair(SOCK_STREAM)) + wrong(can_have_pair(SOCK_SEQPACKET));
	failures += wrong(syscall(SYS_io_uring_setup, 1, memory) == -1 && errno == EPERM);
	failures += wrong(!can_have_namespace(CLONE_NEWUSER));
	failures += wrong(!can_have_namespace(CLONE_NEWNS));
	failures += wrong(chmod(file, 04700) == -1 && errno == EPERM);
	failures += wrong(chmod(file, 0600) == 0);
	failures += wrong(setxattr(file, "user.x", "x", 1, 0) == -1 && errno == EPERM);
	failures += wrong(can_make_thread()) + wrong(can_find_host());
	return failures;
}

static void who_talks_finds_no_way_around(void **state)
{
	(void)state;
	assert_in_child(go_around);
}

/* Other processes of its user are none of its business. */
static int signal_others(void)
{
	struct rlimit limit;
	const pid_t parent = getppid();
	int failures = wrong(give_up() == 0);
	failures += wrong(kill(parent, 0) != 0 && errno == EPERM);
	failures += wrong(kill(-1, 0) != 0 && errno == EPERM);
	failures += wrong(tgkill(parent, parent, 0) != 0 && errno == EPERM);
	failures += wrong(sigqueue(parent, 0, (union sigval){0}) != 0 && errno == EPERM);
	failures += wrong(pidfd_open(parent, 0) < 0 && errno == EPERM);
	failures += wrong(prlimit(parent, RLIMIT_NOFILE, NULL, &limit) != 0 && errno == EPERM);
	failures += wrong(prlimit(parent, RLIMIT_CPU, NULL, &limit) != 0 && errno == EPERM);
	failures += wrong(setpriority(PRIO_PROCESS, (id_t)parent, 0) != 0 && errno == EPERM);
	return failures + wrong(raise(0) == 0) + wrong(getrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void who_talks_signals_itself_alone(void **state)
{
	(void)state;
	assert_in_child(signal_others);
}

static void who_talks_has_its_folders_alone(void **state)
{
	(void)state;
	assert_in_child(talk);
}

static const char *const made_beside[] = {"", "-wal", "-shm", "-lock"};

static char *beside(const char *suffix)
{
	return g_strconcat(outside, "/allowed", suffix, NULL);
}

static bool can_write(const char *path)
{
	const int file = open(path, O_WRONLY);
	const bool wrote = file >= 0 && write(file, "y", 1) == 1;
	if (file >= 0)
		close(file);
	return wrote;
}

/* Whoever takes it over can put no other command in the place of one that lies beside the database. */
static int use_database(void)
{
	struct error err;
	int failures = 0;
	int file = -1;
	g_autofree char *database = beside("");
	g_autofree char *other = g_build_filename(outside, "other", NULL);
	g_autofree char *new = beside("-new");
	for (size_t i = 0; i < G_N_ELEMENTS(made_beside); i++) {
		g_autofree char *path = beside(made_beside[i]);
		failures += wrong(g_file_set_contents(path, "x", 1, NULL));
	}
	starter_allow_files(outside);
	failures += wrong(starter_begin(&err) == 0) +
		    wrong(confine_to_database(database, inside, &err) == 0);
	for (size_t i = 0; i < G_N_ELEMENTS(made_beside); i++) {
		g_autofree char *path = beside(made_beside[i]);
		failures += wrong(can_write(path));
	}
	failures += wrong(!can_write(other)) + wrong(unlink(other) != 0) +
		    wrong(rename(database, other) != 0) + wrong(link(database, new) != 0) +
		    wrong(symlink(other, new) != 0) + wrong(open(new, O_RDWR | O_CREAT, 0600) < 0) +
		    wrong(open(outside, O_TMPFILE | O_RDWR, 0600) < 0);
	failures += wrong(starter_open_file(outside, &file) == 0 && write(file, "z", 1) == 1);
	failures += wrong(starter_open_file("/tmp", &file) == EACCES);
	/* The starter opens again what can be read already, and nothing else. */
	scoped(descriptor_close) int named = open(other, O_PATH);
	int again = -1;
	failures +=
	    wrong(starter_open_for_reading(file, &again) == 0) + wrong(write(again, "z", 1) < 0);
	return failures + wrong(starter_open_for_reading(named, &again) == EPERM);
}

static void who_works_on_a_database_changes_nothing_beside_it(void **state)
{
	(void)state;
	if (has_landlock())
		assert_in_child(use_database);
	for (size_t i = 1; i < G_N_ELEMENTS(made_beside); i++) {
		g_autofree char *path = beside(made_beside[i]);
		g_unlink(path);
	}
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

/* Who has called is heard and answered; nobody else is reached. */
static int be_called(void)
{
	struct error err;
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	int listening = socket(AF_INET, SOCK_STREAM, 0);
	int caller = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int failures = wrong(bind(listening, (struct sockaddr *)&address, length) == 0) +
		       wrong(listen(listening, 1) == 0) +
		       wrong(getsockname(listening, (struct sockaddr *)&address, &length) == 0) +
		       wrong(connect(caller, (struct sockaddr *)&address, length) == 0) +
		       wrong(confine_to_callers(&err) == 0);
	const int heard = accept(listening, NULL, NULL);
	failures += wrong(heard >= 0) + wrong(write(heard, "z", 1) == 1);
	failures += wrong(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
	failures += wrong(socket(AF_INET6, SOCK_DGRAM, 0) < 0 && errno == EPERM);
	return failures +
	       wrong(connect(caller, (struct sockaddr *)&address, length) < 0 && errno == EPERM);
}

static void who_is_called_calls_nobody(void **state)
{
	(void)state;
	assert_in_child(be_called);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(who_talks_has_its_folders_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(who_talks_finds_no_way_around, setup, teardown),
	    cmocka_unit_test_setup_teardown(who_talks_signals_itself_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(who_works_on_a_database_changes_nothing_beside_it,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(descriptors_are_all_that_is_left, setup, teardown),
	    cmocka_unit_test_setup_teardown(who_is_called_calls_nobody, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
