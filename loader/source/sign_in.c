/*
 * Signs a queue in: finds its password or token, lets nothing weaker pass than what it signed in with
 * last, and counts sign-ins that the server refuses, so that no account gets locked.
 */
#include "loader/source/mailbox_internal.h"

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/base/service.h"
#include "loader/confine/confine.h"
#include "loader/oauth/oauth.h"
#include "queue/base/scoped.h"
#include "queue/queue_health.h"

#include <poll.h>
#include <string.h>

char *mailbox_secret_path(const char *database, const char *queue_name)
{
	return g_strdup_printf("%s-secrets/%s.password", database, queue_name);
}

/* What secret_read() and oauth_token() need beside the source; NULL: nothing is there. */
static char *mailbox_secret_reference(const struct work_queue *queue, const char *database,
				      enum secret_source source)
{
	if (source == SECRET_PROMPT)
		return mailbox_secret_path(database, queue->name);
	if (source == SECRET_OAUTH && queue->credential_reference != NULL)
		return oauth_path(database, queue->credential_reference);
	return g_strdup(queue->credential_reference);
}

int mailbox_find_secret(const struct work_queue *queue, const char *database,
			enum secret_source *ret_source, char **ret_reference, struct error *err)
{
	if (secret_source_parse(queue->credential_source, ret_source) != 0)
		return error_set(err, ERROR_CONFIGURATION, "unknown password source '%s'",
				 queue->credential_source);
	g_autofree char *reference = mailbox_secret_reference(queue, database, *ret_source);
	if (reference == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "password source '%s' without a name or path",
				 queue->credential_source);
	if (*ret_source == SECRET_PROMPT && access(reference, F_OK) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "no password is kept for this queue: `inqueue queue alter %s "
				 "--password-prompt` asks for it",
				 queue->name);
	*ret_reference = steal(&reference);
	return 0;
}

/* What is wrong with the connection string is said by who opens the mailbox. */
bool mailbox_needs_secret(const struct work_queue *queue)
{
	scoped(connection_string_free) struct connection_string *server = NULL;
	struct error ignored;
	return work_queue_has_mailbox(queue) &&
	       (connection_string_parse(queue->connection_string, &server, &ignored) != 0 ||
		connection_string_needs_secret(server));
}

int mailbox_read_secret(enum secret_source source, const char *reference, const char *user_name,
			struct secret **ret_secret, struct error *err)
{
	return source == SECRET_OAUTH ? oauth_token(reference, user_name, ret_secret, err)
				      : secret_read(source, reference, ret_secret, err);
}

static void mailbox_allow_source(enum secret_source source, const char *reference, void *context)
{
	(void)context;
	g_autofree char *path = secret_path(source, reference);
	secret_allow(source, reference);
	confine_allow(path);
}

/* New tokens are kept in its folder. What is wrong with it is said by who reads the secret. */
static void mailbox_allow_account(const char *path)
{
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	struct error ignored;
	g_autofree char *folder = g_path_get_dirname(path);
	confine_allow_writing(folder);
	if (oauth_account_open(path, &account, &ignored) == 0)
		oauth_account_list_sources(account, mailbox_allow_source, NULL);
}

void mailbox_allow_secret(enum secret_source source, const char *reference)
{
	if (source != SECRET_OAUTH)
		mailbox_allow_source(source, reference, NULL);
	else
		mailbox_allow_account(reference);
}

bool mailbox_secret_is_stale(enum secret_source source, const char *reference,
			     const char *user_name, const struct secret *secret)
{
	return source == SECRET_OAUTH && oauth_token_refused(reference, user_name, secret);
}

static int mailbox_sign_in_once(struct mailbox *mailbox, const struct work_queue *queue,
				enum secret_source source, const struct secret *secret,
				struct error *err)
{
	const struct work_queue_sign_in *last =
	    mailbox->signed_in.mechanism != NULL ? &mailbox->signed_in : &queue->last_sign_in;
	g_autofree char *way_out =
	    g_strdup_printf("`inqueue queue alter %s --accept-downgrade`", queue->name);
	const struct imapc_account account = {
	    .server = mailbox->server,
	    .user_name = queue->user_name,
	    .secret = secret,
	    .secret_is_token = secret_source_is_token(source),
	    .least = {.mechanism = last->mechanism, .tls = last->tls, .way_out = way_out}};
	if (imapc_open(&account, &mailbox->session, err) != 0)
		return -1;
	struct imapc_facts facts;
	imapc_describe(mailbox->session, &facts);
	g_free(mailbox->signed_in.mechanism);
	mailbox->signed_in = (struct work_queue_sign_in){.mechanism = g_strdup(facts.mechanism),
							 .tls = facts.tls != NULL};
	return 0;
}

int mailbox_note_sign_in(struct store *store, const struct work_queue *queue,
			 const struct mailbox *mailbox, struct error *err)
{
	return work_queue_note_sign_in(store, queue->id, &mailbox->signed_in, clock_now_ms(), err);
}

/* ---- the account's connections ---- */

/* Between two looks whether there is a place. */
enum { PLACE_LOOK_MS = 100 };

static int place_open(struct mailbox *mailbox, const struct work_queue *queue, const char *database,
		      struct error *err)
{
	const struct connection_string *server = mailbox->server;
	if (mailbox->place != NULL)
		return 0;
	g_autofree char *host = g_ascii_strdown(server->url, -1);
	g_autofree char *account =
	    g_strdup_printf("%s@%s:%u", queue->user_name, host, server->port);
	return connection_place_open(database, account, server->connections, &mailbox->place, err);
}

static int place_say_all_taken(const struct mailbox *mailbox, const struct work_queue *queue,
			       struct error *err)
{
	const struct connection_string *server = mailbox->server;
	return error_set(err, ERROR_TEMPORARY,
			 "other queues have had all connections of '%s' at %s (connections=%u) for "
			 "%u s: allow more, or let fewer queues share the account",
			 queue->user_name, server->url, server->connections, server->timeout_s);
}

static int place_wait(struct mailbox *mailbox, const struct work_queue *queue, struct error *err)
{
	const int64_t deadline_ms =
	    clock_monotonic_ms() + (int64_t)mailbox->server->timeout_s * 1000;
	int taken;
	for (bool said = false; (taken = connection_place_take(mailbox->place, err)) == 0;
	     said = true) {
		if (!said && log_is_open())
			log_event(LOG_LEVEL_INFO, "waiting_for_connection",
				  log_text("queue", queue->name),
				  log_number("connections", mailbox->server->connections));
		if (clock_left_ms(deadline_ms) == 0)
			return place_say_all_taken(mailbox, queue, err);
		if (stop_requested())
			return error_set(err, ERROR_TEMPORARY, "stopped");
		poll(NULL, 0, PLACE_LOOK_MS);
	}
	return taken < 0 ? -1 : 0;
}

/* It is kept until the mailbox is closed, also where a connection is lost and made again. */
static int place_take(struct mailbox *mailbox, const struct work_queue *queue, const char *database,
		      struct error *err)
{
	if (mailbox->server->connections == 0)
		return 0;
	return place_open(mailbox, queue, database, err) != 0 ? -1
							      : place_wait(mailbox, queue, err);
}

unsigned mailbox_waiting(const struct mailbox *mailbox)
{
	return mailbox->place != NULL ? connection_place_awaited(mailbox->place) : 0;
}

int mailbox_take_turns(struct mailbox *mailbox, const struct work_queue *queue,
		       const char *database, struct error *err)
{
	if (mailbox_waiting(mailbox) == 0)
		return 0;
	imapc_close(steal(&mailbox->session));
	connection_place_give(mailbox->place);
	return mailbox_sign_in(mailbox, queue, database, err);
}

/* ---- the sign-in ---- */

/* A token can be taken back before its end; then the account gives another one, once. */
int mailbox_sign_in(struct mailbox *mailbox, const struct work_queue *queue, const char *database,
		    struct error *err)
{
	enum secret_source source;
	g_autofree char *reference = NULL;
	if (place_take(mailbox, queue, database, err) != 0)
		return -1;
	if (!connection_string_needs_secret(mailbox->server)) {
		scoped(secret_free) struct secret *none = secret_new("", 0);
		return mailbox_sign_in_once(mailbox, queue, SECRET_FILE, none, err);
	}
	for (bool again = false;; again = true) {
		scoped(secret_free) struct secret *secret = NULL;
		g_clear_pointer(&reference, g_free);
		if (mailbox_find_secret(queue, database, &source, &reference, err) != 0 ||
		    mailbox_read_secret(source, reference, queue->user_name, &secret, err) != 0)
			return -1;
		if (mailbox_sign_in_once(mailbox, queue, source, secret, err) == 0)
			return 0;
		if (again || err->reason != REASON_SIGN_IN ||
		    !mailbox_secret_is_stale(source, reference, queue->user_name, secret))
			return -1;
	}
}

/* --- refused sign-ins -------------------------------------------------- */

int refusal_check(struct store *store, const struct work_queue *queue, struct error *err)
{
	struct queue_health health;
	if (queue_health_find(store, queue->id, &health, err) != 0)
		return -1;
	if (health.stopped_ms != 0)
		error_fill(err, health.refusals > 0 ? ERROR_CREDENTIALS : ERROR_CONFIGURATION,
			   "collecting is stopped: %s; correct the %sdefinition, then `inqueue "
			   "queue resume %s`",
			   health.stopped_reason, health.refusals > 0 ? "password or the " : "",
			   queue->name);
	queue_health_clear(&health);
	return health.stopped_ms != 0 ? -1 : 0;
}

int refusal_note(struct store *store, const struct work_queue *queue, const struct error *refusal,
		 uint32_t *ret_refusals, struct error *err)
{
	return queue_health_note_refusal(store, queue->id, refusal->text, REFUSAL_MAX,
					 clock_now_ms(), ret_refusals, err);
}
