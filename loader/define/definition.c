/* The table of the fields of queues and targets: each row has the words of the help and the function that checks
 * a value and puts it into a draft. Command line, file and help all go by this table. */
#include "loader/define/definition.h"

#include "loader/base/clock.h"
#include "loader/base/nearest.h"
#include "loader/base/secret.h"
#include "loader/define/definition_internal.h"
#include "loader/imap/names/connection_string.h"
#include "loader/oauth/oauth.h"
#include "queue/base/scoped.h"

#include <stdlib.h>
#include <string.h>

/* Takes `value` over. Setting a field twice must not leave the first value behind. */
static void definition_replace(char **member, char *value)
{
	free(*member);
	*member = value;
}

/* There is one source: naming another one replaces it. */
static int definition_set_credential(struct work_queue *draft, enum secret_source source,
				     const char *reference)
{
	definition_replace(&draft->credential_source, g_strdup(secret_source_format(source)));
	definition_replace(&draft->credential_reference, g_strdup(reference));
	return 0;
}

/* Forms of other systems name classes that this program does not load, so that a wrong one is
 * said. */
static int set_class(struct work_queue *draft, const char *value, struct error *err)
{
	if (g_ascii_strcasecmp(value, "Mail") != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "class: '%s' is not known; an IMAP queue is of class Mail", value);
	definition_replace(&draft->class_name, g_strdup("Mail"));
	return 0;
}

/* The database keeps a text where there is none. */
static void definition_fill(char **member)
{
	if (*member == NULL)
		*member = g_strdup("");
}

static int set_external_source(struct work_queue *draft, const char *value, struct error *err)
{
	bool is_file = g_ascii_strcasecmp(value, "File") == 0;
	if (!is_file && g_ascii_strcasecmp(value, "IMAP") != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "external-source: '%s' is not known; it takes IMAP or File",
				 value);
	definition_replace(&draft->external_source, g_strdup(is_file ? "File" : "IMAP"));
	if (is_file) {
		definition_fill(&draft->connection_string);
		definition_fill(&draft->user_name);
	}
	return 0;
}

/* Kept as it was written, not as it was understood: operators compare it with their own papers. */
static int set_connection_string(struct work_queue *draft, const char *value, struct error *err)
{
	scoped(connection_string_free) struct connection_string *parsed = NULL;
	/* Whether it must name a server is known at the end: definition_check(). */
	if (connection_string_parse_local(value, &parsed, err) != 0)
		return error_prefix(err, "connection-string");
	definition_replace(&draft->connection_string, g_strdup(value));
	return 0;
}

/* Control characters could end the line of an IMAP command. */
static int set_user_name(struct work_queue *draft, const char *value, struct error *err)
{
	bool odd = *value == '\0' || !g_utf8_validate(value, -1, NULL);
	for (const char *at = value; *at != '\0'; at++)
		odd = odd || g_ascii_iscntrl(*at);
	if (odd)
		return error_set(err, ERROR_CONFIGURATION,
				 "user-name: must be UTF-8 text without control characters");
	definition_replace(&draft->user_name, g_strdup(value));
	return 0;
}

/* Loads run from other folders than the one in which the path was typed, so the path is made
 * absolute. */
static int set_password_file(struct work_queue *draft, const char *value, struct error *err)
{
	if (*value == '\0')
		return error_set(err, ERROR_CONFIGURATION, "password-file: needs a path");
	g_autofree char *path = g_canonicalize_filename(value, NULL);
	return definition_set_credential(draft, SECRET_FILE, path);
}

/* A "=" would be the value itself: VARIABLE=secret is typed easily, and must not be stored. */
static int set_password_env(struct work_queue *draft, const char *value, struct error *err)
{
	if (*value == '\0' || strchr(value, '=') != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "password-env: needs the name of an environment variable");
	return definition_set_credential(draft, SECRET_ENV, value);
}

/* systemd finds a credential by its name in one folder; a path would lead out of it. */
static int set_password_credential(struct work_queue *draft, const char *value, struct error *err)
{
	if (*value == '\0' || strchr(value, '/') != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "password-credential: needs the name of a systemd credential");
	return definition_set_credential(draft, SECRET_CREDENTIAL, value);
}

static int definition_set_command(struct work_queue *draft, enum secret_source source,
				  const char *field, const char *value, struct error *err)
{
	g_autofree char *reference = NULL;
	if (secret_command_parse(value, &reference, err) != 0)
		return error_prefix(err, "%s", field);
	return definition_set_credential(draft, source, reference);
}

static int set_password_command(struct work_queue *draft, const char *value, struct error *err)
{
	return definition_set_command(draft, SECRET_COMMAND, "password-command", value, err);
}

static int set_token_command(struct work_queue *draft, const char *value, struct error *err)
{
	return definition_set_command(draft, SECRET_TOKEN_COMMAND, "token-command", value, err);
}

/* The account may be made later: it needs no database. */
static int set_oauth(struct work_queue *draft, const char *value, struct error *err)
{
	if (oauth_check_name(value, err) != 0)
		return error_prefix(err, "oauth");
	return definition_set_credential(draft, SECRET_OAUTH, value);
}

static int definition_parse_bool(const char *field, const char *value, bool *ret_value,
				 struct error *err)
{
	if (g_ascii_strcasecmp(value, "true") == 0)
		*ret_value = true;
	else if (g_ascii_strcasecmp(value, "false") == 0)
		*ret_value = false;
	else
		return error_set(err, ERROR_CONFIGURATION, "%s: takes true or false", field);
	return 0;
}

/* false leaves the source as it is: it takes no password away. */
static int set_password_prompt(struct work_queue *draft, const char *value, struct error *err)
{
	bool asked;
	if (definition_parse_bool("password-prompt", value, &asked, err) != 0)
		return -1;
	return asked ? definition_set_credential(draft, SECRET_PROMPT, NULL) : 0;
}

static int set_paused(struct work_queue *draft, const char *value, struct error *err)
{
	return definition_parse_bool("paused", value, &draft->paused, err);
}

/* A thousand attempts with doubled pauses take longer than anybody waits. */
static int set_max_attempts(struct work_queue *draft, const char *value, struct error *err)
{
	guint64 number;
	if (!g_ascii_string_to_unsigned(value, 10, 1, 1000, &number, NULL))
		return error_set(err, ERROR_CONFIGURATION,
				 "max-attempts: takes a number from 1 to 1000");
	draft->max_attempts = (int32_t)number;
	return 0;
}

/* 0 is allowed: entries are tried again at once. */
static int set_retry_delay(struct work_queue *draft, const char *value, struct error *err)
{
	if (duration_parse(value, &draft->retry_delay_ms) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "retry-delay: takes a time: 30s, 10m, 2h, 0");
	return 0;
}

#define DEFINITION_RETRY_DELAY "30s"

/* A field of a queue, or of a target. Neither is set for those of other external sources:
 * definition_set() takes them when they are empty. */
struct definition_row {
	struct definition_field field;
	int (*set)(struct work_queue *draft, const char *value, struct error *err);
	target_setter *set_target;
};

static const struct definition_row rows[] = {
    {{"class", "Mail", "class of the queue's entries", NULL, false}, set_class, NULL},
    {{"external-source", "IMAP|File",
      "where entries come from; File: by `inqueue import`, or `watch` from watchFolder=", NULL,
      false},
     set_external_source,
     NULL},
    {{"connection-string", "TEXT",
      "url=…;port=…;ssl=True;mailbox=…; see `inqueue help "
      "connection-string`",
      NULL, false},
     set_connection_string,
     NULL},
    {{"user-name", "NAME", "account on the mail server", NULL, false}, set_user_name, NULL},
    {{"password-file", "FILE", "the password is the first line of this file (mode 0600)", NULL,
      false},
     set_password_file,
     NULL},
    {{"password-env", "VARIABLE", "the password is in this environment variable", NULL, false},
     set_password_env,
     NULL},
    {{"password-command", "COMMAND", "the password is the first line this command prints; no shell",
      NULL, false},
     set_password_command,
     NULL},
    {{"password-credential", "NAME", "the password is this systemd credential", NULL, false},
     set_password_credential,
     NULL},
    {{"password-prompt", NULL,
      "ask for the password; the answer is kept in a 0600 file beside the "
      "database",
      NULL, false},
     set_password_prompt,
     NULL},
    {{"token-command", "COMMAND",
      "like --password-command, for an OAuth 2.0 access token (OAUTHBEARER, XOAUTH2)", NULL, false},
     set_token_command,
     NULL},
    {{"oauth", "NAME",
      "like --token-command, from the account that `inqueue oauth login NAME` keeps", NULL, false},
     set_oauth,
     NULL},
    {{"paused", "true|false", "a paused queue is not loaded", NULL, false}, set_paused, NULL},
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
     set_max_attempts,
     NULL},
    {{"retry-delay", "TIME",
      "how long to wait before the second attempt, doubled for each further one",
      DEFINITION_RETRY_DELAY, false},
     set_retry_delay,
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

/* The same rows without those of a queue alone. */
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

/* Shows an example of what is missing. */
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
