/*
 * Starts a keeper: forks it, detaches it from terminal, descriptors and session of the command, and
 * waits for its report, so that `mail open` fails where the keeper cannot sign in.
 */
#include "loader/mailbox/mail_connection_internal.h"

#include "loader/base/service.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Gives up everything of the command but its working folder, from which a token command may be run
 * by a relative path. Returns the descriptor for the report, or -1. */
static int mail_keeper_detach(int pipe_end)
{
	enum { KEPT = STDERR_FILENO + 1 };
	if (setsid() < 0 || (pipe_end != KEPT && dup3(pipe_end, KEPT, O_CLOEXEC) < 0) ||
	    close_range(KEPT + 1, ~0U, 0) != 0)
		return -1;
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int standard = STDIN_FILENO; nothing >= 0 && standard <= STDERR_FILENO; standard++)
		dup2(nothing, standard);
	return nothing < 0 ? -1 : KEPT;
}

static _Noreturn void mail_keeper_child(const char *name, struct mail_account *account,
					uint32_t idle_s, int pipe_end)
{
	stop_install();
	int kept = mail_keeper_detach(pipe_end);
	if (kept < 0)
		_exit(EXIT_FAILURE);
	/* The password must not get into a core dump. */
	prctl(PR_SET_DUMPABLE, 0);
	mail_keeper_run(name, account, idle_s, kept);
}

/* Waits for the keeper's word. */
static int mail_keeper_listen(int pipe_end, const char *name, struct error *err)
{
	struct mail_keeper_report report;
	size_t taken = 0;
	while (taken < sizeof report) {
		ssize_t got = read(pipe_end, (char *)&report + taken, sizeof report - taken);
		if (got < 0 && errno == EINTR && !stop_requested())
			continue;
		if (got <= 0)
			return error_set(err, ERROR_SOFTWARE,
					 "connection '%s': its process ended before it was open",
					 name);
		taken += (size_t)got;
	}
	if (report.failed == 0)
		return 0;
	*err = report.err;
	return -1;
}

int mail_keeper_start(const char *name, struct mail_account *account, uint32_t idle_s,
		      struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set(err, ERROR_IO, "connection '%s': %s", name, g_strerror(errno));
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		mail_keeper_child(name, account, idle_s, ends[1]);
	}
	int saved = errno;
	close(ends[1]);
	scoped(descriptor_close) int pipe_end = ends[0];
	if (child < 0)
		return error_set(err, ERROR_IO, "connection '%s': %s", name, g_strerror(saved));
	if (mail_keeper_listen(pipe_end, name, err) == 0)
		return 0;
	waitpid(child, NULL, 0);
	return error_prefix(err, "open '%s'", name);
}
