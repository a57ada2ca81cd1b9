/*
 * connection_string.h - the text an operator writes to say where a queue's mail comes from.
 *
 * Pure:      no files, no network, no clock.
 * Grammar:   that of ADO.NET connection strings, as inqueue-connection(5) has it.
 * Ownership: connection_string_parse() hands out a value that the caller frees; its strings belong
 *            to it.
 * Errors:    CONFIGURATION, naming the key and what it takes; a value is quoted only where it
 *            cannot be a secret.
 */
#ifndef LOADER_IMAP_NAMES_CONNECTION_STRING_H
#define LOADER_IMAP_NAMES_CONNECTION_STRING_H

#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection_string {
	char *url; /* host name or IP address (IPv6 without brackets) */
	uint16_t port;
	bool ssl;
	char *mailbox; /* folder names: UTF-8, '/' between levels */
	char *dropbox;
	char *badmail;
	bool attach_html;
	bool unpack_forwarded;
	bool sanitize;
	char *ca_file;		 /* NULL: the system's authorities */
	char *crl_file;		 /* NULL: no revocation lists but those in ca_file */
	uint32_t timeout_s;	 /* of a connection attempt and of each command */
	uint32_t connections;	 /* of all queues of the account at once; 0 = any number */
	bool idle;		 /* wait with IDLE where the server can */
	uint32_t poll_s;	 /* otherwise look for mail this often */
	uint64_t max_size_bytes; /* larger messages are not loaded */
	/* Limits of one message: the rest of it is not looked at. */
	uint32_t max_header_bytes;
	uint32_t max_fields;
	uint32_t max_parts;
	uint32_t max_depth;
	uint32_t max_boundary_bytes;
	bool keep_raw;	     /* keep the raw message of every entry, not of bad ones only */
	bool create_folders; /* a missing dropbox or badmail */
	bool insecure;	     /* the password may cross the network in clear */
	char *since;   /* only messages received on or after this day, YYYY-MM-DD; NULL = all */
	char *search;  /* IMAP search criteria (RFC 3501 6.4.4) */
	char *proxy;   /* socks5://, socks5h://, http:// without user info; NULL = none */
	char *pin;     /* as curl takes it, "sha256//…" with ';' between several; NULL = none */
	char *min_tls; /* "1.2" or "1.3" */
	char *client_certificate; /* PEM file with certificate and key; NULL = none */
	char *auth_user; /* whose mailbox it is, where that is another user; NULL = the same */
	char *auth_mech; /* force this SASL mechanism or LOGIN; NULL = the strongest offered */
	/* Of a queue without a mailbox, absolute paths; NULL: none. */
	char *watch_folder;   /* watch imports the mail of it */
	char *archive_folder; /* where its files go that are through */
	char *failed_folder;  /* where those go of which a message became a bad entry */
	char **disable;	      /* extensions of the server to ignore, upper case, NULL-terminated */

	struct connection_string_pair
	    *pairs; /* as written, in order, for connection_string_format() */
	size_t pair_count;
};

struct connection_string_pair {
	char *key;   /* in its canonical spelling */
	char *value; /* unquoted */
};

/* Reads the text, and fills in defaults. Errors: CONFIGURATION. */
int connection_string_parse(const char *text, struct connection_string **ret_string,
			    struct error *err);

/* The same where mail may come from no server: `url` is NULL where the text names none. */
int connection_string_parse_local(const char *text, struct connection_string **ret_string,
				  struct error *err);

/* Whether the operator's text names this key (canonical spelling); else the key has its
 * default. */
bool connection_string_names(const struct connection_string *string, const char *key);

/* The inverse: canonical keys, values quoted where they must be; parsing it gives an equal value.
 * Caller frees. */
char *connection_string_format(const struct connection_string *string);

/* The user whose mailbox it is, `user_name` signs in. Borrowed. */
const char *connection_string_owner(const struct connection_string *string, const char *user_name);

/* False where the client's certificate signs in alone (authMech=EXTERNAL). */
bool connection_string_needs_secret(const struct connection_string *string);

/* Releases; takes NULL. */
void connection_string_free(struct connection_string *string);
SCOPED_DEFINE(struct connection_string *, connection_string_free)

/* Reads "500KB" and the like; false when it is none, or not from 1 to `max` bytes. */
bool connection_string_parse_size(const char *value, uint64_t max, uint64_t *ret_bytes);

/* The keys, for help and manual: rows 0.. until false is returned. Texts
 * are static. */
struct connection_string_key_help {
	const char *key;
	const char *value;	   /* "HOST", "True|False", … */
	const char *default_value; /* "" = none */
	const char *meaning;
};
bool connection_string_key_at(size_t index, struct connection_string_key_help *ret_help);

#endif
