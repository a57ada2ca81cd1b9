/* `serve`: options become the server's; whatever a person may have mistyped is said before it begins. */
#include "loader/cli/serve/serve_internal.h"

#include "loader/serve/serve.h"
#include "queue/base/scoped.h"

#include <signal.h>

/* An older database is brought up to date, and that is told, before the server has it. */
static int cmd_serve_check_database(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	return invocation_open(invocation, STORE_WRITE, &store, err);
}

int cmd_serve(const struct invocation *invocation, struct error *err)
{
	const char *hosts = invocation_text(invocation, "host");
	g_auto(GStrv) names = g_strsplit(hosts != NULL ? hosts : "", ",", -1);
	const struct serve_options options = {.database = invocation->database,
					      .listen = invocation_value(invocation, "listen"),
					      .certificate =
						  invocation_text(invocation, "tls-certificate"),
					      .key = invocation_text(invocation, "tls-key"),
					      .hosts = names};
	signal(SIGHUP, SIG_IGN);
	if (invocation_open_log(invocation, err) != 0 ||
	    cmd_serve_check_database(invocation, err) != 0)
		return -1;
	return serve_run(&options, err);
}
