#include "loader/base/notify.h"

#include "queue/base/scoped.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

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
	scoped(descriptor_close) int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor >= 0)
		(void)sendto(descriptor, state, strlen(state), MSG_NOSIGNAL,
			     (const struct sockaddr *)&address, length);
}

int64_t notify_watchdog_ms(void)
{
	const char *process = getenv("WATCHDOG_PID");
	const char *interval = getenv("WATCHDOG_USEC");
	if (interval == NULL ||
	    (process != NULL && g_ascii_strtoll(process, NULL, 10) != (gint64)getpid()))
		return 0;
	return g_ascii_strtoll(interval, NULL, 10) / 1000;
}
