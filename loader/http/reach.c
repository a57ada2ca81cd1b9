/* Resolves the host of a URL, and judges its addresses. A name is resolved in a child process, which a
 * resolver can neither hold up nor bring to a crash that would be ours. */
#include "loader/http/reach.h"

#include "loader/base/children.h"
#include "loader/http/address.h"
#include "loader/http/target.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

enum { REACH_DEADLINE_S = 5 };

/* What the child ends with. */
enum { REACH_ELSEWHERE = 0, REACH_PRIVATE = 1 };

static int reach_resolve(const char *host, int flags, bool *ret_private)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
	struct addrinfo *list;
	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return -1;
	*ret_private = true;
	for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
		*ret_private = *ret_private && address_is_private(at->ai_addr);
	freeaddrinfo(list);
	return 0;
}

/* The signal of the alarm ends the child. */
static int reach_in_child(void *context)
{
	bool private;
	alarm(REACH_DEADLINE_S);
	return reach_resolve(context, 0, &private) == 0 && private ? REACH_PRIVATE
								   : REACH_ELSEWHERE;
}

bool reach_is_private(const char *url, bool resolve)
{
	g_autofree char *host = target_name(url);
	bool private;
	if (reach_resolve(host, AI_NUMERICHOST, &private) == 0)
		return private;
	int status;
	struct error ignored;
	return resolve && supervise(reach_in_child, host, &status, &ignored) == 0 &&
	       status == REACH_PRIVATE;
}

/* A dot at the end changes no name. */
bool reach_says_private(const char *url)
{
	static const char *const ends[] = {".localhost", ".local", ".internal", ".home.arpa"};
	g_autofree char *host = target_name(url);
	g_autofree char *lower = g_ascii_strdown(host, -1);
	if (g_str_has_suffix(lower, "."))
		lower[strlen(lower) - 1] = '\0';
	g_autofree char *name = g_strconcat(".", lower, NULL);
	bool says = reach_is_private(url, false);
	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
		says = says || g_str_has_suffix(name, ends[i]);
	return says;
}
