/* Sources of secrets in one word, "file:PATH": checked when an operator writes them, kept in a form that
 * any folder can use, read when they are needed. */
#include "loader/base/secret_internal.h"

#include "queue/base/scoped.h"

#include <string.h>

/* A prompt or a token is no source here: nobody sits there when the secret is needed. */
bool secret_named_split(const char *stored, enum secret_source *ret_source,
			const char **ret_reference)
{
	const size_t length = strcspn(stored, ":");
	g_autofree char *name = g_strndup(stored, length);
	if (stored[length] == '\0' || secret_source_parse(name, ret_source) != 0)
		return false;
	*ret_reference = stored + length + 1;
	return *ret_source == SECRET_FILE || *ret_source == SECRET_ENV ||
	       *ret_source == SECRET_COMMAND || *ret_source == SECRET_CREDENTIAL;
}

/* Makes the reference that secret_read() wants. */
static int named_reference(const char *field, enum secret_source source, const char *rest,
			   char **ret_reference, struct error *err)
{
	if (source == SECRET_COMMAND)
		return secret_command_parse(rest, ret_reference, err) != 0
			   ? error_prefix(err, "%s", field)
			   : 0;
	*ret_reference =
	    source == SECRET_FILE ? g_canonicalize_filename(rest, NULL) : g_strdup(rest);
	return 0;
}

/* The name of a variable or credential with '/' or '=' is a path or an assignment that went
 * wrong. */
static bool named_is_odd(enum secret_source source, const char *rest)
{
	const bool name = source == SECRET_ENV || source == SECRET_CREDENTIAL;
	return *rest == '\0' || (name && strpbrk(rest, "/=") != NULL);
}

int secret_named_parse(const char *field, const char *value, char **ret_stored, struct error *err)
{
	enum secret_source source;
	const char *rest;
	if (!secret_named_split(value, &source, &rest) || named_is_odd(source, rest))
		return error_set(err, ERROR_CONFIGURATION,
				 "%s: takes file:PATH, env:VARIABLE, command:COMMAND or "
				 "credential:NAME; the secret itself is never written here",
				 field);
	g_autofree char *reference = NULL;
	if (named_reference(field, source, rest, &reference, err) != 0)
		return -1;
	*ret_stored = g_strconcat(secret_source_format(source), ":", reference, NULL);
	return 0;
}

/* Only a command is kept in another form than it is written in. */
char *secret_named_format(const char *stored)
{
	enum secret_source source;
	const char *reference;
	if (!secret_named_split(stored, &source, &reference) || source != SECRET_COMMAND)
		return g_strdup(stored);
	g_autofree char *words = secret_command_format(reference);
	return g_strconcat(secret_source_format(source), ":", words, NULL);
}

/* Errors begin with the field, so that "file" and "command" need no word before them. */
static int named_read(const char *field, const char *stored, secret_taker *take,
		      struct secret **ret_secret, struct error *err)
{
	enum secret_source source;
	const char *reference;
	if (!secret_named_split(stored, &source, &reference))
		return error_set(err, ERROR_CONFIGURATION, "%s: names no source", field);
	if (secret_read_by(take, "", source, reference, ret_secret, err) != 0)
		return error_prefix(err, "%s", field);
	return 0;
}

int secret_named_read(const char *field, const char *stored, struct secret **ret_secret,
		      struct error *err)
{
	return named_read(field, stored, secret_from_bytes, ret_secret, err);
}

int secret_named_read_text(const char *field, const char *stored, struct secret **ret_secret,
			   struct error *err)
{
	return named_read(field, stored, secret_from_text, ret_secret, err);
}
