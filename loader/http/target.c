/* Judges URLs by curl's parser: which one is a target, and where a redirect may lead. */
#include "loader/http/target.h"

#include "queue/base/scoped.h"

#include <curl/curl.h>
#include <string.h>

SCOPED_DEFINE(CURLU *, curl_url_cleanup)
SCOPED_DEFINE(char *, curl_free)

/* Caller frees with curl_free(); NULL where the URL does not have the part. */
static char *target_part(const CURLU *parsed, CURLUPart part, unsigned int flags)
{
	char *text = NULL;
	return curl_url_get((CURLU *)parsed, part, &text, flags) == CURLUE_OK ? text : NULL;
}

/* Scheme, host and port are the same in any case; a port that is left out is the scheme's own. */
static bool target_part_equals(const CURLU *left, const CURLU *right, CURLUPart part)
{
	scoped(curl_free) char *one = target_part(left, part, CURLU_DEFAULT_PORT);
	scoped(curl_free) char *other = target_part(right, part, CURLU_DEFAULT_PORT);
	return one != NULL && other != NULL && g_ascii_strcasecmp(one, other) == 0;
}

static bool target_part_is(const CURLU *parsed, CURLUPart part, const char *expected)
{
	scoped(curl_free) char *text = target_part(parsed, part, CURLU_DEFAULT_PORT);
	return text != NULL && g_ascii_strcasecmp(text, expected) == 0;
}

static bool target_has_part(const CURLU *parsed, CURLUPart part)
{
	scoped(curl_free) char *text = target_part(parsed, part, 0);
	return text != NULL && *text != '\0';
}

/* Says what is wrong with the URL and repeats nothing of it: a password may stand in it. */
int target_check(const char *url, struct error *err)
{
	scoped(curl_url_cleanup) CURLU *parsed = curl_url();
	const CURLUcode code = curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
	if (code != CURLUE_OK)
		return error_set(err, ERROR_CONFIGURATION,
				 "not a URL like https://example.com/mail: %s",
				 curl_url_strerror(code));
	if (!target_part_is(parsed, CURLUPART_SCHEME, "https") &&
	    !target_part_is(parsed, CURLUPART_SCHEME, "http"))
		return error_set(err, ERROR_CONFIGURATION,
				 "takes a URL that begins with https:// or http://");
	if (!target_has_part(parsed, CURLUPART_HOST))
		return error_set(err, ERROR_CONFIGURATION, "the URL has no host");
	if (target_has_part(parsed, CURLUPART_PASSWORD))
		return error_set(err, ERROR_CONFIGURATION,
				 "leave the password out of the URL: it takes the user's name, "
				 "https://NAME@host/…, and deliver-password names the source of "
				 "the password, e.g. file:PATH");
	if (target_has_part(parsed, CURLUPART_FRAGMENT))
		return error_set(err, ERROR_CONFIGURATION,
				 "what follows a # is never sent: leave it out");
	return 0;
}

/* A URL that is none has no user: target_check() has said so by then. */
bool target_has_user(const char *url)
{
	scoped(curl_url_cleanup) CURLU *parsed = curl_url();
	return curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
	       target_has_part(parsed, CURLUPART_USER);
}

/* Decoded, as curl sends them: "%40" in the URL is "@" in the password. */
bool target_find_credentials(const char *url, char **ret_user, char **ret_password)
{
	scoped(curl_url_cleanup) CURLU *parsed = curl_url();
	if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    !target_has_part(parsed, CURLUPART_PASSWORD))
		return false;
	scoped(curl_free) char *user = target_part(parsed, CURLUPART_USER, CURLU_URLDECODE);
	char *password = target_part(parsed, CURLUPART_PASSWORD, CURLU_URLDECODE);
	*ret_user = g_strdup(user);
	*ret_password = g_strdup(password);
	explicit_bzero(password, strlen(password));
	curl_free(password);
	return true;
}

/* The copy that curl made is wiped as well. */
int target_add_password(const char *url, const char *password, char **ret_url, struct error *err)
{
	scoped(curl_url_cleanup) CURLU *parsed = curl_url();
	if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_set(parsed, CURLUPART_PASSWORD, password, CURLU_URLENCODE) != CURLUE_OK)
		return error_set(err, ERROR_CONFIGURATION,
				 "the password cannot be sent to the target");
	char *text = target_part(parsed, CURLUPART_URL, 0);
	*ret_url = g_strdup(text);
	explicit_bzero(text, strlen(text));
	curl_free(text);
	return 0;
}

/* Scheme, host and port: all queues that post there share its places. */
char *target_origin(const char *url)
{
	scoped(curl_url_cleanup) CURLU *parsed = curl_url();
	if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK)
		return g_strdup(url);
	scoped(curl_free) char *scheme = target_part(parsed, CURLUPART_SCHEME, 0);
	scoped(curl_free) char *host = target_part(parsed, CURLUPART_HOST, 0);
	scoped(curl_free) char *port = target_part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	g_autofree char *origin = g_strdup_printf("%s://%s:%s", scheme, host, port);
	return g_ascii_strdown(origin, -1);
}

/* For errors: a host can be named, a URL may hold a password. */
char *target_host(const char *url)
{
	scoped(curl_url_cleanup) CURLU *parsed = curl_url();
	if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK)
		return g_strdup("the target");
	scoped(curl_free) char *host = target_part(parsed, CURLUPART_HOST, 0);
	scoped(curl_free) char *port = target_part(parsed, CURLUPART_PORT, 0);
	return port != NULL ? g_strdup_printf("%s:%s", host, port) : g_strdup(host);
}

/* An IPv6 address stands in brackets in a URL alone, and with its zone on this machine alone. */
char *target_name(const char *url)
{
	scoped(curl_url_cleanup) CURLU *parsed = curl_url();
	if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK)
		return g_strdup("the target");
	scoped(curl_free) char *host = target_part(parsed, CURLUPART_HOST, 0);
	return *host == '[' ? g_strndup(host + 1, strcspn(host + 1, "%]")) : g_strdup(host);
}

/* ---- redirects ---- */

/* A redirect from http to https on one host leads to the same target; target_follow() refuses
 * the way back. */
static bool target_same(const CURLU *from, const CURLU *to)
{
	if (!target_part_equals(from, to, CURLUPART_HOST))
		return false;
	if (target_part_equals(from, to, CURLUPART_SCHEME))
		return target_part_equals(from, to, CURLUPART_PORT);
	return target_part_is(from, CURLUPART_SCHEME, "http") &&
	       target_part_is(from, CURLUPART_PORT, "80") &&
	       target_part_is(to, CURLUPART_PORT, "443");
}

int target_redirects_parse(const char *text, enum target_redirects *ret_redirects)
{
	static const char *const names[] = {[TARGET_REDIRECTS_ANY] = "any",
					    [TARGET_REDIRECTS_SAME_HOST] = "same-host",
					    [TARGET_REDIRECTS_NONE] = "none"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret_redirects = (enum target_redirects)i;
			return 0;
		}
	}
	return -1;
}

/* Whatever is more than host and port would not be compared. */
int target_check_host(const char *host, struct error *err)
{
	scoped(curl_url_cleanup) CURLU *parsed = curl_url();
	g_autofree char *url = g_strconcat("https://", host, "/", NULL);
	if (strpbrk(host, "/?#@ ") != NULL ||
	    curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    !target_has_part(parsed, CURLUPART_HOST))
		return error_set(err, ERROR_CONFIGURATION,
				 "takes names of hosts, with :PORT where it is not the usual one");
	return 0;
}

/* A line without a port means the port of the scheme. */
static bool target_is_trusted(const CURLU *to, const char *trusted)
{
	scoped(curl_free) char *scheme = target_part(to, CURLUPART_SCHEME, 0);
	g_auto(GStrv) lines = g_strsplit(trusted != NULL ? trusted : "", "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		scoped(curl_url_cleanup) CURLU *host = curl_url();
		g_autofree char *url = g_strdup_printf("%s://%s/", scheme, *line);
		if (**line != '\0' && curl_url_set(host, CURLUPART_URL, url, 0) == CURLUE_OK &&
		    target_part_equals(host, to, CURLUPART_HOST) &&
		    target_part_equals(host, to, CURLUPART_PORT))
			return true;
	}
	return false;
}

/* Credentials that stand in the location itself never count. */
static void target_set_credentials(CURLU *to, const CURLU *from)
{
	static const CURLUPart parts[] = {CURLUPART_USER, CURLUPART_PASSWORD};
	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		scoped(curl_free) char *text = from != NULL ? target_part(from, parts[i], 0) : NULL;
		curl_url_set(to, parts[i], text, 0);
	}
}

/* Resolves the location against the URL. A fragment is never sent, so it is dropped. */
int target_follow(const char *url, const char *location, const char *trusted, char **ret_url,
		  bool *ret_foreign, struct error *err)
{
	scoped(curl_url_cleanup) CURLU *from = curl_url();
	scoped(curl_url_cleanup) CURLU *to = curl_url();
	if (curl_url_set(from, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_set(to, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_set(to, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		return error_set(err, ERROR_UNREACHABLE, "the target redirects to what is no URL");
	const bool secure = target_part_is(to, CURLUPART_SCHEME, "https");
	if (!secure && !target_part_is(to, CURLUPART_SCHEME, "http"))
		return error_set(err, ERROR_UNREACHABLE,
				 "the target redirects to what is neither https nor http");
	if (!secure && target_part_is(from, CURLUPART_SCHEME, "https"))
		return error_set(err, ERROR_UNREACHABLE, "the target redirects from https to http");
	const bool foreign = !target_same(from, to) && !target_is_trusted(to, trusted);
	target_set_credentials(to, foreign ? NULL : from);
	curl_url_set(to, CURLUPART_FRAGMENT, NULL, 0);
	scoped(curl_free) char *text = target_part(to, CURLUPART_URL, 0);
	*ret_url = g_strdup(text);
	*ret_foreign = foreign;
	return 0;
}

bool target_is_clear(const char *url)
{
	return g_ascii_strncasecmp(url, "http:", strlen("http:")) == 0;
}
