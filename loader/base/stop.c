#include "loader/base/stop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static volatile sig_atomic_t requested; /* how often */
static volatile sig_atomic_t expected = 1;
static volatile sig_atomic_t worker;
static volatile sig_atomic_t descriptor = -1;
static pid_t descriptor_owner;

static void stop_on_signal(int number)
{
	int saved = errno;
	if (worker > 0) {
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

void stop_install(void)
{
	worker = 0;
	struct sigaction action = {.sa_handler = stop_on_signal};
	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGPIPE, &ignore, NULL);
}

void stop_pass_on(pid_t child)
{
	stop_install();
	worker = child;
}

bool stop_requested(void)
{
	return requested > 0;
}

int stop_signals(void)
{
	return requested;
}

void stop_expect(int signals)
{
	expected = signals;
}

int stop_descriptor(void)
{
	/* A parent's is of no use: it would be readable from the parent's signals. */
	if (descriptor < 0 || descriptor_owner != getpid()) {
		descriptor = eventfd(requested > 0 ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
		descriptor_owner = getpid();
	}
	return descriptor;
}
