/*
 * target.h - which URLs entries may be posted to.
 *
 * Pure functions; strings returned are the caller's, freed with g_free().
 */
#ifndef LOADER_HTTP_TARGET_H
#define LOADER_HTTP_TARGET_H

#include "queue/base/error.h"

#include <stdbool.h>

/* A URL that an operator gives: http or https, written out, with a host, without a password or a
 * fragment. CONFIGURATION says what is wrong, and repeats nothing of it. */
int target_check(const char *url, struct error *err);

/* Does the URL name a user? */
bool target_has_user(const char *url);

/* User and password of a URL, decoded; false where it has no password. The caller wipes the
 * password. */
bool target_find_credentials(const char *url, char **ret_user, char **ret_password);

/* The URL with the password of its user, for this program's own use. CONFIGURATION where that
 * cannot be. */
int target_add_password(const char *url, const char *password, char **ret_url, struct error *err);

/* "https://example.com:443": the same for all URLs that lead to one server. */
char *target_origin(const char *url);

/* "example.com", "example.com:8443": who an error is about. */
char *target_host(const char *url);

/* "example.com", "2001:db8::1": whose certificate it must be. */
char *target_name(const char *url);

/* Which redirects are followed: "any", "same-host", "none". */
enum target_redirects { TARGET_REDIRECTS_ANY, TARGET_REDIRECTS_SAME_HOST, TARGET_REDIRECTS_NONE };
int target_redirects_parse(const char *text, enum target_redirects *ret_redirects);

/* A host that may get credentials: "example.com", with ":PORT" where that is not the scheme's own.
 * CONFIGURATION for anything else. */
int target_check_host(const char *host, struct error *err);

/*
 * Where a redirect leads. Credentials go with it to the same host, scheme and port, or from http to
 * https there, and to those among `trusted` (a line each; NULL: none); to any other `*ret_foreign`
 * is true and the URL has none. UNREACHABLE for a location that is no http or https URL, or that
 * leads from https to http.
 */
int target_follow(const char *url, const char *location, const char *trusted, char **ret_url,
		  bool *ret_foreign, struct error *err);

/* Does the URL lead to a server without TLS? */
bool target_is_clear(const char *url);

#endif
