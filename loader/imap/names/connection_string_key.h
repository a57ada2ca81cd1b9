/*
 * connection_string_key.h - the keys of a connection string: what each takes, and how it is set.
 *
 * Internal to the connection string. A row of the table in connection_string_key.c is the only
 * place that knows a key; connection_string_value.c checks values, one function for each kind.
 */
#ifndef LOADER_IMAP_NAMES_CONNECTION_STRING_KEY_H
#define LOADER_IMAP_NAMES_CONNECTION_STRING_KEY_H

#include "loader/imap/names/connection_string.h"

struct connection_string_key;

/* Checks `value` and writes it to *field, whose type goes with the function. Errors name what the
 * key takes, not the key. */
typedef int connection_string_setter(const struct connection_string_key *key, void *field,
				     const char *value, struct error *err);

struct connection_string_key {
	struct connection_string_key_help help;
	connection_string_setter *set;
	size_t field;	       /* its place in struct connection_string */
	uint64_t max;	       /* of a number, size (bytes) or time (s) */
	const char *takes;     /* for errors: "a time from 1s to 60m: 60, 60s, 2m" */
	bool default_in_words; /* help.default_value is no value that `set` takes */
};

/* bool */
connection_string_setter connection_string_set_bool;

/* uint16_t */
connection_string_setter connection_string_set_port;

/* uint32_t: 1 to key->max */
connection_string_setter connection_string_set_count;

/* uint32_t: whole seconds, from 1 to key->max */
connection_string_setter connection_string_set_seconds;

/* uint64_t, or uint32_t where that is large enough: "500KB" and the like, from 1 to key->max */
connection_string_setter connection_string_set_size;
connection_string_setter connection_string_set_small_size;

/* char *; an empty value becomes NULL where the key may be left out */
connection_string_setter connection_string_set_host;
connection_string_setter connection_string_set_file;
connection_string_setter connection_string_set_directory;
connection_string_setter connection_string_set_proxy;
connection_string_setter connection_string_set_mechanism;
connection_string_setter connection_string_set_pin;
connection_string_setter connection_string_set_tls_version;
connection_string_setter connection_string_set_user;
connection_string_setter connection_string_set_folder;
connection_string_setter connection_string_set_day;
connection_string_setter connection_string_set_search;

/* char **, in upper case */
connection_string_setter connection_string_set_names;

/* In any case; NULL when there is no such key. */
const struct connection_string_key *connection_string_key_find(const char *name);

int connection_string_key_set(const struct connection_string_key *key,
			      struct connection_string *string, const char *value,
			      struct error *err);

/* Sets every key to its default; url and port have none until connection_string_key_complete(). */
int connection_string_key_preset(struct connection_string *string, struct error *err);

/* Checks what only shows when all keys are known: url is there, the three folders differ. Sets the
 * port where none is given. */
int connection_string_key_complete(struct connection_string *string, struct error *err);

#endif
