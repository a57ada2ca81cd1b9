/* The fields of a queue that say which mail it is fed from, and how often an entry is tried: each
 * function checks one value and puts it into the draft of a queue. */
#include "loader/define/definition_internal.h"

#include "loader/base/clock.h"
#include "loader/base/secret.h"
#include "loader/imap/names/connection_string.h"
#include "loader/oauth/oauth.h"
#include "loader/rules/rules.h"
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
int definition_set_credential(struct work_queue *draft, enum secret_source source,
			      const char *reference)
{
	definition_replace(&draft->credential_source, g_strdup(secret_source_format(source)));
	definition_replace(&draft->credential_reference, g_strdup(reference));
	return 0;
}

/* Forms of other systems name classes that this program does not load, so that a wrong one is
 * said. */
int definition_set_class(struct work_queue *draft, const char *value, struct error *err)
{
	if (g_ascii_strcasecmp(value, "Mail") != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "class: '%s' is not known; an IMAP queue is of class Mail", value);
	definition_replace(&draft->class_name, g_strdup("Mail"));
	return 0;
}

/* A queue of files has no server and no account; the columns take a text all the same (NOT NULL). */
static void definition_fill(char **member)
{
	if (*member == NULL)
		*member = g_strdup("");
}

int definition_set_external_source(struct work_queue *draft, const char *value, struct error *err)
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
int definition_set_connection_string(struct work_queue *draft, const char *value, struct error *err)
{
	scoped(connection_string_free) struct connection_string *parsed = NULL;
	/* Whether it must name a server is known at the end: definition_check(). */
	if (connection_string_parse_local(value, &parsed, err) != 0)
		return error_prefix(err, "connection-string");
	definition_replace(&draft->connection_string, g_strdup(value));
	return 0;
}

/* Control characters could end the line of an IMAP command. */
int definition_set_user_name(struct work_queue *draft, const char *value, struct error *err)
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
int definition_set_password_file(struct work_queue *draft, const char *value, struct error *err)
{
	if (*value == '\0')
		return error_set(err, ERROR_CONFIGURATION, "password-file: needs a path");
	g_autofree char *path = g_canonicalize_filename(value, NULL);
	return definition_set_credential(draft, SECRET_FILE, path);
}

/* A "=" would be the value itself: VARIABLE=secret is typed easily, and must not be stored. */
int definition_set_password_env(struct work_queue *draft, const char *value, struct error *err)
{
	if (*value == '\0' || strchr(value, '=') != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "password-env: needs the name of an environment variable");
	return definition_set_credential(draft, SECRET_ENV, value);
}

/* systemd finds a credential by its name in one folder; a path would lead out of it. */
int definition_set_password_credential(struct work_queue *draft, const char *value,
				       struct error *err)
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

/* The words are stored as a list, with the whole path of the program: secret_command_parse(). */
int definition_set_password_command(struct work_queue *draft, const char *value, struct error *err)
{
	return definition_set_command(draft, SECRET_COMMAND, "password-command", value, err);
}

int definition_set_token_command(struct work_queue *draft, const char *value, struct error *err)
{
	return definition_set_command(draft, SECRET_TOKEN_COMMAND, "token-command", value, err);
}

/* The account may be made later: it needs no database. */
int definition_set_oauth(struct work_queue *draft, const char *value, struct error *err)
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
int definition_set_password_prompt(struct work_queue *draft, const char *value, struct error *err)
{
	bool asked;
	if (definition_parse_bool("password-prompt", value, &asked, err) != 0)
		return -1;
	return asked ? definition_set_credential(draft, SECRET_PROMPT, NULL) : 0;
}

int definition_set_paused(struct work_queue *draft, const char *value, struct error *err)
{
	return definition_parse_bool("paused", value, &draft->paused, err);
}

/* At most 1000, which take six weeks: pauses double up to an hour. */
int definition_set_max_attempts(struct work_queue *draft, const char *value, struct error *err)
{
	guint64 number;
	if (!g_ascii_string_to_unsigned(value, 10, 1, 1000, &number, NULL))
		return error_set(err, ERROR_CONFIGURATION,
				 "max-attempts: takes a number from 1 to 1000");
	draft->max_attempts = (int32_t)number;
	return 0;
}

/* 0 is allowed: entries are tried again at once. */
int definition_set_retry_delay(struct work_queue *draft, const char *value, struct error *err)
{
	if (duration_parse(value, &draft->retry_delay_ms) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "retry-delay: takes a time: 30s, 10m, 2h, 0");
	return 0;
}

/* '' takes it away, because a value is needed on a command line. */
int definition_set_reference(struct work_queue *draft, const char *value, struct error *err)
{
	if (*value != '\0' && !g_utf8_validate(value, -1, NULL))
		return error_set(err, ERROR_CONFIGURATION, "reference: must be UTF-8 text");
	if (*value != '\0' && rules_check_reference(value, err) != 0)
		return error_prefix(err, "reference");
	definition_replace(&draft->reference, *value != '\0' ? g_strdup(value) : NULL);
	return 0;
}

int definition_set_same_reference(struct work_queue *draft, const char *value, struct error *err)
{
	return work_queue_same_parse(value, &draft->same_reference) == 0
		   ? 0
		   : error_set(err, ERROR_CONFIGURATION,
			       "same-reference: takes link, refuse or replace");
}

int definition_set_order(struct work_queue *draft, const char *value, struct error *err)
{
	return work_queue_order_parse(value, &draft->order) == 0
		   ? 0
		   : error_set(err, ERROR_CONFIGURATION, "order: takes due or deadline");
}
