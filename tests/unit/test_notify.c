/* Words for the service manager: over a socket in the file system and over an abstract one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loader/base/service.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket as the manager has it; '@' at the start stands for the NUL of an abstract name. */
static int bind_manager(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	assert_int_equal(bind(manager, (const struct sockaddr *)&address, length), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return manager;
}

static void assert_received(int manager, const char *expected)
{
	char bytes[256] = "";
	ssize_t size = recv(manager, bytes, sizeof bytes - 1, 0);
	assert_int_equal(size, (ssize_t)strlen(expected));
	assert_string_equal(bytes, expected);
}

static void test_a_path(void **state)
{
	(void)state;
	g_autofree char *folder = g_dir_make_tmp("notify-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "socket", NULL);
	int manager = bind_manager(path);
	notify_send("READY=1\nSTATUS=2 queues");
	notify_send("WATCHDOG=1");
	assert_received(manager, "READY=1\nSTATUS=2 queues");
	assert_received(manager, "WATCHDOG=1");
	close(manager);
	g_unlink(path);
	g_rmdir(folder);
}

static void test_an_abstract_name(void **state)
{
	(void)state;
	g_autofree char *name = g_strdup_printf("@inqueue-test-%d", (int)getpid());
	int manager = bind_manager(name);
	notify_send("STOPPING=1");
	assert_received(manager, "STOPPING=1");
	close(manager);
}

static int next_descriptor(void)
{
	int next = dup(STDERR_FILENO);
	close(next);
	return next;
}

/* A manager that is not there, or a name that no socket can have, is no trouble of ours. */
static void test_nobody_listens(void **state)
{
	(void)state;
	int before = next_descriptor();
	g_autofree char *long_name = g_strnfill(200, 'x');
	const char *const names[] = {"/nowhere/socket", "relative", "", long_name};
	long_name[0] = '/';
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		notify_send("READY=1");
	}
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
	assert_int_equal(next_descriptor(), before);
}

static void test_the_watchdog_is_meant_for_one_process(void **state)
{
	(void)state;
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "90000000", 1);
	assert_int_equal(notify_watchdog_ms(), 90000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	g_autofree char *own = g_strdup_printf("%d", (int)getpid());
	setenv("WATCHDOG_PID", own, 1);
	assert_int_equal(notify_watchdog_ms(), 90000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_path),
	    cmocka_unit_test(test_an_abstract_name),
	    cmocka_unit_test(test_nobody_listens),
	    cmocka_unit_test(test_the_watchdog_is_meant_for_one_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
