#include "loader/watch/watch_bell.h"

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int watch_bell_new(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void watch_bell_ring(int bell)
{
	const uint64_t one = 1;
	/* The only failure is a counter that is full: it was rung often enough. */
	if (bell >= 0 && write(bell, &one, sizeof one) < 0)
		return;
}

void watch_bell_clear(int bell)
{
	uint64_t rings;
	if (bell >= 0 && read(bell, &rings, sizeof rings) < 0)
		return;
}

static int watch_bell_add(int set, int descriptor)
{
	struct epoll_event readable = {.events = EPOLLIN};
	return descriptor >= 0 ? epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &readable) : 0;
}

int watch_bell_listen(int bell, int other)
{
	const int set = epoll_create1(EPOLL_CLOEXEC);
	if (set < 0)
		return -1;
	if (watch_bell_add(set, bell) == 0 && watch_bell_add(set, other) == 0)
		return set;
	close(set);
	return -1;
}
