/*
 * The table of keys: what each is for, what it takes and what it is without one. Help and
 * manual come from it.
 */
#include "loader/imap/names/connection_string_key.h"

#include "loader/imap/names/mailbox_name.h"
#include "mime/message.h"

#include <glib.h>
#include <stddef.h>
#include <string.h>

#define PORT_CLEAR 143
#define PORT_TLS   993
#define MIB	   (UINT64_C(1) << 20)

/* How a row sets its field of struct connection_string. */
#define SET(kind, name)                                                                            \
	.set = connection_string_set_##kind, .field = offsetof(struct connection_string, name)

static const struct connection_string_key keys[] = {
    {{"url", "HOST", "needed", "host name or IP address of the IMAP server"},
     SET(host, url),
     .default_in_words = true},
    {{"port", "1-65535", G_STRINGIFY(PORT_CLEAR) "; " G_STRINGIFY(PORT_TLS) " with ssl=True",
      "TCP port"},
     SET(port, port),
     .default_in_words = true},
    {{"ssl", "True|False", "False",
      "True: TLS from the first byte. False: STARTTLS when the server offers it; without TLS the "
      "password goes to a loopback address only"},
     SET(bool, ssl)},
    {{"mailbox", "FOLDER", "INBOX", "folder with the incoming mail"}, SET(folder, mailbox)},
    {{"dropbox", "FOLDER", "DROPBOX",
      "archive folder: where a message goes once it is stored; \\Archive: the folder that the "
      "server says is for that (RFC 6154), likewise \\Junk and others for every folder"},
     SET(folder, dropbox)},
    {{"badmail", "FOLDER", "BADMAIL", "folder for messages that could not be loaded"},
     SET(folder, badmail)},
    {{"attachHtml", "True|False", "False", "True: attach the HTML body as original.html"},
     SET(bool, attach_html)},
    {{"unpackForwarded", "True|False", "False",
      "True: the files in a forwarded message are attachments, too, named by their path in it"},
     SET(bool, unpack_forwarded)},
    {{"sanitize", "True|False", "False",
      "accepted; stored text never holds control characters anyway"},
     SET(bool, sanitize)},
    {{"caFile", "FILE", "the system's",
      "file with the certificate authorities to trust instead (PEM); their revocation lists may "
      "stand in it"},
     SET(file, ca_file),
     .default_in_words = true},
    {{"crlFile", "FILE", "", "file with revocation lists of authorities (PEM, or one in DER)"},
     SET(file, crl_file)},
    {{"timeout", "TIME", "60s", "for connecting and for each command, up to 60m"},
     SET(seconds, timeout_s),
     .max = 3600,
     .takes = "a time from 1s to 60m: 60, 60s, 2m"},
    {{"connections", "NUMBER", "any number",
      "at most so many connections at once for all queues that sign in as this user at this host; "
      "a queue waits for its turn for as long as timeout=, and watch gives its connection to "
      "others that wait"},
     SET(count, connections),
     .max = 100,
     .default_in_words = true},
    {{"idle", "True|False", "True",
      "watch is told of new mail (IDLE) where the server can do that"},
     SET(bool, idle)},
    {{"poll", "TIME", "60s", "without IDLE watch looks this often, up to 25m"},
     SET(seconds, poll_s),
     /* Servers close a connection that has been silent for half an hour. */
     .max = 1500,
     .takes = "a time from 1s to 25m: 60, 60s, 5m"},
    {{"maxSize", "SIZE", "50MB",
      "larger messages become bad entries with their header only; up to 900MB"},
     SET(size, max_size_bytes),
     .max = 900 * MIB,
     .takes = "a size from 1 byte to 900MB: 52428800, 500KB, 50MB"},
    {{"maxHeader", "SIZE", G_STRINGIFY(MIME_MAX_HEADER_KB) "KB",
      "at most so much of a message's header is read, whether the message is loaded or too large; "
      "up to 4MB"},
     SET(small_size, max_header_bytes),
     .max = 4 * MIB,
     .takes = "a size from 1 byte to 4MB: 262144, 256KB"},
    {{"maxFields", "NUMBER", G_STRINGIFY(MIME_MAX_HEADERS),
      "at most so many header fields of a message are read"},
     SET(count, max_fields),
     .max = 100000},
    {{"maxParts", "NUMBER", G_STRINGIFY(MIME_MAX_PARTS),
      "a message is taken apart into at most so many parts"},
     SET(count, max_parts),
     .max = 100000},
    {{"maxDepth", "NUMBER", G_STRINGIFY(MIME_MAX_DEPTH),
      "parts inside parts are opened to this depth"},
     SET(count, max_depth),
     .max = 250},
    {{"maxBoundary", "NUMBER", G_STRINGIFY(MIME_MAX_BOUNDARY),
      "a boundary longer than this many bytes is ignored"},
     SET(count, max_boundary_bytes),
     .max = 65536},
    {{"keepRaw", "True|False", "False",
      "True: keep the raw message of every entry, not only of bad ones"},
     SET(bool, keep_raw)},
    {{"createFolders", "True|False", "True",
      "create a missing dropbox and badmail; False: an error before any message is touched"},
     SET(bool, create_folders)},
    {{"insecure", "True|False", "False", "True: let the password cross the network without TLS"},
     SET(bool, insecure)},
    {{"since", "YYYY-MM-DD", "", "only messages received on or after this day (YYYY-MM-DD)"},
     SET(day, since),
     .takes = "a day as YYYY-MM-DD"},
    {{"search", "CRITERIA", "UNDELETED",
      "which messages to load, as IMAP search keys (RFC 3501, 6.4.4), in any alphabet"},
     SET(search, search)},
    {{"proxy", "URL", "", "socks5://, socks5h:// or http:// and HOST:PORT, without a user name"},
     SET(proxy, proxy),
     .takes = "socks5://HOST:PORT, socks5h://HOST:PORT or http://HOST:PORT"},
    {{"authMech", "NAME", "the strongest",
      "the mechanism to sign in with: SCRAM-SHA-256, SCRAM-SHA-1 (with these the server must prove "
      "that it knows the password, too), PLAIN, LOGIN, CRAM-MD5; with an access token OAUTHBEARER "
      "or XOAUTH2; with clientCert EXTERNAL"},
     SET(mechanism, auth_mech),
     .takes =
	 "SCRAM-SHA-256, SCRAM-SHA-1, PLAIN, LOGIN, CRAM-MD5, OAUTHBEARER, XOAUTH2 or EXTERNAL",
     .default_in_words = true},
    {{"authUser", "NAME", "",
      "whose mailbox to open, where it is not that of the queue's user: a shared mailbox, or that "
      "of another user for whom this one may sign in (PLAIN, SCRAM, OAUTHBEARER, XOAUTH2, "
      "EXTERNAL)"},
     SET(user, auth_user),
     .takes = "a user name without control characters"},
    {{"clientCert", "FILE", "",
      "file with a certificate and its key (PEM), which the server gets to see; "
      "authMech=EXTERNAL signs in by it alone"},
     SET(file, client_certificate)},
    {{"pin", "sha256//BASE64,...", "",
      "the SHA-256 of the server's public key, or several with commas between them; the key alone "
      "decides then, and not authorities, names or times"},
     SET(pin, pin),
     .takes = "sha256// and the digest of a public key in base64, with commas between several"},
    {{"minTls", "1.2|1.3", "1.2", "the oldest version of TLS that is used"},
     SET(tls_version, min_tls),
     .takes = "1.2 or 1.3"},
    {{"watchFolder", "DIR", "",
      "for a queue with external source File: watch imports the mail that is put into this folder"},
     SET(directory, watch_folder)},
    {{"archiveFolder", "DIR", "",
      "with watchFolder: a file goes here once each of its messages is an entry"},
     SET(directory, archive_folder)},
    {{"failedFolder", "DIR", "",
      "with watchFolder: a file goes here when one of its messages has become a bad entry"},
     SET(directory, failed_folder)},
    {{"disable", "NAME,NAME", "",
      "extensions of the server to ignore, e.g. MOVE,UIDPLUS; GMAIL: no care for Gmail's labels"},
     SET(names, disable),
     .takes = "names of server extensions with commas between them, such as MOVE,UIDPLUS"},
};

bool connection_string_key_at(size_t index, struct connection_string_key_help *ret_help)
{
	if (index >= G_N_ELEMENTS(keys))
		return false;
	*ret_help = keys[index].help;
	return true;
}

/* Case does not count: programs and people write these keys in every form. */
const struct connection_string_key *connection_string_key_find(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (!g_ascii_strcasecmp(name, keys[i].help.key))
			return &keys[i];
	}
	return NULL;
}

/* The row knows the place and the kind of its field, and so no key needs a function of its own. */
int connection_string_key_set(const struct connection_string_key *key,
			      struct connection_string *string, const char *value,
			      struct error *err)
{
	return key->set(key, (char *)string + key->field, value, err);
}

/* Defaults stand in the table as an operator would write them, once. */
int connection_string_key_preset(struct connection_string *string, struct error *err)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		/* A default passes the same checks as an operator's value. */
		if (!keys[i].default_in_words &&
		    connection_string_key_set(&keys[i], string, keys[i].help.default_value, err) <
			0)
			return error_prefix(err, "%s", keys[i].help.key);
	}
	return 0;
}

/* As far as the names alone tell; the server is asked when it is known
 * (loader/source/mailbox.c). */
static bool is_same_folder(const char *one, const char *other)
{
	struct error ignored;
	g_autofree char *wire_one = NULL;
	g_autofree char *wire_other = NULL;

	return mailbox_name_encode(one, '/', &wire_one, &ignored) == 0 &&
	       mailbox_name_encode(other, '/', &wire_other, &ignored) == 0 &&
	       mailbox_name_is_same(wire_one, wire_other, '/');
}

/* What depends on several keys, once all are set. */
int connection_string_key_complete(struct connection_string *string, struct error *err)
{
	const char *folders[] = {string->mailbox, string->dropbox, string->badmail};
	static const char *const names[] = {"mailbox", "dropbox", "badmail"};

	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
		/* The next one, round the circle: that makes every pair of three. */
		size_t other = (i + 1) % G_N_ELEMENTS(folders);

		if (is_same_folder(folders[i], folders[other]))
			return error_set(err, ERROR_CONFIGURATION,
					 "%s and %s must be different folders, both are '%s'",
					 names[i], names[other], folders[i]);
	}
	if (!connection_string_needs_secret(string) && !string->client_certificate)
		return error_set(err, ERROR_CONFIGURATION,
				 "authMech=EXTERNAL needs clientCert=FILE");
	if (string->port == 0)
		string->port = string->ssl ? PORT_TLS : PORT_CLEAR;
	return 0;
}
