/*
 * place_fixture.h - tests in places that cannot be written, or hold little.
 */
#ifndef TEST_PLACE_FIXTURE_H
#define TEST_PLACE_FIXTURE_H

#include "queue_fixture.h"

#include <sched.h>
#include <sys/mount.h>

/* Runs a body as an ordinary user: permissions do not bind root. The body's result is the exit
 * status. */
static inline int as_ordinary_user(struct fixture *f, int (*body)(struct fixture *))
{
	const pid_t child = fork();
	if (child == 0) {
		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(99);
		_exit(body(f));
	}
	return wait_for(child);
}

/* The log of a database that is to be read by others, as its owner makes it. */
static inline void make_log_readable(struct fixture *f)
{
	static const char *const suffixes[] = {"-wal", "-shm"};
	for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *path = g_strconcat(f->path, suffixes[i], NULL);
		assert_int_equal(0, chmod(path, 0444));
	}
}

#define CANNOT_MOUNT 77

static inline bool write_to(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	return written && close(fd) == 0;
}

/* Where mounts are private; an ordinary user may mount as root of a user name space. */
static inline bool enter_mount_space(void)
{
	if (geteuid() == 0)
		return unshare(CLONE_NEWNS) == 0;
	g_autofree char *user = g_strdup_printf("0 %u 1", (unsigned)geteuid());
	g_autofree char *group = g_strdup_printf("0 %u 1", (unsigned)getegid());
	return unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0 &&
	       write_to("/proc/self/setgroups", "deny") && write_to("/proc/self/uid_map", user) &&
	       write_to("/proc/self/gid_map", group);
}

/* Runs a body with a file system of its own on the test's folder, that the rest of the system does
 * not see. */
static inline int with_mount(struct fixture *f, const char *options, int (*body)(struct fixture *))
{
	g_autofree char *private = g_strconcat(options, ",mode=0700", NULL);
	const pid_t child = fork();
	if (child == 0) {
		if (!enter_mount_space() ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount("tmpfs", f->folder, "tmpfs", 0, private) != 0)
			_exit(CANNOT_MOUNT);
		_exit(body(f));
	}
	const int status = wait_for(child);
	if (status == CANNOT_MOUNT)
		skip();
	return status;
}

#endif
