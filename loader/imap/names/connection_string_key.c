#include "loader/imap/names/connection_string_key.h"
#include "loader/base/clock.h"
#include "loader/imap/names/mailbox_name.h"
#include "loader/imap/names/search_criteria.h"
#include "mime/limits.h"

#include <arpa/inet.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define PORT_CLEAR	   143
#define PORT_TLS	   993
#define MIB		   (UINT64_C(1) << 20)
#define MAX_SIZE_LIMIT	   (900 * MIB)
#define MAX_HEADER_LIMIT   (4 * MIB)
#define MAX_COUNT_LIMIT	   100000
#define MAX_DEPTH_LIMIT	   250
#define MAX_BOUNDARY_LIMIT 65536
#define TIMEOUT_MAX_S	   3600
#define POLL_MAX_S	   1500
#define DISABLE_MAX	   64

static void replace_text(char **field, const char *value)
{
	g_free(*field);
	*field = g_strdup(value);
}

static int set_bool(bool *field, const char *value, struct error *err)
{
	if (!g_ascii_strcasecmp(value, "True"))
		*field = true;
	else if (!g_ascii_strcasecmp(value, "False"))
		*field = false;
	else
		return error_set(err, ERROR_CONFIGURATION, "takes True or False");
	return 0;
}

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

/* --- the server -------------------------------------------------------- */

static bool is_ipv6(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET6, host, &address) == 1;
}

static bool is_host(const char *host)
{
	for (const char *at = host; *at; at++) {
		if ((unsigned char)*at < 0x80 && !g_ascii_isalnum(*at) && !strchr("-._", *at))
			return false;
	}
	return *host && strlen(host) <= 255;
}

static int set_url(struct connection_string *string, const char *value, struct error *err)
{
	size_t length = strlen(value);
	bool bracketed = *value == '[' && length > 2 && value[length - 1] == ']';
	g_autofree char *host = bracketed ? g_strndup(value + 1, length - 2) : g_strdup(value);

	if (is_ipv6(host) || (!bracketed && is_host(host))) {
		replace_text(&string->url, host);
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

static int set_port(struct connection_string *string, const char *value, struct error *err)
{
	uint64_t port = 0;
	const char *unit = "";

	if (!parse_number(value, &port, &unit) || *unit || port == 0 || port > UINT16_MAX)
		return error_set(err, ERROR_CONFIGURATION, "takes a number from 1 to 65535");
	string->port = (uint16_t)port;
	return 0;
}

static int set_ssl(struct connection_string *string, const char *value, struct error *err)
{
	return set_bool(&string->ssl, value, err);
}

static int set_insecure(struct connection_string *string, const char *value, struct error *err)
{
	return set_bool(&string->insecure, value, err);
}

static int set_ca_file(struct connection_string *string, const char *value, struct error *err)
{
	(void)err;
	replace_text(&string->ca_file, *value ? value : NULL);
	return 0;
}

static int set_proxy(struct connection_string *string, const char *value, struct error *err)
{
	static const char *const schemes[] = {"socks5://", "socks5h://", "http://"};
	const char *rest = NULL;

	if (strchr(value, '@'))
		return error_set(err, ERROR_CONFIGURATION,
				 "takes no user name or password: use a proxy that asks for none");
	for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++) {
		if (!g_ascii_strncasecmp(value, schemes[i], strlen(schemes[i])))
			rest = value + strlen(schemes[i]);
	}
	if (*value && (!rest || !*rest || strpbrk(rest, "/?# ")))
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "takes socks5://HOST:PORT, socks5h://HOST:PORT or http://HOST:PORT");
	replace_text(&string->proxy, *value ? value : NULL);
	return 0;
}

static int set_auth_mech(struct connection_string *string, const char *value, struct error *err)
{
	static const char *const mechanisms[] = {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN",
						 "LOGIN",	  "CRAM-MD5",	 "XOAUTH2"};

	for (size_t i = 0; i < G_N_ELEMENTS(mechanisms); i++) {
		if (!g_ascii_strcasecmp(value, mechanisms[i])) {
			replace_text(&string->auth_mech, mechanisms[i]);
			return 0;
		}
	}
	if (*value)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "takes SCRAM-SHA-256, SCRAM-SHA-1, PLAIN, LOGIN, CRAM-MD5 or XOAUTH2");
	replace_text(&string->auth_mech, NULL);
	return 0;
}

static bool is_capability(const char *name)
{
	for (const char *at = name; *at; at++) {
		if (!g_ascii_isalnum(*at) && !strchr("-=+._/", *at))
			return false;
	}
	return *name && strlen(name) <= 64;
}

static int set_disable(struct connection_string *string, const char *value, struct error *err)
{
	g_autofree char *upper = g_ascii_strup(value, -1);
	g_auto(GStrv) names = g_strsplit(upper, ",", DISABLE_MAX + 1);

	for (size_t i = 0; names[i]; i++) {
		g_strstrip(names[i]);
		if (!is_capability(names[i]) || i == DISABLE_MAX)
			return error_set(err, ERROR_CONFIGURATION,
					 "takes names of server extensions with commas between "
					 "them, such as MOVE,UIDPLUS");
	}
	g_strfreev(string->disable);
	string->disable = g_steal_pointer(&names);
	return 0;
}

/* --- the folders ------------------------------------------------------- */

static int set_folder(char **field, const char *value, struct error *err)
{
	g_autofree char *wire = NULL;

	if (mailbox_name_encode(value, '/', &wire, err) < 0)
		return -1;
	replace_text(field, value);
	return 0;
}

static int set_mailbox(struct connection_string *string, const char *value, struct error *err)
{
	return set_folder(&string->mailbox, value, err);
}

static int set_dropbox(struct connection_string *string, const char *value, struct error *err)
{
	return set_folder(&string->dropbox, value, err);
}

static int set_badmail(struct connection_string *string, const char *value, struct error *err)
{
	return set_folder(&string->badmail, value, err);
}

static int set_create_folders(struct connection_string *string, const char *value,
			      struct error *err)
{
	return set_bool(&string->create_folders, value, err);
}

/* --- the messages ------------------------------------------------------ */

static int set_attach_html(struct connection_string *string, const char *value, struct error *err)
{
	return set_bool(&string->attach_html, value, err);
}

static int set_sanitize(struct connection_string *string, const char *value, struct error *err)
{
	return set_bool(&string->sanitize, value, err);
}

static int set_keep_raw(struct connection_string *string, const char *value, struct error *err)
{
	return set_bool(&string->keep_raw, value, err);
}

/* "500KB" and the like; false when it is none, or not from 1 to `max` bytes. */
static bool parse_size(const char *value, uint64_t max, uint64_t *ret_bytes)
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

static int set_max_size(struct connection_string *string, const char *value, struct error *err)
{
	if (parse_size(value, MAX_SIZE_LIMIT, &string->max_size_bytes))
		return 0;
	return error_set(err, ERROR_CONFIGURATION,
			 "takes a size from 1 byte to 900MB: 52428800, 500KB, 50MB");
}

static int set_max_header(struct connection_string *string, const char *value, struct error *err)
{
	uint64_t bytes;
	if (!parse_size(value, MAX_HEADER_LIMIT, &bytes))
		return error_set(err, ERROR_CONFIGURATION,
				 "takes a size from 1 byte to 4MB: 262144, 256KB");
	string->max_header_bytes = (uint32_t)bytes;
	return 0;
}

static int set_count(uint32_t *count, uint32_t max, const char *value, struct error *err)
{
	uint64_t number = 0;
	const char *rest = NULL;

	if (!parse_number(value, &number, &rest) || *rest || number == 0 || number > max)
		return error_set(err, ERROR_CONFIGURATION, "takes a number from 1 to %u", max);
	*count = (uint32_t)number;
	return 0;
}

static int set_max_fields(struct connection_string *string, const char *value, struct error *err)
{
	return set_count(&string->max_fields, MAX_COUNT_LIMIT, value, err);
}

static int set_max_parts(struct connection_string *string, const char *value, struct error *err)
{
	return set_count(&string->max_parts, MAX_COUNT_LIMIT, value, err);
}

static int set_max_depth(struct connection_string *string, const char *value, struct error *err)
{
	return set_count(&string->max_depth, MAX_DEPTH_LIMIT, value, err);
}

static int set_max_boundary(struct connection_string *string, const char *value, struct error *err)
{
	return set_count(&string->max_boundary_bytes, MAX_BOUNDARY_LIMIT, value, err);
}

static int set_timeout(struct connection_string *string, const char *value, struct error *err)
{
	int64_t timeout_ms;

	if (duration_parse(value, &timeout_ms) == 0 && timeout_ms > 0 && timeout_ms % 1000 == 0 &&
	    timeout_ms <= (int64_t)TIMEOUT_MAX_S * 1000) {
		string->timeout_s = (uint32_t)(timeout_ms / 1000);
		return 0;
	}
	return error_set(err, ERROR_CONFIGURATION, "takes a time from 1s to 60m: 60, 60s, 2m");
}

static int set_idle(struct connection_string *string, const char *value, struct error *err)
{
	return set_bool(&string->idle, value, err);
}

/* Servers close a connection that has been silent for half an hour. */
static int set_poll(struct connection_string *string, const char *value, struct error *err)
{
	int64_t poll_ms;

	if (duration_parse(value, &poll_ms) == 0 && poll_ms > 0 && poll_ms % 1000 == 0 &&
	    poll_ms <= (int64_t)POLL_MAX_S * 1000) {
		string->poll_s = (uint32_t)(poll_ms / 1000);
		return 0;
	}
	return error_set(err, ERROR_CONFIGURATION, "takes a time from 1s to 25m: 60, 60s, 5m");
}

static bool is_day(const char *text)
{
	if (strlen(text) != 10)
		return false;
	for (size_t i = 0; i < 10; i++) {
		if (i == 4 || i == 7 ? text[i] != '-' : !g_ascii_isdigit(text[i]))
			return false;
	}
	return g_date_valid_dmy((GDateDay)strtoul(text + 8, NULL, 10),
				(GDateMonth)strtoul(text + 5, NULL, 10),
				(GDateYear)strtoul(text, NULL, 10));
}

static int set_since(struct connection_string *string, const char *value, struct error *err)
{
	if (*value && !is_day(value))
		return error_set(err, ERROR_CONFIGURATION, "takes a day as YYYY-MM-DD");
	replace_text(&string->since, *value ? value : NULL);
	return 0;
}

static int set_search(struct connection_string *string, const char *value, struct error *err)
{
	if (search_criteria_check(value, err) < 0)
		return -1;
	replace_text(&string->search, value);
	return 0;
}

/* --- the table --------------------------------------------------------- */

static const struct connection_string_key keys[] = {
    {{"url", "HOST", "needed", "host name or IP address of the IMAP server"},
     .set = set_url,
     .default_in_words = true},
    {{"port", "1-65535", G_STRINGIFY(PORT_CLEAR) "; " G_STRINGIFY(PORT_TLS) " with ssl=True",
      "TCP port"},
     .set = set_port,
     .default_in_words = true},
    {{"ssl", "True|False", "False",
      "True: TLS from the first byte. False: STARTTLS when the server offers it; without TLS the "
      "password goes to a loopback address only"},
     .set = set_ssl},
    {{"mailbox", "FOLDER", "INBOX", "folder with the incoming mail"}, .set = set_mailbox},
    {{"dropbox", "FOLDER", "DROPBOX", "archive folder: where a message goes once it is stored"},
     .set = set_dropbox},
    {{"badmail", "FOLDER", "BADMAIL", "folder for messages that could not be loaded"},
     .set = set_badmail},
    {{"attachHtml", "True|False", "False", "True: attach the HTML body as original.html"},
     .set = set_attach_html},
    {{"sanitize", "True|False", "False",
      "accepted; stored text never holds control characters anyway"},
     .set = set_sanitize},
    {{"caFile", "FILE", "the system's",
      "file with the certificate authorities to trust instead (PEM)"},
     .set = set_ca_file,
     .default_in_words = true},
    {{"timeout", "TIME", "60s", "for connecting and for each command, up to 60m"},
     .set = set_timeout},
    {{"idle", "True|False", "True",
      "watch is told of new mail (IDLE) where the server can do that"},
     .set = set_idle},
    {{"poll", "TIME", "60s", "without IDLE watch looks this often, up to 25m"}, .set = set_poll},
    {{"maxSize", "SIZE", "50MB",
      "larger messages become bad entries with their header only; up to 900MB"},
     .set = set_max_size},
    {{"maxHeader", "SIZE", G_STRINGIFY(MIME_MAX_HEADER_KB) "KB",
      "no more of a message's header is read, whether it is loaded or too large; up to 4MB"},
     .set = set_max_header},
    {{"maxFields", "NUMBER", G_STRINGIFY(MIME_MAX_HEADERS), "no more header fields are read"},
     .set = set_max_fields},
    {{"maxParts", "NUMBER", G_STRINGIFY(MIME_MAX_PARTS),
      "a message is not taken apart into more parts"},
     .set = set_max_parts},
    {{"maxDepth", "NUMBER", G_STRINGIFY(MIME_MAX_DEPTH),
      "nor into parts of parts deeper than this"},
     .set = set_max_depth},
    {{"maxBoundary", "NUMBER", G_STRINGIFY(MIME_MAX_BOUNDARY),
      "a boundary longer than this many bytes is ignored"},
     .set = set_max_boundary},
    {{"keepRaw", "True|False", "False",
      "True: keep the raw message of every entry, not only of bad ones"},
     .set = set_keep_raw},
    {{"createFolders", "True|False", "True",
      "create a missing dropbox and badmail; False: an error before any message is touched"},
     .set = set_create_folders},
    {{"insecure", "True|False", "False", "True: let the password cross the network without TLS"},
     .set = set_insecure},
    {{"since", "YYYY-MM-DD", "", "only messages received on or after this day (YYYY-MM-DD)"},
     .set = set_since},
    {{"search", "CRITERIA", "UNDELETED",
      "which messages to load, as IMAP search keys (RFC 3501, 6.4.4)"},
     .set = set_search},
    {{"proxy", "URL", "", "socks5://, socks5h:// or http:// and HOST:PORT, without a user name"},
     .set = set_proxy},
    {{"authMech", "NAME", "the strongest",
      "force SCRAM-SHA-256, SCRAM-SHA-1 (with these the server must prove that it knows the "
      "password, too), PLAIN, LOGIN, CRAM-MD5 or XOAUTH2"},
     .set = set_auth_mech,
     .default_in_words = true},
    {{"disable", "NAME,NAME", "", "extensions of the server to ignore, e.g. MOVE,UIDPLUS"},
     .set = set_disable},
};

bool connection_string_key_at(size_t index, struct connection_string_key_help *ret_help)
{
	if (index >= G_N_ELEMENTS(keys))
		return false;
	*ret_help = keys[index].help;
	return true;
}

const struct connection_string_key *connection_string_key_find(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (!g_ascii_strcasecmp(name, keys[i].help.key))
			return &keys[i];
	}
	return NULL;
}

int connection_string_key_preset(struct connection_string *string, struct error *err)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (!keys[i].default_in_words &&
		    keys[i].set(string, keys[i].help.default_value, err) < 0)
			return error_prefix(err, "%s", keys[i].help.key);
	}
	return 0;
}

static bool is_same_folder(const char *one, const char *other)
{
	struct error ignored;
	g_autofree char *wire_one = NULL;
	g_autofree char *wire_other = NULL;

	return mailbox_name_encode(one, '/', &wire_one, &ignored) == 0 &&
	       mailbox_name_encode(other, '/', &wire_other, &ignored) == 0 &&
	       mailbox_name_is_same(wire_one, wire_other, '/');
}

int connection_string_key_complete(struct connection_string *string, struct error *err)
{
	const char *folders[] = {string->mailbox, string->dropbox, string->badmail};
	static const char *const names[] = {"mailbox", "dropbox", "badmail"};

	if (!string->url)
		return error_set(err, ERROR_CONFIGURATION,
				 "url is missing: url=HOST says which server to collect from");
	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
		size_t other = (i + 1) % G_N_ELEMENTS(folders);

		if (is_same_folder(folders[i], folders[other]))
			return error_set(err, ERROR_CONFIGURATION,
					 "%s and %s must be different folders, both are '%s'",
					 names[i], names[other], folders[i]);
	}
	if (string->port == 0)
		string->port = string->ssl ? PORT_TLS : PORT_CLEAR;
	return 0;
}
