#include "loader/flow/definition_target.h"

#include "loader/base/duration.h"
#include "loader/base/scoped.h"
#include "loader/http/post.h"
#include "loader/http/target.h"
#include "loader/imap/connection_string.h"

#include <jansson.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000
#define TIMEOUT_MS	   30000
#define TIMEOUT_MAX_MS	   (INT64_C(24) * 3600 * 1000)
#define CONCURRENCY	   4

SCOPED_DEFINE(json_t *, json_decref)
SCOPED_DEFINE(struct connection_string *, connection_string_free)

/* NULL for an empty value: the field is taken away. */
static void target_replace(struct work_queue *draft, char **member, const char *value)
{
	g_free(*member);
	*member = value != NULL && *value != '\0' ? g_strdup(value) : NULL;
	g_free(draft->target.stopped);
	draft->target.stopped = NULL;
}

int definition_target_set_url(struct work_queue *draft, const char *value, struct error *err)
{
	if (*value != '\0' && target_check(value, err) != 0)
		return error_prefix(err, "deliver-to");
	/* A queue that was stored without a target has nothing yet. */
	if (draft->target.format == NULL)
		definition_target_init(&draft->target);
	target_replace(draft, &draft->target.url, value);
	return 0;
}

int definition_target_set_format(struct work_queue *draft, const char *value, struct error *err)
{
	enum post_format format;
	if (post_format_parse(value, &format) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-format: takes multipart, json or raw");
	target_replace(draft, &draft->target.format, value);
	return 0;
}

/* ---- the secret ---- */

static char *secret_command(const char *command, struct error *err)
{
	g_auto(GStrv) words = NULL;
	g_autoptr(GError) failure = NULL;
	if (!g_shell_parse_argv(command, NULL, &words, &failure)) {
		error_fill(err, ERROR_CONFIGURATION, "deliver-secret: %s", failure->message);
		return NULL;
	}
	scoped(json_decref) json_t *list = json_array();
	for (char **word = words; *word != NULL; word++)
		json_array_append_new(list, json_string(*word));
	return json_dumps(list, JSON_COMPACT);
}

/* What secret_read() wants; NULL and *err for what names no source. */
static char *secret_reference(enum secret_source source, const char *value, struct error *err)
{
	if (*value != '\0' && source == SECRET_FILE)
		return g_canonicalize_filename(value, NULL);
	if (*value != '\0' && source == SECRET_COMMAND)
		return secret_command(value, err);
	if (*value != '\0' && (source == SECRET_ENV || source == SECRET_CREDENTIAL) &&
	    strpbrk(value, "/=") == NULL)
		return g_strdup(value);
	error_fill(err, ERROR_CONFIGURATION,
		   "deliver-secret: takes file:PATH, env:VARIABLE, command:COMMAND or "
		   "credential:NAME; the secret itself does not stand here");
	return NULL;
}

int definition_target_set_secret(struct work_queue *draft, const char *value, struct error *err)
{
	if (*value == '\0') {
		target_replace(draft, &draft->target.secret, NULL);
		return 0;
	}
	enum secret_source source = SECRET_PROMPT;
	const size_t length = strcspn(value, ":");
	g_autofree char *name = g_strndup(value, length);
	const char *rest = value[length] == ':' ? value + length + 1 : "";
	(void)secret_source_parse(name, &source);
	g_autofree char *reference = secret_reference(source, rest, err);
	if (reference == NULL)
		return -1;
	g_autofree char *secret = g_strconcat(name, ":", reference, NULL);
	target_replace(draft, &draft->target.secret, secret);
	return 0;
}

int definition_target_read_secret(const struct work_queue_target *target,
				  struct secret **ret_secret, struct error *err)
{
	*ret_secret = NULL;
	if (target->secret == NULL)
		return 0;
	enum secret_source source;
	const size_t length = strcspn(target->secret, ":");
	g_autofree char *name = g_strndup(target->secret, length);
	if (target->secret[length] == '\0' || secret_source_parse(name, &source) != 0)
		return error_set(err, ERROR_CONFIGURATION, "deliver-secret: unknown source '%s'",
				 name);
	if (secret_read(source, target->secret + length + 1, ret_secret, err) != 0)
		return error_prefix(err, "deliver-secret");
	return 0;
}

/* ---- header fields ---- */

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

static int header_check(const char *line, struct error *err)
{
	const size_t length = strcspn(line, ":");
	g_autofree char *name = g_strndup(line, length);
	bool odd = length == 0 || line[length] == '\0' || header_is_ours(name);
	for (const char *at = name; *at != '\0'; at++)
		odd = odd || (!g_ascii_isalnum(*at) && strchr("-_.", *at) == NULL);
	for (const char *at = line; *at != '\0'; at++)
		odd = odd || g_ascii_iscntrl(*at);
	if (odd)
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-header: takes 'Name: value', several with | between; the "
				 "fields of a post itself cannot be set");
	return 0;
}

int definition_target_set_header(struct work_queue *draft, const char *value, struct error *err)
{
	g_auto(GStrv) lines = g_strsplit(value, "|", -1);
	for (char **line = lines; *line != NULL; line++) {
		g_strstrip(*line);
		if (*value != '\0' && header_check(*line, err) != 0)
			return -1;
	}
	g_autofree char *joined = g_strjoinv("\n", lines);
	target_replace(draft, &draft->target.headers, joined);
	return 0;
}

/* ---- limits and TLS ---- */

static int target_set_time(struct work_queue *draft, const char *field, const char *value,
			   int64_t *member, struct error *err)
{
	int64_t time_ms;
	if (duration_parse(value, &time_ms) != 0 || time_ms < 1 || time_ms > TIMEOUT_MAX_MS)
		return error_set(err, ERROR_CONFIGURATION, "%s: takes a time up to a day: 10s, 5m",
				 field);
	target_replace(draft, &draft->target.stopped, NULL);
	*member = time_ms;
	return 0;
}

int definition_target_set_connect_timeout(struct work_queue *draft, const char *value,
					  struct error *err)
{
	return target_set_time(draft, "deliver-connect-timeout", value,
			       &draft->target.connect_timeout_ms, err);
}

int definition_target_set_timeout(struct work_queue *draft, const char *value, struct error *err)
{
	return target_set_time(draft, "deliver-timeout", value, &draft->target.timeout_ms, err);
}

/* Runs begin in other folders than the one in which the path was typed. */
static void target_set_path(struct work_queue *draft, char **member, const char *value)
{
	g_autofree char *path = *value != '\0' ? g_canonicalize_filename(value, NULL) : NULL;
	target_replace(draft, member, path);
}

int definition_target_set_ca_file(struct work_queue *draft, const char *value, struct error *err)
{
	(void)err;
	target_set_path(draft, &draft->target.ca_file, value);
	return 0;
}

int definition_target_set_client_certificate(struct work_queue *draft, const char *value,
					     struct error *err)
{
	(void)err;
	target_set_path(draft, &draft->target.client_certificate, value);
	return 0;
}

int definition_target_set_allow_private(struct work_queue *draft, const char *value,
					struct error *err)
{
	const bool yes = g_ascii_strcasecmp(value, "true") == 0;
	if (!yes && g_ascii_strcasecmp(value, "false") != 0)
		return error_set(err, ERROR_CONFIGURATION, "allow-private: takes true or false");
	target_replace(draft, &draft->target.stopped, NULL);
	draft->target.allow_private = yes;
	return 0;
}

int definition_target_set_concurrency(struct work_queue *draft, const char *value,
				      struct error *err)
{
	guint64 number;
	if (!g_ascii_string_to_unsigned(value, 10, 1, 64, &number, NULL))
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-concurrency: takes a number from 1 to 64");
	draft->target.concurrency = (int32_t)number;
	return 0;
}

int definition_target_set_acknowledge(struct work_queue *draft, const char *value,
				      struct error *err)
{
	const bool delivery = g_ascii_strcasecmp(value, "delivery") == 0;
	if (!delivery && g_ascii_strcasecmp(value, "load") != 0)
		return error_set(err, ERROR_CONFIGURATION, "acknowledge: takes load or delivery");
	draft->target.on_delivery = delivery;
	return 0;
}

/* ---- as a whole ---- */

void definition_target_init(struct work_queue_target *target)
{
	target->format = g_strdup(post_format_name(POST_MULTIPART));
	target->connect_timeout_ms = CONNECT_TIMEOUT_MS;
	target->timeout_ms = TIMEOUT_MS;
	target->concurrency = CONCURRENCY;
}

int definition_target_check(const struct work_queue *draft, struct error *err)
{
	const struct work_queue_target *target = &draft->target;
	if (target->url == NULL && target->on_delivery)
		return error_set(err, ERROR_CONFIGURATION,
				 "acknowledge=delivery needs deliver-to: nothing else would ever "
				 "mark the mail read");
	if (target->url == NULL || strcmp(target->format, post_format_name(POST_RAW)) != 0)
		return 0;
	scoped(connection_string_free) struct connection_string *server = NULL;
	if (connection_string_parse(draft->connection_string, &server, err) != 0)
		return error_prefix(err, "connection-string");
	if (!server->keep_raw)
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-format=raw needs keepRaw=True in the connection string");
	return 0;
}

bool definition_target_equals(const struct work_queue_target *left,
			      const struct work_queue_target *right)
{
	if (left->url == NULL && right->url == NULL)
		return true;
	return g_strcmp0(left->url, right->url) == 0 &&
	       g_strcmp0(left->format, right->format) == 0 &&
	       g_strcmp0(left->secret, right->secret) == 0 &&
	       g_strcmp0(left->headers, right->headers) == 0 &&
	       g_strcmp0(left->ca_file, right->ca_file) == 0 &&
	       g_strcmp0(left->client_certificate, right->client_certificate) == 0 &&
	       left->connect_timeout_ms == right->connect_timeout_ms &&
	       left->timeout_ms == right->timeout_ms && left->concurrency == right->concurrency &&
	       left->allow_private == right->allow_private &&
	       left->on_delivery == right->on_delivery;
}
