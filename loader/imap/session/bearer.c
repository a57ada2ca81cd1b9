/*
 * Writes what a client says that signs in with an access token, and reads the JSON by which a server
 * refuses one.
 */
#include "loader/imap/session/bearer.h"

#include "loader/imap/names/server_words.h"

#include <glib.h>
#include <jansson.h>
#include <string.h>

/* A reason that is longer is not read; servers send some 100 bytes. */
#define REASON_BYTES_MAX ((size_t)8192)

static bool is_oauthbearer(const char *mechanism)
{
	return !strcmp(mechanism, "OAUTHBEARER");
}

bool bearer_knows(const char *mechanism)
{
	return is_oauthbearer(mechanism) || !strcmp(mechanism, "XOAUTH2");
}

char *bearer_first(const char *mechanism, const char *user, const char *host, uint16_t port,
		   const char *token)
{
	if (!is_oauthbearer(mechanism))
		return g_strdup_printf("user=%s\1auth=Bearer %s\1\1", user, token);

	g_autoptr(GString) name = g_string_new(user);

	/* The name as in SCRAM (RFC 5801, 4). '=' first: the next line puts new ones in. */
	g_string_replace(name, "=", "=3D", 0);
	g_string_replace(name, ",", "=2C", 0);
	return g_strdup_printf("n,a=%s,\1host=%s\1port=%u\1auth=Bearer %s\1\1", name->str, host,
			       port, token);
}

const char *bearer_acknowledge(const char *mechanism)
{
	return is_oauthbearer(mechanism) ? "\1" : "";
}

static void append_member(GString *words, const json_t *reason, const char *name)
{
	const char *value = json_string_value(json_object_get(reason, name));

	if (value && *value)
		g_string_append_printf(words, "%s%s %s", words->len > 0 ? ", " : "", name, value);
}

char *bearer_reason(const char *challenge)
{
	static const char *const names[] = {"status", "error", "error_description", "scope"};
	size_t size = strlen(challenge);
	json_t *reason =
	    size <= REASON_BYTES_MAX ? json_loadb(challenge, size, JSON_ALLOW_NUL, NULL) : NULL;
	g_autoptr(GString) words = g_string_new(NULL);

	for (size_t i = 0; json_is_object(reason) && i < G_N_ELEMENTS(names); i++)
		append_member(words, reason, names[i]);
	json_decref(reason);
	if (words->len == 0)
		return server_words(challenge, size);
	return server_words(words->str, words->len);
}
