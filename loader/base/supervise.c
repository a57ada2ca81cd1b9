/* The name of the peer lies in a page that both processes have: it is read when the child is gone. */
#include "loader/base/supervise.h"

#include "loader/base/service.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { PEER_BYTES = 256 };

static char *shared_peer; /* PEER_BYTES; NULL where nobody supervises this process */

void supervise_note_peer(const char *peer)
{
	if (shared_peer != NULL)
		g_strlcpy(shared_peer, peer, PEER_BYTES);
}

static _Noreturn void child(int (*work)(void *context), void *context, pid_t parent)
{
	/* A parent that died before the kernel was asked would never be told of. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(ERROR_SOFTWARE);
	stop_install();
	exit(work(context));
}

/* What the terminal or an operator has asked for is no fault: it ends us as it has ended the child. */
static void end_likewise(int number)
{
	if (number != SIGTERM && number != SIGINT)
		return;
	signal(number, SIG_DFL);
	raise(number);
}

static int describe_death(int number, struct error *err)
{
	if (*shared_peer == '\0')
		return error_set(err, ERROR_SOFTWARE,
				 "this command was ended by signal %d (%s) before it had reached a "
				 "server: a fault of inqueue",
				 number, strsignal(number));
	shared_peer[PEER_BYTES - 1] = '\0';
	g_autofree char *peer = g_utf8_make_valid(shared_peer, -1);
	return error_set(
	    err, ERROR_SOFTWARE,
	    "this command was ended by signal %d (%s) while it was talking to %s: a fault "
	    "of inqueue, which that server may have brought about; what was done by then "
	    "stands",
	    number, strsignal(number), peer);
}

static int wait_for(pid_t pid, int *ret_status, struct error *err)
{
	int status = 0;
	stop_pass_on(pid);
	/* A signal that came before there was a child to pass it on to. */
	if (stop_requested())
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	stop_pass_on(0);
	if (WIFSIGNALED(status)) {
		end_likewise(WTERMSIG(status));
		return describe_death(WTERMSIG(status), err);
	}
	*ret_status = WEXITSTATUS(status);
	return 0;
}

int supervise(int (*work)(void *context), void *context, int *ret_status, struct error *err)
{
	void *shared =
	    mmap(NULL, PEER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return error_set(err, ERROR_IO, "starting a process: %s", g_strerror(errno));
	shared_peer = shared;
	pid_t parent = getpid();
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		child(work, context, parent);
	int failed = pid > 0
			 ? wait_for(pid, ret_status, err)
			 : error_set(err, ERROR_IO, "starting a process: %s", g_strerror(errno));
	shared_peer = NULL;
	munmap(shared, PEER_BYTES);
	return failed;
}
