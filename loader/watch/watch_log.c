/* The supervisor's part in the logs: it writes what the workers say to servers, who may open no file
 * themselves, opens that file anew where it was moved away, and notes in the database where logs lie and
 * how they fare, for `status --check`. */
#include "loader/watch/watch_internal.h"

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/imap/wire/protocol_log.h"
#include "queue/base/scoped.h"
#include "queue/upkeep.h"

#include <string.h>
#include <sys/stat.h>

/* The supervisor hardly waits for a locked database; it tries again. */
enum { WATCH_LOG_PATIENCE_MS = 100, WATCH_LOG_RETRY_MS = 5000 };

/* Where standard error goes, if that is a file. Caller frees; NULL: it is none. */
static char *watch_log_find_events(void)
{
	struct stat status;
	if (fstat(STDERR_FILENO, &status) != 0 || !S_ISREG(status.st_mode))
		return NULL;
	return g_file_read_link("/proc/self/fd/2", NULL);
}

int watch_log_open(struct watch_log *log, const char *database, struct error *err)
{
	*log = (struct watch_log){.database = database, .descriptor = -1, .untold = true};
	log->events = watch_log_find_events();
	if (protocol_log_path() == NULL)
		return 0;
	log->protocol = g_canonicalize_filename(protocol_log_path(), NULL);
	return protocol_log_receive(&log->descriptor, err);
}

/* An ended service has no logs: their rows go, so that nobody is told of a file that is rightly gone. */
static int watch_log_note(const struct watch_log *log, bool ended, struct error *err)
{
	const struct upkeep_log logs[] = {
	    {.kind = "events", .path = ended ? NULL : log->events},
	    {.kind = "protocol", .path = ended ? NULL : log->protocol, .error = log->error}};
	scoped(store_close) struct store *store = NULL;
	if (store_open_within(log->database, STORE_WRITE, WATCH_LOG_PATIENCE_MS, &store, err) != 0)
		return -1;
	for (size_t i = 0; i < G_N_ELEMENTS(logs); i++) {
		if (upkeep_note_log(store, &logs[i], clock_now_ms(), err) != 0)
			return -1;
	}
	return 0;
}

void watch_log_tell(struct watch_log *log, int64_t now_ms)
{
	struct error ignored; /* a full disk is one that --check sees by itself */
	if (!log->untold || now_ms < log->tell_ms)
		return;
	log->tell_ms = now_ms + WATCH_LOG_RETRY_MS;
	log->untold = watch_log_note(log, false, &ignored) != 0;
}

/* Said when it begins and when it ends, not for each line. */
static void watch_log_set_error(struct watch_log *log, const struct error *failure)
{
	if ((failure == NULL) == (log->error == NULL))
		return;
	g_free(log->error);
	log->error = failure != NULL ? g_strdup(failure->text) : NULL;
	log->untold = true;
	log->tell_ms = 0;
	watch_log_tell(log, clock_monotonic_ms());
	if (failure != NULL)
		log_event(LOG_LEVEL_ERROR, "log_imap_failed", log_text("error", failure->text));
	else
		log_event(LOG_LEVEL_NOTICE, "log_imap_mended", log_text("file", log->protocol));
}

void watch_log_pass_on(struct watch_log *log)
{
	struct error err;
	watch_log_set_error(log, protocol_log_pass_on(&err) != 0 ? &err : NULL);
}

void watch_log_reopen(struct watch_log *log)
{
	struct error err;
	watch_log_set_error(log, protocol_log_reopen(&err) != 0 ? &err : NULL);
}

void watch_log_close(struct watch_log *log)
{
	struct error ignored;
	if (log->descriptor >= 0)
		watch_log_pass_on(log);
	watch_log_note(log, true, &ignored);
	g_free(log->events);
	g_free(log->protocol);
	g_free(log->error);
}
