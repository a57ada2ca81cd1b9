/* The table of the fields of queues and targets: each row has the words of the help and the function that checks
 * a value and puts it into a draft. Command line, file and help all go by this table. */
#include "loader/define/definition.h"

#include "loader/base/clock.h"
#include "loader/base/secret.h"
#include "loader/define/definition_internal.h"
#include "loader/imap/names/connection_string.h"
#include "queue/base/nearest.h"
#include "queue/base/scoped.h"

#include <stdlib.h>

/* A field of a queue, or of a target. Neither is set for those of other external sources:
 * definition_set() takes them when they are empty. */
struct definition_row {
	struct definition_field field;
	int (*set)(struct work_queue *draft, const char *value, struct error *err);
	target_setter *set_target;
};

/* The order is that of the help, and that in which `queue create` sets what it was given. */
static const struct definition_row rows[] = {
    {{"class", "Mail", "class of the queue's entries", NULL, false}, definition_set_class, NULL},
    {{"external-source", "IMAP|File",
      "where entries come from; File: by `inqueue import`, or `watch` from watchFolder=", NULL,
      false},
     definition_set_external_source,
     NULL},
    {{"connection-string", "TEXT",
      "url=…;port=…;ssl=True;mailbox=…; see `inqueue help "
      "connection-string`",
      NULL, false},
     definition_set_connection_string,
     NULL},
    {{"user-name", "NAME", "account on the mail server", NULL, false},
     definition_set_user_name,
     NULL},
    {{"password-file", "FILE", "the password is the first line of this file (mode 0600)", NULL,
      false},
     definition_set_password_file,
     NULL},
    {{"password-env", "VARIABLE", "the password is in this environment variable", NULL, false},
     definition_set_password_env,
     NULL},
    {{"password-command", "COMMAND", "the password is the first line this command prints; no shell",
      NULL, false},
     definition_set_password_command,
     NULL},
    {{"password-credential", "NAME", "the password is this systemd credential", NULL, false},
     definition_set_password_credential,
     NULL},
    {{"password-prompt", NULL,
      "ask for the password; the answer is kept in a 0600 file beside the "
      "database",
      NULL, false},
     definition_set_password_prompt,
     NULL},
    {{"token-command", "COMMAND",
      "like --password-command, for an OAuth 2.0 access token (OAUTHBEARER, XOAUTH2)", NULL, false},
     definition_set_token_command,
     NULL},
    {{"oauth", "NAME",
      "like --token-command, from the account that `inqueue oauth login NAME` keeps", NULL, false},
     definition_set_oauth,
     NULL},
    {{"paused", "true|false", "a paused queue is not loaded", NULL, false},
     definition_set_paused,
     NULL},
    {{"target", "NAME", "post each entry to this target, which `inqueue target create` has defined",
      NULL, false},
     definition_target_set_name,
     NULL},
    {{"deliver-to", "URL",
      "post each entry to this https or http address, https://NAME@host/… for Basic credentials",
      NULL, false},
     NULL,
     definition_target_set_url},
    {{"deliver-format", "multipart|json|raw", "the form of a post", DEFINITION_FORMAT, false},
     NULL,
     definition_target_set_format},
    {{"deliver-secret", "SOURCE",
      "sign posts with the secret in file:PATH, env:VARIABLE, command:COMMAND or credential:NAME",
      NULL, false},
     NULL,
     definition_target_set_secret},
    {{"deliver-password", "SOURCE",
      "the password of the user in deliver-to, from a source like that of deliver-secret", NULL,
      false},
     NULL,
     definition_target_set_password},
    {{"deliver-header-secret", "'NAME: SOURCE'",
      "one more header field of posts, with a source in its value: 'Authorization: Bearer env:KEY'",
      NULL, false},
     NULL,
     definition_target_set_header_secret},
    {{"deliver-header", "'NAME: VALUE'", "one more header field of posts; several with | between",
      NULL, false},
     NULL,
     definition_target_set_header},
    {{"deliver-recipient", "FIELDS",
      "header fields that say where a mail was delivered to, the first that has an address counts: "
      "X-Original-To,Delivered-To",
      NULL, false},
     NULL,
     definition_target_set_recipient},
    {{"deliver-connect-timeout", "TIME", "how long connecting may take", DEFINITION_CONNECT_TIMEOUT,
      false},
     NULL,
     definition_target_set_connect_timeout},
    {{"deliver-timeout", "TIME", "how long a delivery may take in all", DEFINITION_TIMEOUT, false},
     NULL,
     definition_target_set_timeout},
    {{"deliver-ca-file", "FILE", "trust these certificate authorities instead of the system's",
      NULL, false},
     NULL,
     definition_target_set_ca_file},
    {{"deliver-crl-file", "FILE", "refuse what these revocation lists name (PEM, or one in DER)",
      NULL, false},
     NULL,
     definition_target_set_crl_file},
    {{"deliver-client-certificate", "FILE", "show this certificate; the file holds its key as well",
      NULL, false},
     NULL,
     definition_target_set_client_certificate},
    {{"deliver-redirects", "any|same-host|none", "which redirects to follow, at most 3 in a row",
      DEFINITION_REDIRECTS, false},
     NULL,
     definition_target_set_redirects},
    {{"deliver-trust-host", "HOST[:PORT]",
      "a redirect to this host gets the credentials, too; several with | between", NULL, false},
     NULL,
     definition_target_set_trust_host},
    {{"deliver-proxy", "URL|environment",
      "post through this HTTP proxy, http://HOST:PORT, or that of https_proxy and http_proxy", NULL,
      false},
     NULL,
     definition_target_set_proxy},
    {{"allow-private", "true|false", "also post to addresses of this machine or network", "false",
      false},
     NULL,
     definition_target_set_allow_private},
    {{"deliver-insecure", "true|false",
      "also post to other machines in clear (http://), without credentials", "false", false},
     NULL,
     definition_target_set_insecure},
    {{"acknowledge", "load|delivery",
      "mail is marked read and moved once it is stored (load, the default), or stays unread until "
      "deliver-to has answered (delivery)",
      NULL, false},
     definition_target_set_acknowledge,
     NULL},
    {{"deliver-concurrency", "N",
      "how many posts at a time, together with other queues of this server", DEFINITION_CONCURRENCY,
      false},
     NULL,
     definition_target_set_concurrency},
    /* These stand behind deliver-to: with a target the default is another one, and a number that
     * is given must win. */
    {{"max-attempts", "N", "how often an entry is tried before it has failed",
      G_STRINGIFY(WORK_QUEUE_MAX_ATTEMPTS) ", with deliver-to " G_STRINGIFY(
	  WORK_QUEUE_MAX_DELIVERIES),
      false},
     definition_set_max_attempts,
     NULL},
    {{"retry-delay", "TIME",
      "how long to wait before the second attempt, doubled for each further one",
      DEFINITION_RETRY_DELAY, false},
     definition_set_retry_delay,
     NULL},
    {{"reference", "WHERE",
      "what a mail is about: message-id, header:NAME, subject:EXPRESSION, body:EXPRESSION or "
      "plus-address[:ADDRESS]; '' for nothing",
      NULL, false},
     definition_set_reference,
     NULL},
    {{"same-reference", "link|refuse|replace",
      "a second mail about the same becomes an entry as well, becomes none, or takes the place of "
      "those that wait",
      DEFINITION_SAME_REFERENCE, false},
     definition_set_same_reference,
     NULL},
    {{"order", "due|deadline",
      "what workers get first of entries with one priority: what has been due longest, or what has "
      "to be done first",
      DEFINITION_ORDER, false},
     definition_set_order,
     NULL},
    {{"path", "TEXT", "for file sources only", NULL, true}, NULL, NULL},
    {{"search-pattern", "TEXT", "for file sources only", NULL, true}, NULL, NULL},
    {{"mode", "TEXT", "for file sources only", NULL, true}, NULL, NULL},
    {{"state-xpath", "TEXT", "for file sources only", NULL, true}, NULL, NULL},
    {{"state", "TEXT", "a preset state, for other sources only", NULL, true}, NULL, NULL},
};

bool definition_field_at(size_t index, struct definition_field *ret_field)
{
	if (index >= G_N_ELEMENTS(rows))
		return false;
	*ret_field = rows[index].field;
	return true;
}

/* The rows that a target has as well. Few enough to be counted each time. */
static const struct definition_row *definition_target_row(size_t index)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (rows[i].set_target != NULL && index-- == 0)
			return &rows[i];
	}
	return NULL;
}

bool definition_target_field_at(size_t index, struct definition_field *ret_field)
{
	const struct definition_row *row = definition_target_row(index);
	if (row != NULL)
		*ret_field = row->field;
	return row != NULL;
}

/* The defaults of a queue; the password is asked for unless a source is named. */
struct work_queue *definition_new(const char *name)
{
	struct work_queue *draft = calloc(1, sizeof *draft);
	g_assert(draft != NULL);
	draft->name = g_strdup(name);
	draft->class_name = g_strdup("Mail");
	draft->external_source = g_strdup("IMAP");
	definition_target_init(&draft->target);
	duration_parse(DEFINITION_RETRY_DELAY, &draft->retry_delay_ms);
	definition_set_credential(draft, SECRET_PROMPT, NULL);
	return draft;
}

/* "searchPattern", "search-pattern" and "Search Pattern" are one name. */
static bool definition_names_equal(const char *left, const char *right)
{
	for (;; left++, right++) {
		left += strspn(left, "- _");
		right += strspn(right, "- _");
		if (g_ascii_tolower(*left) != g_ascii_tolower(*right))
			return false;
		if (*left == '\0')
			return true;
	}
}

/* Lists the fields that there are: of a target alone, or all but those of other external sources. */
static int definition_unknown(const char *field, bool of_target, struct error *err)
{
	g_autoptr(GString) known = g_string_new(NULL);
	struct nearest nearest = nearest_begin(field);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (rows[i].field.foreign || (of_target && rows[i].set_target == NULL))
			continue;
		g_string_append_printf(known, "%s%s", known->len > 0 ? ", " : "",
				       rows[i].field.name);
		nearest_try(&nearest, rows[i].field.name);
	}
	const bool near = nearest.best != NULL;
	return error_set(err, ERROR_CONFIGURATION, "unknown field '%s'%s%s%snown are %s", field,
			 near ? ": did you mean " : "", near ? nearest.best : "",
			 near ? "? K" : "; k", known->str);
}

/* Fields of other external sources are known, so that the forms of other systems can be applied
 * as they are, with these fields empty. */
int definition_set(struct work_queue *draft, const char *field, const char *value,
		   struct error *err)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (!definition_names_equal(rows[i].field.name, field))
			continue;
		if (rows[i].set_target != NULL)
			return definition_target_set_of(draft, rows[i].field.name,
							rows[i].set_target, value, err);
		if (!rows[i].field.foreign)
			return rows[i].set(draft, value, err);
		if (*value == '\0')
			return 0;
		return error_set(err, ERROR_CONFIGURATION,
				 "%s must remain empty: with external source IMAP only connection "
				 "string, user name and password are filled in",
				 rows[i].field.name);
	}
	return definition_unknown(field, false, err);
}

void definition_target_new(const char *name, struct work_queue_target *ret_draft)
{
	*ret_draft = (struct work_queue_target){.name = g_strdup(name)};
	definition_target_init(ret_draft);
}

int definition_target_set(struct work_queue_target *draft, const char *field, const char *value,
			  struct error *err)
{
	const struct definition_row *row;
	for (size_t i = 0; (row = definition_target_row(i)) != NULL; i++) {
		if (definition_names_equal(row->field.name, field))
			return row->set_target(draft, value, err);
	}
	return definition_unknown(field, true, err);
}

/* A definition as a whole: what no field can know alone, and what must not be missing. Shows an example of it. */
int definition_check(const struct work_queue *draft, struct error *err)
{
	scoped(connection_string_free) struct connection_string *parsed = NULL;
	if (!work_queue_has_mailbox(draft))
		return definition_target_check_of(draft, err);
	if (draft->connection_string == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "connection-string is needed, e.g. "
				 "'url=imap.example.com;ssl=True'");
	if (connection_string_parse(draft->connection_string, &parsed, err) != 0)
		return error_prefix(err, "connection-string");
	if (draft->user_name == NULL || *draft->user_name == '\0')
		return error_set(err, ERROR_CONFIGURATION,
				 "user-name is needed: the account on the mail server");
	return definition_target_check_of(draft, err);
}
