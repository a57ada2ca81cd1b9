/* Chooses the proxy of a post. The environment is read here and not by curl, because a post that
 * no_proxy takes past the proxy needs the check of its address. */
#include "loader/http/proxy.h"

#include "loader/base/redact.h"
#include "loader/base/secret.h"
#include "loader/http/target.h"
#include "queue/base/scoped.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PROXY_ENVIRONMENT "environment"

SCOPED_DEFINE(CURLU *, curl_url_cleanup)
SCOPED_DEFINE(char *, curl_free)

static bool proxy_has_part(const CURLU *parsed, CURLUPart part)
{
	scoped(curl_free) char *text = NULL;
	return curl_url_get((CURLU *)parsed, part, &text, 0) == CURLUE_OK && strcmp(text, "/") != 0;
}

/* Only "http://HOST:PORT", in variables with user and password as well. */
static bool proxy_is_good(const char *url, bool with_user)
{
	scoped(curl_url_cleanup) CURLU *parsed = curl_url();
	return g_ascii_strncasecmp(url, "http://", strlen("http://")) == 0 &&
	       curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
	       proxy_has_part(parsed, CURLUPART_PORT) && !proxy_has_part(parsed, CURLUPART_PATH) &&
	       !proxy_has_part(parsed, CURLUPART_QUERY) &&
	       !proxy_has_part(parsed, CURLUPART_FRAGMENT) &&
	       (with_user || !proxy_has_part(parsed, CURLUPART_USER));
}

int proxy_check(const char *setting, struct error *err)
{
	if (strcmp(setting, PROXY_ENVIRONMENT) == 0 || proxy_is_good(setting, false))
		return 0;
	return error_set(err, ERROR_CONFIGURATION,
			 "takes http://HOST:PORT, without user and password, or environment: "
			 "https_proxy may have them");
}

/* ---- the environment ---- */

/* HTTP_PROXY in capitals is not read, because a request to a CGI program can set it. */
static const char *const for_http[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
static const char *const for_https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

/* A variable without a scheme means http://. Caller wipes; NULL where it is not set. */
static char *proxy_variable(const char *name)
{
	const char *value = getenv(name);
	if (value == NULL || *value == '\0')
		return NULL;
	return strstr(value, "://") != NULL ? g_strdup(value) : g_strconcat("http://", value, NULL);
}

static char *proxy_first(const char *const *names, size_t count, const char **ret_name)
{
	char *value = NULL;
	for (size_t i = 0; i < count && value == NULL; i++) {
		*ret_name = names[i];
		value = proxy_variable(names[i]);
	}
	return value;
}

static int proxy_open_variable(const char *const *names, size_t count, struct error *err)
{
	const char *name;
	scoped(secret_wipe) char *url = proxy_first(names, count, &name);
	g_autofree char *user = NULL;
	scoped(secret_wipe) char *password = NULL;
	if (url == NULL)
		return 0;
	if (!proxy_is_good(url, true))
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-proxy=environment: %s is no proxy like http://HOST:PORT",
				 name);
	if (target_find_credentials(url, &user, &password))
		redact_add(password, strlen(password));
	return 0;
}

int proxy_open(const char *setting, struct error *err)
{
	if (setting == NULL || strcmp(setting, PROXY_ENVIRONMENT) != 0)
		return 0;
	if (proxy_open_variable(for_http, G_N_ELEMENTS(for_http), err) != 0)
		return -1;
	return proxy_open_variable(for_https, G_N_ELEMENTS(for_https), err);
}

/* ---- what goes past the proxy ---- */

/* "10.0.0.0/8", or an address without "/". */
static bool proxy_network_has(const char *network, const char *host)
{
	unsigned char wanted[sizeof(struct in6_addr)];
	unsigned char given[sizeof(struct in6_addr)];
	g_auto(GStrv) parts = g_strsplit(network, "/", 2);
	const int family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
	guint64 bits = family == AF_INET6 ? 128 : 32;
	if (inet_pton(family, host, given) != 1 || inet_pton(family, parts[0], wanted) != 1 ||
	    (parts[1] != NULL && !g_ascii_string_to_unsigned(parts[1], 10, 0, bits, &bits, NULL)))
		return false;
	const unsigned char rest = (unsigned char)(0xff00 >> (bits % 8));
	return memcmp(wanted, given, bits / 8) == 0 &&
	       (bits % 8 == 0 || ((wanted[bits / 8] ^ given[bits / 8]) & rest) == 0);
}

/* "example.com" and ".example.com" mean the domain with all that is in it. */
static bool proxy_domain_has(const char *domain, const char *host)
{
	const char *name = *domain == '.' ? domain + 1 : domain;
	const size_t length = strlen(host);
	const size_t tail = strlen(name);
	return tail > 0 && tail <= length && g_ascii_strcasecmp(host + length - tail, name) == 0 &&
	       (tail == length || host[length - tail - 1] == '.');
}

static bool proxy_is_passed(const char *url)
{
	const char *list = getenv("no_proxy") != NULL ? getenv("no_proxy") : getenv("NO_PROXY");
	g_auto(GStrv) words = g_strsplit_set(list != NULL ? list : "", ", \t[]", -1);
	g_autofree char *host = target_name(url);
	bool passed = false;
	for (char **word = words; *word != NULL; word++)
		passed = passed || strcmp(*word, "*") == 0 || proxy_network_has(*word, host) ||
			 proxy_domain_has(*word, host);
	return passed;
}

char *proxy_choose(const char *setting, const char *url)
{
	const char *ignored;
	if (setting == NULL)
		return NULL;
	if (strcmp(setting, PROXY_ENVIRONMENT) != 0)
		return g_strdup(setting);
	if (proxy_is_passed(url))
		return NULL;
	return target_is_clear(url) ? proxy_first(for_http, G_N_ELEMENTS(for_http), &ignored)
				    : proxy_first(for_https, G_N_ELEMENTS(for_https), &ignored);
}
