/* Notes TERM and INT in a signal handler, wakes poll() by an eventfd, and sends systemd its
 * datagrams. */
#include "loader/base/service.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- the wish to stop ---- */

static volatile sig_atomic_t requested; /* how often */
static volatile sig_atomic_t expected = 1;
static volatile sig_atomic_t told; /* the last one that a process has sent */
static volatile sig_atomic_t worker;
static volatile sig_atomic_t descriptor = -1;
static pid_t descriptor_owner;

/* Does what is allowed in a signal handler: counts, passes the signal of a process on to the worker,
 * which the terminal has told itself, and wakes poll(). One signal more than expected ends the
 * process as if nobody had caught it. */
static void stop_on_signal(int number, siginfo_t *from, void *context)
{
	int saved = errno;
	(void)context;
	if (from->si_code <= 0)
		told = number;
	if (worker > 0) {
		if (from->si_code <= 0)
			kill((pid_t)worker, number);
	} else if (requested >= expected) {
		signal(number, SIG_DFL);
		raise(number);
	}
	requested = requested + 1;
	const uint64_t one = 1;
	if (descriptor >= 0)
		(void)!write(descriptor, &one, sizeof one);
	errno = saved;
}

/* A pipe that nobody reads is an error of write(), not a signal. */
void stop_install(void)
{
	worker = 0;
	struct sigaction action = {.sa_sigaction = stop_on_signal, .sa_flags = SA_SIGINFO};
	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGPIPE, &ignore, NULL);
}

/* For the parent of a worker: it has nothing to finish itself, and waits for the child's end. */
void stop_pass_on(pid_t child)
{
	stop_install();
	worker = child;
}

/* A signal handler sets it, so that each loop asks at the places where it can end well. */
bool stop_requested(void)
{
	return requested > 0;
}

int stop_signals(void)
{
	return requested;
}

int stop_told(void)
{
	return told;
}

/* `work` takes two signals: the first lets commands finish, the second ends them. */
void stop_expect(int signals)
{
	expected = signals;
}

int stop_descriptor(void)
{
	/* A descriptor that was inherited is of no use: the parent's signals make it readable. */
	if (descriptor < 0 || descriptor_owner != getpid()) {
		descriptor = eventfd(requested > 0 ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
		descriptor_owner = getpid();
	}
	return descriptor;
}

/* ---- systemd ---- */

/* systemd names its socket by a path or, with '@' in front, in the abstract namespace. */
void notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
	    strlen(path) >= sizeof address.sun_path)
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@') /* the abstract namespace */
		address.sun_path[0] = '\0';
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	scoped(descriptor_close) int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sender >= 0)
		(void)sendto(sender, state, strlen(state), MSG_NOSIGNAL,
			     (const struct sockaddr *)&address, length);
}

/* $WATCHDOG_PID keeps a child that inherits the variables from feeding the watchdog of its
 * parent. */
int64_t notify_watchdog_ms(void)
{
	const char *process = getenv("WATCHDOG_PID");
	const char *interval = getenv("WATCHDOG_USEC");
	if (interval == NULL ||
	    (process != NULL && g_ascii_strtoll(process, NULL, 10) != (gint64)getpid()))
		return 0;
	return g_ascii_strtoll(interval, NULL, 10) / 1000;
}
