/*
 * Checks the values of a connection string and writes them to their fields: one function for each
 * kind of value. A value that is refused is never quoted back: it may be a password that stands in
 * the wrong place.
 */
#include "loader/imap/names/connection_string_key.h"

#include "loader/base/clock.h"
#include "loader/imap/names/mailbox_name.h"
#include "loader/imap/names/search_criteria.h"

#include <arpa/inet.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define MIB	    (UINT64_C(1) << 20)
#define DISABLE_MAX 64

/* The table has the words, since the limits of keys of one kind differ. */
static int refuse(const struct connection_string_key *key, struct error *err)
{
	return error_set(err, ERROR_CONFIGURATION, "takes %s", key->takes);
}

static void replace_text(void *field, const char *value)
{
	char **text = field;

	g_free(*text);
	*text = g_strdup(value);
}

int connection_string_set_bool(const struct connection_string_key *key, void *field,
			       const char *value, struct error *err)
{
	bool *yes = field;

	(void)key;
	if (!g_ascii_strcasecmp(value, "True"))
		*yes = true;
	else if (!g_ascii_strcasecmp(value, "False"))
		*yes = false;
	else
		return error_set(err, ERROR_CONFIGURATION, "takes True or False");
	return 0;
}

/* --- numbers ----------------------------------------------------------- */

/* Digits, then `unit`; false for anything else or for what does not fit. */
static bool parse_number(const char *value, uint64_t *ret_number, const char **ret_unit)
{
	char *end = NULL;

	if (!g_ascii_isdigit(*value))
		return false;
	*ret_number = g_ascii_strtoull(value, &end, 10);
	*ret_unit = end;
	return *ret_number != UINT64_MAX;
}

int connection_string_set_port(const struct connection_string_key *key, void *field,
			       const char *value, struct error *err)
{
	uint64_t port = 0;
	const char *unit = "";

	(void)key;
	if (!parse_number(value, &port, &unit) || *unit || port == 0 || port > UINT16_MAX)
		return error_set(err, ERROR_CONFIGURATION, "takes a number from 1 to 65535");
	*(uint16_t *)field = (uint16_t)port;
	return 0;
}

int connection_string_set_count(const struct connection_string_key *key, void *field,
				const char *value, struct error *err)
{
	uint64_t number = 0;
	const char *rest = NULL;

	if (!parse_number(value, &number, &rest) || *rest || number == 0 || number > key->max)
		return error_set(err, ERROR_CONFIGURATION, "takes a number from 1 to %u",
				 (unsigned)key->max);
	*(uint32_t *)field = (uint32_t)number;
	return 0;
}

int connection_string_set_seconds(const struct connection_string_key *key, void *field,
				  const char *value, struct error *err)
{
	int64_t time_ms;

	if (duration_parse(value, &time_ms) != 0 || time_ms <= 0 || time_ms % 1000 != 0 ||
	    time_ms / 1000 > (int64_t)key->max)
		return refuse(key, err);
	*(uint32_t *)field = (uint32_t)(time_ms / 1000);
	return 0;
}

bool connection_string_parse_size(const char *value, uint64_t max, uint64_t *ret_bytes)
{
	static const struct {
		const char *unit;
		uint64_t factor;
	} units[] = {{"", 1},	 {"B", 1},    {"K", 1024},	 {"KB", 1024},
		     {"M", MIB}, {"MB", MIB}, {"G", 1024 * MIB}, {"GB", 1024 * MIB}};
	uint64_t number = 0;
	const char *unit = NULL;

	if (parse_number(value, &number, &unit)) {
		unit += strspn(unit, " ");
		for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
			if (g_ascii_strcasecmp(unit, units[i].unit) != 0 || number == 0 ||
			    number > max / units[i].factor)
				continue;
			*ret_bytes = number * units[i].factor;
			return true;
		}
	}
	return false;
}

int connection_string_set_size(const struct connection_string_key *key, void *field,
			       const char *value, struct error *err)
{
	return connection_string_parse_size(value, key->max, field) ? 0 : refuse(key, err);
}

int connection_string_set_small_size(const struct connection_string_key *key, void *field,
				     const char *value, struct error *err)
{
	uint64_t bytes;

	/* key->max fits into 32 bits. */
	if (!connection_string_parse_size(value, key->max, &bytes))
		return refuse(key, err);
	*(uint32_t *)field = (uint32_t)bytes;
	return 0;
}

/* --- the server -------------------------------------------------------- */

static bool is_ipv6(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET6, host, &address) == 1;
}

/* Bytes outside ASCII pass: curl converts international names. */
static bool is_host(const char *host)
{
	for (const char *at = host; *at; at++) {
		if ((unsigned char)*at < 0x80 && !g_ascii_isalnum(*at) && !strchr("-._", *at))
			return false;
	}
	return *host && strlen(host) <= 255;
}

/* People write URLs, addresses with a user, and ports here: each error says where these belong. */
int connection_string_set_host(const struct connection_string_key *key, void *field,
			       const char *value, struct error *err)
{
	size_t length = strlen(value);
	bool bracketed = *value == '[' && length > 2 && value[length - 1] == ']';
	g_autofree char *host = bracketed ? g_strndup(value + 1, length - 2) : g_strdup(value);

	(void)key;
	if (is_ipv6(host) || (!bracketed && is_host(host))) {
		replace_text(field, host);
		return 0;
	}
	if (strchr(value, '/'))
		return error_set(err, ERROR_CONFIGURATION,
				 "takes the host name only, such as imap.example.com, not a URL; "
				 "TLS is chosen with ssl=, the folder with mailbox=");
	if (strchr(value, '@'))
		return error_set(err, ERROR_CONFIGURATION,
				 "takes the host name only; the user name belongs to the queue "
				 "(--user-name)");
	if (strchr(value, ':'))
		return error_set(err, ERROR_CONFIGURATION,
				 "takes the host name only; the port has its own key: port=993");
	return error_set(err, ERROR_CONFIGURATION,
			 "takes a host name or an IP address, such as imap.example.com");
}

int connection_string_set_file(const struct connection_string_key *key, void *field,
			       const char *value, struct error *err)
{
	(void)key;
	(void)err;
	replace_text(field, *value ? value : NULL);
	return 0;
}

/* Nobody knows in which folder `watch` will be started. */
int connection_string_set_directory(const struct connection_string_key *key, void *field,
				    const char *value, struct error *err)
{
	(void)key;
	if (*value && *value != '/')
		return error_set(err, ERROR_CONFIGURATION,
				 "takes an absolute path such as /srv/mail");
	replace_text(field, *value ? value : NULL);
	return 0;
}

int connection_string_set_proxy(const struct connection_string_key *key, void *field,
				const char *value, struct error *err)
{
	static const char *const schemes[] = {"socks5://", "socks5h://", "http://"};
	const char *rest = NULL;

	/* The definition of a queue is shown and exported: a password has no place in it. */
	if (strchr(value, '@'))
		return error_set(err, ERROR_CONFIGURATION,
				 "takes no user name or password: use a proxy that asks for none");
	for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++) {
		if (!g_ascii_strncasecmp(value, schemes[i], strlen(schemes[i])))
			rest = value + strlen(schemes[i]);
	}
	if (*value && (!rest || !*rest || strpbrk(rest, "/?# ")))
		return refuse(key, err);
	replace_text(field, *value ? value : NULL);
	return 0;
}

int connection_string_set_mechanism(const struct connection_string_key *key, void *field,
				    const char *value, struct error *err)
{
	static const char *const mechanisms[] = {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN",
						 "LOGIN",	  "CRAM-MD5",	 "XOAUTH2",
						 "OAUTHBEARER",	  "EXTERNAL"};

	/* Kept as the server writes it, in whatever case the operator has. */
	for (size_t i = 0; i < G_N_ELEMENTS(mechanisms); i++) {
		if (!g_ascii_strcasecmp(value, mechanisms[i])) {
			replace_text(field, mechanisms[i]);
			return 0;
		}
	}
	if (*value)
		return refuse(key, err);
	replace_text(field, NULL);
	return 0;
}

int connection_string_set_user(const struct connection_string_key *key, void *field,
			       const char *value, struct error *err)
{
	for (const char *at = value; *at; at++) {
		if (g_ascii_iscntrl(*at))
			return refuse(key, err);
	}
	replace_text(field, *value ? value : NULL);
	return 0;
}

int connection_string_set_tls_version(const struct connection_string_key *key, void *field,
				      const char *value, struct error *err)
{
	if (strcmp(value, "1.2") != 0 && strcmp(value, "1.3") != 0)
		return refuse(key, err);
	replace_text(field, value);
	return 0;
}

#define PIN_START  "sha256//"
#define PIN_LENGTH 44 /* 32 bytes in base64 */

static bool is_pin(const char *pin)
{
	const char *digest = pin + strlen(PIN_START);
	gsize size = 0;

	if (!g_str_has_prefix(pin, PIN_START) || strlen(digest) != PIN_LENGTH ||
	    strspn(digest, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") !=
		PIN_LENGTH - 1)
		return false;

	g_autofree guchar *bytes = g_base64_decode(digest, &size);

	return size == 32;
}

int connection_string_set_pin(const struct connection_string_key *key, void *field,
			      const char *value, struct error *err)
{
	g_auto(GStrv) pins = g_strsplit(value, ",", DISABLE_MAX);

	for (size_t i = 0; pins[i]; i++) {
		if (!is_pin(g_strstrip(pins[i])))
			return refuse(key, err);
	}

	g_autofree char *joined = g_strjoinv(";", pins);

	replace_text(field, *joined ? joined : NULL);
	return 0;
}

/* No capability has other characters, so another name would never match. */
static bool is_capability(const char *name)
{
	for (const char *at = name; *at; at++) {
		if (!g_ascii_isalnum(*at) && !strchr("-=+._/", *at))
			return false;
	}
	return *name && strlen(name) <= 64;
}

int connection_string_set_names(const struct connection_string_key *key, void *field,
				const char *value, struct error *err)
{
	g_autofree char *upper = g_ascii_strup(value, -1);
	/* One more than allowed is split off, so that a longer list shows. */
	g_auto(GStrv) names = g_strsplit(upper, ",", DISABLE_MAX + 1);

	for (size_t i = 0; names[i]; i++) {
		g_strstrip(names[i]);
		if (!is_capability(names[i]) || i == DISABLE_MAX)
			return refuse(key, err);
	}

	char ***list = field;

	g_strfreev(*list);
	*list = g_steal_pointer(&names);
	return 0;
}

/* --- the messages ------------------------------------------------------ */

/* Which delimiter the server has shows later; what no server can take is refused now. */
int connection_string_set_folder(const struct connection_string_key *key, void *field,
				 const char *value, struct error *err)
{
	g_autofree char *wire = NULL;

	(void)key;
	if (mailbox_name_encode(value, '/', &wire, err) < 0)
		return -1;
	replace_text(field, value);
	return 0;
}

static bool is_day(const char *text)
{
	if (strlen(text) != 10)
		return false;
	/* g_date_valid_dmy() takes any numbers: the form is checked before it. */
	for (size_t i = 0; i < 10; i++) {
		if (i == 4 || i == 7 ? text[i] != '-' : !g_ascii_isdigit(text[i]))
			return false;
	}
	return g_date_valid_dmy((GDateDay)strtoul(text + 8, NULL, 10),
				(GDateMonth)strtoul(text + 5, NULL, 10),
				(GDateYear)strtoul(text, NULL, 10));
}

int connection_string_set_day(const struct connection_string_key *key, void *field,
			      const char *value, struct error *err)
{
	if (*value && !is_day(value))
		return refuse(key, err);
	replace_text(field, *value ? value : NULL);
	return 0;
}

int connection_string_set_search(const struct connection_string_key *key, void *field,
				 const char *value, struct error *err)
{
	(void)key;
	/* Refused here, before a queue is defined with it, rather than in its first run. */
	if (search_criteria_check(value, err) < 0)
		return -1;
	replace_text(field, value);
	return 0;
}
