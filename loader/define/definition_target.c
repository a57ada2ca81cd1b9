/* The fields that say where entries are posted to: each function checks one value and puts it into the
 * draft of a target, a queue's own or one with a name. */
#include "loader/define/definition_internal.h"

#include "loader/base/clock.h"
#include "loader/define/target_secret.h"
#include "loader/http/post.h"
#include "loader/http/proxy.h"
#include "loader/http/target.h"

#include <string.h>

/* A day: no target works longer on one entry, and an entry is not kept from others for longer. */
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

/* Stored as it was written: target_check() lets no password stand in it. */
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

/* In the order in which they count; blanks between them are left out. The first field that holds an address wins,
 * because servers name the one who got the mail in different fields. */
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

/* One of several hosts; a form that curl would not take for a host is refused here, where somebody reads it. */
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

int definition_target_set_proxy(struct work_queue_target *draft, const char *value,
				struct error *err)
{
	if (*value != '\0' && proxy_check(value, err) != 0)
		return error_prefix(err, "deliver-proxy");
	target_replace(draft, &draft->proxy, value);
	return 0;
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
