/* Where the secrets of a target come from: finds the source in a header field, lists sources without
 * reading them, and reads all of a target's secrets for a run. */
#include "loader/define/target_secret.h"

#include "loader/base/redact.h"
#include "loader/http/post.h"
#include "loader/http/target.h"
#include "queue/base/scoped.h"

#include <string.h>

/* ---- header fields ---- */

/* The word at which the source begins, as in "Authorization: Bearer file:PATH"; NULL for none. */
static const char *header_source(const char *line)
{
	enum secret_source ignored;
	const char *rest;
	const char *at = strchr(line, ':');
	while (at != NULL && !secret_named_split(at + 1, &ignored, &rest))
		at = strchr(at + 1, ' ');
	return at != NULL ? at + 1 : NULL;
}

/* Words before the source stay as they are: "Bearer ". */
int target_secret_parse_header(const char *field, const char *line, char **ret_line,
			       struct error *err)
{
	const char *source = header_source(line);
	g_autofree char *stored = NULL;
	if (secret_named_parse(field, source != NULL ? source : "", &stored, err) != 0)
		return -1;
	g_autofree char *before = g_strndup(line, (gsize)(source - line));
	*ret_line = g_strconcat(before, stored, NULL);
	return 0;
}

/* The same as it was typed: a command in words, not as the list that is kept. */
char *target_secret_format_header(const char *line)
{
	const char *source = header_source(line);
	if (source == NULL)
		return g_strdup(line);
	g_autofree char *before = g_strndup(line, (gsize)(source - line));
	g_autofree char *written = secret_named_format(source);
	return g_strconcat(before, written, NULL);
}

/* Goes by the words of the name: "X-Api-Key" is meant, "X-Monkey" is not. */
bool target_secret_is_meant(const char *header_name)
{
	static const char *const telling[] = {
	    "authorization", "authentication", "auth",	      "cookie",
	    "token",	     "secret",	       "password",    "key",
	    "apikey",	     "credential",     "credentials", "session",
	};
	g_autofree char *lower = g_ascii_strdown(header_name, -1);
	g_auto(GStrv) words = g_strsplit_set(lower, "-_.", -1);
	for (size_t i = 0; i < G_N_ELEMENTS(telling); i++) {
		if (g_strv_contains((const char *const *)words, telling[i]))
			return true;
	}
	return false;
}

/* ---- listing ---- */

/* Names each secret by the option that set it. */
void target_secret_list(const struct work_queue_target *target,
			void (*each)(const char *field, enum secret_source source,
				     const char *reference, void *context),
			void *context)
{
	enum secret_source source;
	const char *reference;
	if (target->secret != NULL && secret_named_split(target->secret, &source, &reference))
		each("deliver-secret", source, reference, context);
	if (target->password != NULL && secret_named_split(target->password, &source, &reference))
		each("deliver-password", source, reference, context);
	if (target->header_secrets == NULL)
		return;
	g_auto(GStrv) lines = g_strsplit(target->header_secrets, "\n", -1);
	for (size_t i = 0; lines[i] != NULL; i++) {
		const char *stored = header_source(lines[i]);
		if (stored != NULL && secret_named_split(stored, &source, &reference))
			each("deliver-header-secret", source, reference, context);
	}
}

/* ---- reading ---- */

/* A key is checked here as well: the file may have changed since the queue was defined. */
static int read_key(const char *source, struct secret **ret_key, struct error *err)
{
	static const char field[] = "deliver-secret";
	if (secret_named_read(field, source, ret_key, err) != 0)
		return -1;
	if (signature_check_key(secret_text(*ret_key), err) != 0)
		return error_prefix(err, "%s", field);
	return 0;
}

/* A definition of an older version may have its password in the URL. */
static void hide_password(const char *url)
{
	char *user;
	char *password;
	if (!target_find_credentials(url, &user, &password))
		return;
	redact_add(password, strlen(password));
	secret_wipe(password);
	g_free(user);
}

/* Puts the password into the URL for this program's own use, because curl takes it from there. */
static int read_url(const struct work_queue_target *target, char **ret_url, struct error *err)
{
	scoped(secret_free) struct secret *password = NULL;
	if (target->password == NULL) {
		hide_password(target->url);
		*ret_url = g_strdup(target->url);
		return 0;
	}
	if (secret_named_read("deliver-password", target->password, &password, err) != 0)
		return -1;
	return target_add_password(target->url, secret_text(password), ret_url, err);
}

/* The value takes the place of its source. */
static int read_field(const char *line, char **ret_field, struct error *err)
{
	const char *source = header_source(line);
	scoped(secret_free) struct secret *secret = NULL;
	if (secret_named_read("deliver-header-secret", source != NULL ? source : "", &secret,
			      err) != 0)
		return -1;
	g_autofree char *before = g_strndup(line, (gsize)(source - line));
	*ret_field = g_strconcat(before, secret_text(secret), NULL);
	return 0;
}

/* What was read before an error is wiped by target_secrets_clear(). */
static int read_fields(const char *lines, char ***ret_fields, struct error *err)
{
	g_auto(GStrv) list = g_strsplit(lines, "\n", -1);
	char **fields = *ret_fields = g_new0(char *, g_strv_length(list) + 1);
	for (size_t i = 0; list[i] != NULL; i++) {
		if (read_field(list[i], &fields[i], err) != 0)
			return -1;
	}
	return 0;
}

/* After an error the caller still clears what has been read by then. */
int target_secrets_read(const struct work_queue_target *target, struct target_secrets *ret_secrets,
			struct error *err)
{
	*ret_secrets = (struct target_secrets){0};
	if (target->secret != NULL && read_key(target->secret, &ret_secrets->key, err) != 0)
		return -1;
	if (target->header_secrets != NULL &&
	    read_fields(target->header_secrets, &ret_secrets->fields, err) != 0)
		return -1;
	return read_url(target, &ret_secrets->url, err);
}

/* Each text is wiped before it is released. */
void target_secrets_clear(struct target_secrets *secrets)
{
	secret_free(secrets->key);
	secret_wipe(secrets->url);
	for (char **field = secrets->fields; field != NULL && *field != NULL; field++)
		secret_wipe(*field);
	g_free(secrets->fields);
	*secrets = (struct target_secrets){0};
}
