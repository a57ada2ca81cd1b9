#include "loader/cli/frame/command.h"

#include "loader/base/log.h"
#include "loader/imap/session/session.h"
#include "loader/watch/watch.h"
#include "loader/watch/watch_policy.h"
#include "queue/base/scoped.h"

#include <signal.h>

enum { CMD_WATCH_RUN_LIMIT = 1000, CMD_WATCH_RENEW_MS = 5 * 60 * 1000 };

/* Servers may close a connection that has been in IDLE for half an hour (RFC 2177). */
enum { CMD_WATCH_RENEW_MAX_MS = 25 * 60 * 1000 };

static int cmd_watch_open_log(const struct invocation *invocation, struct error *err)
{
	const char *level_text = invocation_text(invocation, "log-level");
	const char *format_text = invocation_text(invocation, "log-format");
	const char *imap = invocation_text(invocation, "log-imap");
	enum log_level level = LOG_LEVEL_INFO;
	enum log_format format = invocation->json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	if (level_text != NULL && log_level_parse(level_text, &level) != 0)
		return error_set(err, ERROR_USAGE,
				 "--log-level takes error, warning, notice, info or debug");
	if (format_text != NULL && log_format_parse(format_text, &format) != 0)
		return error_set(err, ERROR_USAGE, "--log-format takes text or json");
	if (imap != NULL && imapc_log_to(imap, err) != 0)
		return error_prefix(err, "--log-imap");
	log_open(format, level);
	return 0;
}

/* A name that is misspelt is better said now than never watched. */
static int cmd_watch_check_names(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	for (size_t i = 0; i < invocation->argument_count; i++) {
		scoped(work_queue_free) struct work_queue *queue = NULL;
		if (invocation_find_queue(invocation, store, i, &queue, err) != 0)
			return -1;
	}
	return 0;
}

static int cmd_watch_options(const struct invocation *invocation, struct watch_options *options,
			     struct error *err)
{
	if (invocation_number(invocation, "limit", 1, CMD_WATCH_RUN_LIMIT, &options->run_limit,
			      err) != 0 ||
	    invocation_duration(invocation, "renew", 1, CMD_WATCH_RENEW_MS, &options->renew_ms,
				err) != 0 ||
	    invocation_duration(invocation, "retry", 1, WATCH_RETRY_MS, &options->retry_ms, err) !=
		0)
		return -1;
	if (options->renew_ms > CMD_WATCH_RENEW_MAX_MS)
		return error_set(err, ERROR_USAGE,
				 "--renew takes at most 25m: servers close connections that are "
				 "silent for longer");
	return 0;
}

/* Before watch_run() listens to them, and after, they have nothing to say; least of all do they end
 * the process. */
static void cmd_watch_ignore_signals(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
}

int cmd_watch(const struct invocation *invocation, struct error *err)
{
	cmd_watch_ignore_signals();
	struct watch_options options = {.database = invocation->database,
					.names = invocation->arguments,
					.name_count = invocation->argument_count};
	if (cmd_watch_options(invocation, &options, err) != 0 ||
	    cmd_watch_open_log(invocation, err) != 0 || cmd_watch_check_names(invocation, err) != 0)
		return -1;
	return watch_run(&options, err);
}
