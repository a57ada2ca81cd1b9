/* Says what a queue needs and what ends soon: what the database knows of it (certificates that servers
 * have shown, whatever a sign-in has learnt), certificates in files that the definition names, and what its
 * account of OAuth 2.0 has. */
#include "loader/define/check.h"

#include "loader/certificate/certificate.h"
#include "loader/oauth/oauth.h"
#include "queue/base/scoped.h"
#include "queue/upkeep.h"

#include <string.h>

enum { ENDS_DAY_MS = 24 * 60 * 60 * 1000 };

struct ends {
	int64_t now_ms;
	int64_t within_ms;
	void (*report)(const char *words, void *context);
	void *context;
};

/* What lives for weeks only is renewed late in its life, as it should be: it counts in the last
 * quarter. */
static bool ends_is_soon(const struct ends *ends, const struct upkeep_end *end)
{
	int64_t within_ms = ends->within_ms;
	if (end->begins_ms != 0)
		within_ms = MIN(within_ms, (end->ends_ms - end->begins_ms) / 4);
	return end->ends_ms - ends->now_ms <= within_ms;
}

static int ends_take(const struct upkeep_end *end, void *context)
{
	const struct ends *ends = context;
	const int64_t days = (end->ends_ms - ends->now_ms) / ENDS_DAY_MS;
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(end->ends_ms / 1000);
	g_autofree char *day = time != NULL ? g_date_time_format(time, "%Y-%m-%d") : NULL;
	if (!ends_is_soon(ends, end))
		return 0;
	g_autofree char *words =
	    end->ends_ms <= ends->now_ms
		? g_strdup_printf("the %s ended on %s", end->what, day)
		: g_strdup_printf("the %s ends on %s, in %" G_GINT64_FORMAT " day%s", end->what,
				  day, days, days == 1 ? "" : "s");
	ends->report(words, ends->context);
	return 0;
}

/* The last of a file's certificates to end: of authorities any may be the one that is needed. */
static void ends_take_last(int64_t begins_s, int64_t ends_s, void *context)
{
	struct upkeep_end *last = context;
	if (ends_s * 1000 <= last->ends_ms)
		return;
	last->begins_ms = begins_s * 1000;
	last->ends_ms = ends_s * 1000;
}

/* The first is the one that is shown. */
static void ends_take_first(int64_t begins_s, int64_t ends_s, void *context)
{
	struct upkeep_end *first = context;
	if (first->ends_ms == 0)
		ends_take_last(begins_s, ends_s, context);
}

static void ends_look_at_file(struct ends *ends, const char *what, const char *path,
			      void (*take)(int64_t begins_s, int64_t ends_s, void *context))
{
	g_autofree char *named = g_strdup_printf("%s in '%s'", what, path);
	struct upkeep_end end = {.what = named};
	if (path != NULL && certificate_file_list(path, take, &end) > 0)
		ends_take(&end, ends);
}

/* The database knows the certificates that servers have shown at the last sign-in; files are read now. */
int check_ends(struct store *store, const struct work_queue *queue, int64_t now_ms,
	       int64_t within_ms, void (*report)(const char *words, void *context), void *context,
	       struct error *err)
{
	struct ends ends = {
	    .now_ms = now_ms, .within_ms = within_ms, .report = report, .context = context};
	scoped(connection_string_free) struct connection_string *server = NULL;
	struct error ignored; /* a definition that cannot be read is said elsewhere */
	if (work_queue_has_mailbox(queue) &&
	    connection_string_parse(queue->connection_string, &server, &ignored) == 0)
		ends_look_at_file(&ends, "authority", server->ca_file, ends_take_last);
	if (queue->target.url != NULL) {
		ends_look_at_file(&ends, "target's authority", queue->target.ca_file,
				  ends_take_last);
		ends_look_at_file(&ends, "client certificate", queue->target.client_certificate,
				  ends_take_first);
	}
	return upkeep_list_ends(store, queue->id, ends_take, &ends, err);
}

/* An account that cannot be read is a warning, too: the next load would fail with the same words. */
void check_account(const struct work_queue *queue, const char *database, int64_t now_ms,
		   void (*report)(const char *words, void *context), void *context)
{
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	struct error err;
	enum secret_source source;
	if (!work_queue_has_mailbox(queue) ||
	    secret_source_parse(queue->credential_source, &source) != 0 || source != SECRET_OAUTH ||
	    queue->credential_reference == NULL)
		return;
	g_autofree char *path = oauth_path(database, queue->credential_reference);
	if (oauth_account_open(path, &account, &err) != 0)
		report(err.text, context);
	else
		oauth_warnings(account, now_ms, report, context);
}
