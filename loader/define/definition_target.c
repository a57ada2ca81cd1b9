/* The fields that say where entries are posted to: each function checks one value and puts it into the
 * draft of a target, a queue's own or one with a name. At the end all fields are checked together. */
#include "loader/define/definition_internal.h"

#include "loader/base/clock.h"
#include "loader/define/target_secret.h"
#include "loader/http/post.h"
#include "loader/http/target.h"
#include "loader/imap/names/connection_string.h"
#include "queue/base/scoped.h"

#include <string.h>

#define TIMEOUT_MAX_MS (INT64_C(24) * 3600 * 1000)

/* An empty value takes the field away. Setting any field lets a target that was stopped go on:
 * the operator has corrected something. */
static void target_replace(struct work_queue_target *draft, char **member, const char *value)
{
	g_free(*member);
	*member = value != NULL && *value != '\0' ? g_strdup(value) : NULL;
	g_free(draft->stopped);
	draft->stopped = NULL;
}

int definition_target_set_url(struct work_queue_target *draft, const char *value, struct error *err)
{
	if (*value != '\0' && target_check(value, err) != 0)
		return error_prefix(err, "deliver-to");
	target_replace(draft, &draft->url, value);
	return 0;
}

int definition_target_set_format(struct work_queue_target *draft, const char *value,
				 struct error *err)
{
	enum post_format format;
	if (post_format_parse(value, &format) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-format: takes multipart, json or raw");
	target_replace(draft, &draft->format, value);
	return 0;
}

/* ---- secrets ---- */

static int target_set_source(struct work_queue_target *draft, const char *field, const char *value,
			     char **member, struct error *err)
{
	g_autofree char *source = NULL;
	if (*value != '\0' && secret_named_parse(field, value, &source, err) != 0)
		return -1;
	target_replace(draft, member, source);
	return 0;
}

int definition_target_set_secret(struct work_queue_target *draft, const char *value,
				 struct error *err)
{
	return target_set_source(draft, "deliver-secret", value, &draft->secret, err);
}

int definition_target_set_password(struct work_queue_target *draft, const char *value,
				   struct error *err)
{
	return target_set_source(draft, "deliver-password", value, &draft->password, err);
}

/* ---- header fields ---- */

/* Fields that a post has by itself; a second one would make it invalid, or let an operator break
 * the idempotency key without a word. */
static bool header_is_ours(const char *name)
{
	static const char *const ours[] = {
	    "host",
	    "content-length",
	    "content-type",
	    "transfer-encoding",
	    "connection",
	    "expect",
	    "webhook-id",
	    "webhook-signature",
	    "webhook-timestamp",
	    "user-agent",
	    "idempotency-key",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(ours); i++) {
		if (g_ascii_strcasecmp(name, ours[i]) == 0)
			return true;
	}
	return false;
}

/* Without a colon the whole line is the name, which header_check() refuses. Caller frees. */
static char *header_name(const char *line)
{
	return g_strndup(line, strcspn(line, ":"));
}

/* Letters, digits, '-', '_' and '.' for the name, and no control character anywhere: a line
 * break would begin another field. */
static int header_check(const char *field, const char *line, struct error *err)
{
	const size_t length = strcspn(line, ":");
	g_autofree char *name = header_name(line);
	bool odd = length == 0 || line[length] == '\0' || header_is_ours(name);
	for (const char *at = name; *at != '\0'; at++)
		odd = odd || (!g_ascii_isalnum(*at) && strchr("-_.", *at) == NULL);
	for (const char *at = line; *at != '\0'; at++)
		odd = odd || g_ascii_iscntrl(*at);
	if (odd)
		return error_set(err, ERROR_CONFIGURATION,
				 "%s: takes 'Name: value', several with | between; the "
				 "fields of a post itself cannot be set",
				 field);
	return 0;
}

/* Takes a line as it was written, and gives it as it is kept. */
typedef int (*line_take)(const char *line, char **ret_line, struct error *err);

/* A value that looks like a credential does not stand in the database, where readers see it. */
static int header_take_plain(const char *line, char **ret_line, struct error *err)
{
	g_autofree char *name = header_name(line);
	if (header_check("deliver-header", line, err) != 0)
		return -1;
	if (target_secret_is_meant(name))
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "deliver-header: the value of '%s' looks like a secret, and does not "
		    "stand here: name its source, deliver-header-secret '%s: file:PATH'",
		    name, name);
	*ret_line = g_strdup(line);
	return 0;
}

static int header_take_secret(const char *line, char **ret_line, struct error *err)
{
	if (header_check("deliver-header-secret", line, err) != 0)
		return -1;
	return target_secret_parse_header("deliver-header-secret", line, ret_line, err);
}

/* Several stand in one value with | between, because a key file has one value for a key; they are
 * kept a line each. */
static int target_set_lines(struct work_queue_target *draft, const char *value, char **member,
			    line_take take, struct error *err)
{
	g_auto(GStrv) lines = g_strsplit(value, "|", -1);
	for (char **line = lines; *value != '\0' && *line != NULL; line++) {
		char *taken;
		if (take(g_strstrip(*line), &taken, err) != 0)
			return -1;
		g_free(*line);
		*line = taken;
	}
	g_autofree char *joined = g_strjoinv("\n", lines);
	target_replace(draft, member, joined);
	return 0;
}

int definition_target_set_header(struct work_queue_target *draft, const char *value,
				 struct error *err)
{
	return target_set_lines(draft, value, &draft->headers, header_take_plain, err);
}

int definition_target_set_header_secret(struct work_queue_target *draft, const char *value,
					struct error *err)
{
	return target_set_lines(draft, value, &draft->header_secrets, header_take_secret, err);
}

/* In the order in which they count; blanks between them are left out. */
int definition_target_set_recipient(struct work_queue_target *draft, const char *value,
				    struct error *err)
{
	g_auto(GStrv) names = g_strsplit(value, ",", -1);
	bool odd = false;
	for (char **name = names; *name != NULL; name++) {
		g_strstrip(*name);
		odd = odd || **name == '\0';
		for (const char *at = *name; *at != '\0'; at++)
			odd = odd || (!g_ascii_isalnum(*at) && strchr("-_.", *at) == NULL);
	}
	if (odd)
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-recipient: takes names of header fields with commas "
				 "between: X-Original-To,Delivered-To");
	g_autofree char *joined = g_strjoinv(",", names);
	target_replace(draft, &draft->recipient, joined);
	return 0;
}

/* ---- redirects ---- */

int definition_target_set_redirects(struct work_queue_target *draft, const char *value,
				    struct error *err)
{
	enum target_redirects ignored;
	if (target_redirects_parse(value, &ignored) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-redirects: takes any, same-host or none");
	target_replace(draft, &draft->redirects, value);
	return 0;
}

static int host_take(const char *line, char **ret_line, struct error *err)
{
	if (target_check_host(line, err) != 0)
		return error_prefix(err, "deliver-trust-host");
	*ret_line = g_strdup(line);
	return 0;
}

int definition_target_set_trust_host(struct work_queue_target *draft, const char *value,
				     struct error *err)
{
	return target_set_lines(draft, value, &draft->trust_hosts, host_take, err);
}

/* ---- limits and TLS ---- */

/* Every target answers within a day. 0 is refused, because curl takes it for no limit. */
static int target_set_time(struct work_queue_target *draft, const char *field, const char *value,
			   int64_t *member, struct error *err)
{
	int64_t time_ms;
	if (duration_parse(value, &time_ms) != 0 || time_ms < 1 || time_ms > TIMEOUT_MAX_MS)
		return error_set(err, ERROR_CONFIGURATION, "%s: takes a time up to a day: 10s, 5m",
				 field);
	target_replace(draft, &draft->stopped, NULL);
	*member = time_ms;
	return 0;
}

int definition_target_set_connect_timeout(struct work_queue_target *draft, const char *value,
					  struct error *err)
{
	return target_set_time(draft, "deliver-connect-timeout", value, &draft->connect_timeout_ms,
			       err);
}

int definition_target_set_timeout(struct work_queue_target *draft, const char *value,
				  struct error *err)
{
	return target_set_time(draft, "deliver-timeout", value, &draft->timeout_ms, err);
}

/* Runs begin in other folders than the one in which the path was typed, so the path is made
 * absolute. */
static void target_set_path(struct work_queue_target *draft, char **member, const char *value)
{
	g_autofree char *path = *value != '\0' ? g_canonicalize_filename(value, NULL) : NULL;
	target_replace(draft, member, path);
}

int definition_target_set_ca_file(struct work_queue_target *draft, const char *value,
				  struct error *err)
{
	(void)err;
	target_set_path(draft, &draft->ca_file, value);
	return 0;
}

int definition_target_set_crl_file(struct work_queue_target *draft, const char *value,
				   struct error *err)
{
	(void)err;
	target_set_path(draft, &draft->crl_file, value);
	return 0;
}

int definition_target_set_client_certificate(struct work_queue_target *draft, const char *value,
					     struct error *err)
{
	(void)err;
	target_set_path(draft, &draft->client_certificate, value);
	return 0;
}

/* Forbidden unless the operator says so: whoever may define a queue could reach what only this
 * machine reaches. */
static int target_set_switch(struct work_queue_target *draft, const char *field, const char *value,
			     bool *member, struct error *err)
{
	const bool yes = g_ascii_strcasecmp(value, "true") == 0;
	if (!yes && g_ascii_strcasecmp(value, "false") != 0)
		return error_set(err, ERROR_CONFIGURATION, "%s: takes true or false", field);
	target_replace(draft, &draft->stopped, NULL);
	*member = yes;
	return 0;
}

int definition_target_set_allow_private(struct work_queue_target *draft, const char *value,
					struct error *err)
{
	return target_set_switch(draft, "allow-private", value, &draft->allow_private, err);
}

int definition_target_set_insecure(struct work_queue_target *draft, const char *value,
				   struct error *err)
{
	return target_set_switch(draft, "deliver-insecure", value, &draft->insecure, err);
}

/* 64 posts at a time are more than a target with a common web server takes. */
int definition_target_set_concurrency(struct work_queue_target *draft, const char *value,
				      struct error *err)
{
	guint64 number;
	if (!g_ascii_string_to_unsigned(value, 10, 1, 64, &number, NULL))
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-concurrency: takes a number from 1 to 64");
	draft->concurrency = (int32_t)number;
	return 0;
}

/* ---- as a whole ---- */

/* Goes through the functions that take an operator's words, so that defaults pass the same checks. */
void definition_target_init(struct work_queue_target *draft)
{
	struct error ignored;
	definition_target_set_format(draft, DEFINITION_FORMAT, &ignored);
	definition_target_set_connect_timeout(draft, DEFINITION_CONNECT_TIMEOUT, &ignored);
	definition_target_set_timeout(draft, DEFINITION_TIMEOUT, &ignored);
	definition_target_set_concurrency(draft, DEFINITION_CONCURRENCY, &ignored);
	definition_target_set_redirects(draft, DEFINITION_REDIRECTS, &ignored);
}

/* Checks what no field can know alone. */
int definition_target_check(const struct work_queue_target *draft, struct error *err)
{
	if (draft->url == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-to is needed, e.g. https://app.example.com/mail");
	if (draft->password != NULL && !target_has_user(draft->url))
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-password needs the user's name in deliver-to, "
				 "https://NAME@host/…");
	return 0;
}

/* acknowledge=delivery needs a target and a mailbox, the raw format the raw message. */
static int target_check_queue(const struct work_queue *draft, struct error *err)
{
	if (draft->target.url == NULL && draft->on_delivery)
		return error_set(err, ERROR_CONFIGURATION,
				 "acknowledge=delivery needs deliver-to or target: nothing else "
				 "would ever mark the mail read");
	if (draft->on_delivery && !work_queue_has_mailbox(draft))
		return error_set(err, ERROR_CONFIGURATION,
				 "acknowledge=delivery is about mail in a mailbox: a queue with "
				 "external source File has none");
	if (draft->target.url == NULL ||
	    strcmp(draft->target.format, post_format_name(POST_RAW)) != 0)
		return 0;
	scoped(connection_string_free) struct connection_string *server = NULL;
	if (connection_string_parse_local(draft->connection_string, &server, err) != 0)
		return error_prefix(err, "connection-string");
	if (!server->keep_raw)
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-format=raw needs keepRaw=True in the connection string");
	return 0;
}

/* What a target with a name holds is known once it has been looked up. */
int definition_target_check_of(const struct work_queue *draft, struct error *err)
{
	if (draft->target.name != NULL && draft->target.url == NULL)
		return 0;
	if (draft->target.url != NULL && definition_target_check(&draft->target, err) != 0)
		return -1;
	return target_check_queue(draft, err);
}

/* ---- of a queue ---- */

/* A stored queue that has just as many attempts as it would have by default: nobody has chosen
 * them. */
static bool target_has_chosen_attempts(const struct work_queue *draft)
{
	struct work_queue unchosen = *draft;
	unchosen.max_attempts = 0;
	return draft->id == 0 || draft->max_attempts != work_queue_attempts(&unchosen);
}

/* The first target of a stored queue needs the defaults that a new queue has had from the start. */
int definition_target_set_of(struct work_queue *draft, const char *field, target_setter *set,
			     const char *value, struct error *err)
{
	if (draft->target.name != NULL)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "%s: the queue uses target '%s': `inqueue target alter %s` changes "
		    "that for all its queues, an empty target gives the queue its own",
		    field, draft->target.name, draft->target.name);
	if (draft->target.format == NULL)
		definition_target_init(&draft->target);
	const bool chosen = target_has_chosen_attempts(draft);
	if (set(&draft->target, value, err) != 0)
		return -1;
	if (!chosen)
		draft->max_attempts = 0;
	return 0;
}

/* A queue has a target of its own or one with a name. An own one of a stored queue gives way. */
int definition_target_set_name(struct work_queue *draft, const char *value, struct error *err)
{
	struct error ignored;
	const bool same = draft->target.name != NULL && strcmp(draft->target.name, value) == 0;
	if (same || (*value == '\0' && draft->target.name == NULL))
		return 0;
	if (*value != '\0' && work_queue_check_name(value, &ignored) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "target: takes the name of a target; `inqueue target list` shows "
				 "them");
	if (draft->id == 0 && draft->target.url != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "target: the queue has a target of its own by deliver-to; a queue "
				 "has one or the other");
	const bool chosen = target_has_chosen_attempts(draft);
	work_queue_target_clear(&draft->target);
	if (*value != '\0')
		draft->target.name = g_strdup(value);
	else
		definition_target_init(&draft->target);
	if (!chosen)
		draft->max_attempts = 0;
	return 0;
}

int definition_target_set_acknowledge(struct work_queue *draft, const char *value,
				      struct error *err)
{
	const bool delivery = g_ascii_strcasecmp(value, "delivery") == 0;
	if (!delivery && g_ascii_strcasecmp(value, "load") != 0)
		return error_set(err, ERROR_CONFIGURATION, "acknowledge: takes load or delivery");
	draft->on_delivery = delivery;
	return 0;
}

struct target_users {
	const char *name; /* NULL: of any target that has one */
	struct error *err;
};

static int target_check_user(const struct work_queue *queue, void *context)
{
	const struct target_users *users = context;
	if (queue->target.name == NULL ||
	    (users->name != NULL && strcmp(queue->target.name, users->name) != 0))
		return 0;
	if (target_check_queue(queue, users->err) != 0)
		return error_prefix(users->err, "queue '%s'", queue->name);
	return 0;
}

int definition_check_users(struct store *store, const char *target_name, struct error *err)
{
	struct target_users users = {.name = target_name, .err = err};
	return work_queue_list(store, target_check_user, &users, err);
}

int definition_resolve(struct store *store, struct work_queue *draft, struct error *err)
{
	if (draft->target.name == NULL || draft->target.url != NULL)
		return 0;
	struct work_queue_target found;
	if (work_queue_target_find(store, draft->target.name, &found, err) != 0)
		return -1;
	work_queue_target_clear(&draft->target);
	draft->target = found;
	return 0;
}
